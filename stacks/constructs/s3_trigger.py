"""An upload that submits a job."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.declared import Declared
from stacks.handover import take


@dataclass(frozen=True, slots=True)
class S3Location:
    """Objects of `bucket` whose keys begin with `prefix` and end with `suffix`."""

    bucket: str
    prefix: str = ""
    suffix: str = ""

    def meets(self, other: S3Location) -> bool:
        """Whether one key can lie in both."""
        return (
            self.bucket == other.bucket
            and _one_continues(self.prefix, other.prefix)
            and _one_continues(self.suffix[::-1], other.suffix[::-1])
        )

    def pattern(self) -> dict[str, Any]:
        """EventBridge's pattern for S3's Object Created events of these objects."""
        detail: dict[str, Any] = {"bucket": {"name": [self.bucket]}}
        if self.prefix and self.suffix:
            detail["object"] = {
                "key": [{"wildcard": f"{_literal(self.prefix)}*{_literal(self.suffix)}"}]
            }
        elif self.prefix:
            detail["object"] = {"key": [{"prefix": self.prefix}]}
        elif self.suffix:
            detail["object"] = {"key": [{"suffix": self.suffix}]}
        return {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": detail}


class S3Trigger(Declared):
    """Submits `job` (SubmitJob's request, without a name if the upload's is to be used).

    `writes` is where the job leaves what it makes; a trigger that its own job's output would fire
    again is refused. The bucket must send its events to EventBridge, as our input bucket does.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        trigger_id: str,
        watches: S3Location,
        job: Mapping[str, Any],
        writes: S3Location | None = None,
    ) -> None:
        _check(trigger_id, job)
        if writes and _known(scope, watches).meets(_known(scope, writes)):
            raise ValueError(
                f"trigger {trigger_id} would fire itself: its job writes to {_told(writes)}, "
                f"which it watches as {_told(watches)}"
            )
        super().__init__(
            scope,
            construct_id,
            config,
            kind="S3Trigger",
            name=trigger_id,
            detail={
                "id": trigger_id,
                "bucket": watches.bucket,
                "prefix": watches.prefix,
                "suffix": watches.suffix,
                "submitJob": dict(job),
            },
        )
        # The policy of the intake queue lets in rules with this prefix.
        name = f"{config.deployment}-s3-{trigger_id}"
        rule = events.CfnRule(
            self,
            "Uploads",
            name=name,
            event_pattern=watches.pattern(),
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Intake", arn=take(self, config, "intake_queue_arn")
                )
            ],
        )
        # An upload must find the trigger in the catalog.
        rule.node.add_dependency(self.resource)


def _check(trigger_id: str, job: Mapping[str, Any]) -> None:
    if not trigger_id or len(trigger_id) > 40 or not trigger_id.replace("-", "").isalnum():
        raise ValueError(
            f"id of the trigger is {trigger_id!r}: 1 to 40 letters, digits and hyphens are allowed"
        )
    for name in ("jobQueue", "jobDefinition"):
        if not job.get(name):
            raise ValueError(f"trigger {trigger_id} names no {name}: it is needed to submit a job")


def _known(scope: Construct, place: S3Location) -> S3Location:
    """The location with its bucket spelt as the template will: tokens cannot be compared."""
    told = cdk.Stack.of(scope).resolve(place.bucket)
    return replace(place, bucket=json.dumps(told, sort_keys=True))


def _one_continues(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _literal(text: str) -> str:
    """Text in which EventBridge's wildcard means nothing."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def _told(place: S3Location) -> str:
    """A location as a person reads it; a bucket's name may be known at deploy time only."""
    bucket = "the same bucket" if cdk.Token.is_unresolved(place.bucket) else place.bucket
    return f"{bucket}/{place.prefix}*{place.suffix}"
