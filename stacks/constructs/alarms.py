"""Alarms on single metrics, each with a runbook in docs/runbooks.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.config import DeploymentConfig


@dataclass(frozen=True, slots=True)
class Metric:
    """One CloudWatch metric, by the minute."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str

    def drawn(self) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self.namespace,
            metric_name=self.name,
            dimensions_map=dict(self.dimensions),
            statistic=self.statistic,
            period=cdk.Duration.minutes(1),
        )


@dataclass(frozen=True, slots=True)
class Alarm:
    """Rings when the metric reaches `threshold` (falls under it: `below`) in `breaching` of the
    last `periods` minutes; in all of them when `breaching` is left out."""

    name: str
    says: str
    runbook: str
    metric: Metric
    threshold: float
    periods: int = 1
    breaching: int | None = None
    below: bool = False


class Alarms(Construct):
    """Alarms named `<deployment>-<name>`; they notify the configured topics, if any."""

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(scope, construct_id)
        self._config = config

    def add(self, alarm: Alarm) -> None:
        metric = alarm.metric
        cloudwatch.CfnAlarm(
            self,
            "".join(part.capitalize() for part in alarm.name.split("-")),
            alarm_name=f"{self._config.deployment}-{alarm.name}",
            alarm_description=f"{alarm.says} Runbook: docs/runbooks.md#{alarm.runbook}",
            namespace=metric.namespace,
            metric_name=metric.name,
            dimensions=[
                cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value)
                for name, value in metric.dimensions.items()
            ],
            statistic=metric.statistic,
            period=60,
            evaluation_periods=alarm.periods,
            datapoints_to_alarm=alarm.breaching,
            threshold=alarm.threshold,
            comparison_operator=(
                "LessThanThreshold" if alarm.below else "GreaterThanOrEqualToThreshold"
            ),
            # Silence is the alarm when something must run; elsewhere it means that all is quiet.
            treat_missing_data="breaching" if alarm.below else "notBreaching",
            alarm_actions=list(self._config.alarm_topics) or None,
            ok_actions=list(self._config.alarm_topics) or None,
        )
