"""What comes in as events: submissions, ECS's word on tasks, and the minute."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.queues import Queues

SUBMIT = "Submit Job"
TASK_CHANGE = "ECS Task State Change"


class Events(Construct):
    """The deployment's own bus, and rules that bring events to the queues.

    Rules of this deployment, triggers included, are named `<deployment>-…`: that prefix is what
    the queues' policies let in.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        queues: Queues,
        cluster_arn: str,
        reconcile: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self._deployment = config.deployment
        self.bus = events.CfnEventBus(
            self,
            "Bus",
            name=config.deployment,
            description="Events with detail-type `Submit Job` become jobs",
        )
        self._feed("Submissions", queues.intake, {"detail-type": [SUBMIT]}, bus=self.bus.ref)
        changes = {
            "source": ["aws.ecs"],
            "detail-type": [TASK_CHANGE],
            "detail": {"clusterArn": [cluster_arn]},
        }
        self._feed("TaskChanges", queues.track, changes)
        self._every_minute(reconcile)
        for queue, bus in ((queues.intake, self.bus.ref), (queues.track, None)):
            self._let_in(queue, bus)

    def _feed(
        self, name: str, queue: sqs.Queue, pattern: Mapping[str, object], bus: str | None = None
    ) -> None:
        events.CfnRule(
            self,
            name,
            name=f"{self._deployment}-{name.lower()}",
            event_bus_name=bus,
            event_pattern=dict(pattern),
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Queue", arn=queue.queue_arn)],
        )

    def _every_minute(self, reconcile: lambda_.Function) -> None:
        rule = events.CfnRule(
            self,
            "EveryMinute",
            name=f"{self._deployment}-every-minute",
            schedule_expression="rate(1 minute)",
            state="ENABLED",
            targets=[events.CfnRule.TargetProperty(id="Reconcile", arn=reconcile.function_arn)],
        )
        lambda_.CfnPermission(
            self,
            "InvokeReconcile",
            action="lambda:InvokeFunction",
            function_name=reconcile.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.attr_arn,
        )

    def _let_in(self, queue: sqs.Queue, bus: str | None) -> None:
        """EventBridge may send to the queue, for rules with the deployment's prefix alone."""
        stack = cdk.Stack.of(self)
        names = [f"{self._deployment}-*", *([f"{bus}/{self._deployment}-*"] if bus else [])]
        rules = [
            stack.format_arn(service="events", resource="rule", resource_name=name)
            for name in names
        ]
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventsOfThisDeployment",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={
                    "ArnLike": {"aws:SourceArn": rules},
                    "StringEquals": {"aws:SourceAccount": stack.account},
                },
            )
        )
