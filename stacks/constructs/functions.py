"""One factory for every function: the same runtime, the same zip, the same care."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from lambdas.settings import Settings
from stacks.config import DeploymentConfig
from stacks.constructs.asset import build
from stacks.constructs.grants import Grant, role
from stacks.constructs.log_groups import retention

RUNTIME = lambda_.Runtime.PYTHON_3_14
MEMORY = 512  #: MiB: a third of a vCPU, where most of the time goes to waiting


class Functions(Construct):
    """Makes the deployment's functions, each with its own role and log group."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        settings: Settings,
        failures: sqs.IQueue,
        zip_path: Path | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self._config = config
        self._environment = settings.to_env()
        self._failures = failures
        self._code = lambda_.Code.from_asset(str(zip_path or build(config.asset)))
        self.made: dict[str, lambda_.Function] = {}

    def make(
        self, name: str, description: str, grants: Iterable[Grant], *, timeout: int
    ) -> lambda_.Function:
        """The function `<deployment>-<name>`, handled by `lambdas.handlers.<name>.handler`.

        What fails asynchronously goes to the failures queue after two retries.
        """
        label = name.capitalize()
        group = logs.LogGroup(
            self,
            f"{label}Log",
            log_group_name=f"/aws/lambda/{self._config.deployment}-{name}",
            retention=retention(self._config.log_retention_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        own = [*grants, _write_log(group), _report_failure(self._failures)]
        made = lambda_.Function(
            self,
            label,
            function_name=f"{self._config.deployment}-{name}",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.ARM_64,
            code=self._code,
            handler=f"lambdas.handlers.{name}.handler",
            timeout=cdk.Duration.seconds(timeout),
            memory_size=MEMORY,
            environment=self._environment,
            log_group=group,
            logging_format=lambda_.LoggingFormat.JSON,
            role=role(self, f"{label}Role", "lambda.amazonaws.com", description, own),
        )
        self._report_failures(label, made)
        self.made[name] = made
        return made

    def _report_failures(self, label: str, made: lambda_.Function) -> None:
        lambda_.CfnEventInvokeConfig(
            self,
            f"{label}Failures",
            function_name=made.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=3600,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                    destination=self._failures.queue_arn
                )
            ),
        )


def _write_log(group: logs.LogGroup) -> Grant:
    return Grant(
        "WriteOwnLog",
        "The streams of its own log group have names that Lambda chooses.",
        ("logs:CreateLogStream", "logs:PutLogEvents"),
        [group.log_group_arn],
    )


def _report_failure(queue: sqs.IQueue) -> Grant:
    return Grant(
        "ReportFailure",
        "What could not be done is kept for a person to see.",
        ("sqs:SendMessage",),
        [queue.queue_arn],
    )
