"""A job queue, with the SQS queue that is its inbox."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from lambdas.core.rules_queue import inbox_name
from stacks.config import DeploymentConfig
from stacks.constructs.compute_environment import ComputeEnvironment
from stacks.constructs.declared import Declared
from stacks.nag import acknowledge


class JobQueue(Declared):
    """A job queue of this deployment.

    `compute_environments` are tried in the order given; a name stands for an environment that is
    declared elsewhere. A higher `priority` (0 to 1000) is served first.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        name: str,
        priority: int,
        compute_environments: Sequence[ComputeEnvironment | str],
        enabled: bool = True,
    ) -> None:
        if not 0 <= priority <= 1000:
            raise ValueError(f"priority of job queue {name} is {priority}: 0 to 1000 is allowed")
        if not compute_environments:
            raise ValueError(f"job queue {name} names no compute environment: one is needed")
        inbox = _inbox(scope, f"{construct_id}Inbox", config, name)
        super().__init__(
            scope,
            construct_id,
            config,
            kind="JobQueue",
            name=name,
            inbox=inbox.queue_url,
            detail={
                "jobQueueName": name,
                "state": "ENABLED" if enabled else "DISABLED",
                "priority": priority,
                "computeEnvironmentOrder": [
                    {"order": number, "computeEnvironment": _name(environment)}
                    for number, environment in enumerate(compute_environments, start=1)
                ],
            },
        )
        self.inbox = inbox
        self.needs(*(e for e in compute_environments if isinstance(e, ComputeEnvironment)))


def _inbox(scope: Construct, construct_id: str, config: DeploymentConfig, name: str) -> sqs.Queue:
    queue = sqs.Queue(
        scope,
        construct_id,
        queue_name=inbox_name(config.deployment, name),
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=config.require_tls,
        retention_period=cdk.Duration.days(14),
        visibility_timeout=cdk.Duration.seconds(60),
    )
    acknowledge(
        queue,
        "AwsSolutions-SQS3",
        "A ticket is read once and parked in the jobs table; a lost one is sent again by reconcile.",
    )
    return queue


def _name(environment: ComputeEnvironment | str) -> str:
    return environment if isinstance(environment, str) else environment.name
