"""What a person should look at: alarms that each name their runbook, and one dashboard."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.alarms import Alarm, Alarms, Metric
from stacks.control_plane_stack import FUNCTIONS, ControlPlaneStack
from stacks.handover import take

#: `lambdas.adapters.aws.journal.NAMESPACE`; a test holds the two together.
NAMESPACE = "Batchyard"
STREAM_READERS = ("relay", "launch")


class ObservabilityStack(cdk.Stack):
    """Alarms and the dashboard; deleting it loses no work and no data."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        control_plane: ControlPlaneStack,
    ) -> None:
        super().__init__(
            scope, construct_id, description=f"Batchyard {config.deployment}: alarms, dashboard"
        )
        self._config = config
        alarms = Alarms(self, "Alarms", config)
        for reader in STREAM_READERS:
            alarms.add(self._iterator_age(reader))
        for queue in control_plane.queues.watched:
            alarms.add(self._depth(queue))
        for function in FUNCTIONS:
            alarms.add(self._errors(function))
        for alarm in self._single():
            alarms.add(alarm)
        self._dashboard()

    # ── alarms ────────────────────────────────────────────────────────────────────────────────

    def _iterator_age(self, reader: str) -> Alarm:
        return Alarm(
            f"{reader}-behind",
            f"{reader} is more than two minutes behind the jobs table's stream.",
            "stream-behind",
            self._function(reader, "IteratorAge", "Maximum"),
            threshold=120_000,
            periods=3,
        )

    def _depth(self, queue: str) -> Alarm:
        return Alarm(
            f"{queue}-not-empty",
            f"The queue {queue} holds what nobody could do.",
            "rejected-events" if queue == "rejected" else "dead-letters",
            self._queue(queue),
            threshold=1,
        )

    def _errors(self, function: str) -> Alarm:
        return Alarm(
            f"{function}-errors",
            f"{function} failed in three of the last five minutes.",
            "function-errors",
            self._function(function, "Errors"),
            threshold=1,
            periods=5,
            breaching=3,
        )

    def _single(self) -> tuple[Alarm, ...]:
        wait = {"StateMachineArn": take(self, self._config, "wait_machine")}
        table = {"TableName": take(self, self._config, "jobs_table")}
        return (
            Alarm(
                "overdue",
                "An effect has been owed for more than ten minutes and is still unpaid.",
                "overdue-work",
                self._overdue(),
                threshold=600,
                periods=2,
            ),
            Alarm(
                "reconcile-silent",
                "reconcile, which runs every minute, has not run for five.",
                "reconcile-silent",
                self._function("reconcile", "Invocations"),
                threshold=1,
                periods=5,
                below=True,
            ),
            Alarm(
                # No function reserves concurrency: they share the account's, as this metric does.
                "throttles",
                "Functions of this account and Region were throttled in three of five minutes.",
                "throttles",
                Metric("AWS/Lambda", "Throttles", {}, "Sum"),
                threshold=1,
                periods=5,
                breaching=3,
            ),
            Alarm(
                "waits-failed",
                "An execution of the wait machine failed for a reason it does not know.",
                "waits-failed",
                Metric("AWS/States", "ExecutionsFailed", wait, "Sum"),
                threshold=1,
            ),
            Alarm(
                "jobs-table-throttled",
                "Writes of the jobs table were throttled in three of five minutes.",
                "throttles",
                Metric("AWS/DynamoDB", "WriteThrottleEvents", table, "Sum"),
                threshold=1,
                periods=5,
                breaching=3,
            ),
        )

    # ── metrics ───────────────────────────────────────────────────────────────────────────────

    def _function(self, name: str, metric: str, statistic: str = "Sum") -> Metric:
        dimensions = {"FunctionName": f"{self._config.deployment}-{name}"}
        return Metric("AWS/Lambda", metric, dimensions, statistic)

    def _queue(self, name: str) -> Metric:
        told = take(self, self._config, f"{name}_queue_name")
        return Metric(
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": told}, "Maximum"
        )

    def _overdue(self) -> Metric:
        """Emitted by `reconcile`'s journal, whose dimensions are these two."""
        deployment = self._config.deployment
        dimensions = {"deployment": deployment, "service": f"{deployment}-reconcile"}
        return Metric(NAMESPACE, "OldestOverdueSeconds", dimensions, "Maximum")

    def _dashboard(self) -> None:
        graphs = {
            "Oldest overdue effect (s)": [self._overdue()],
            "Behind the stream (ms)": [
                self._function(reader, "IteratorAge", "Maximum") for reader in STREAM_READERS
            ],
            "Calls a minute": [self._function(name, "Invocations") for name in FUNCTIONS],
            "Errors a minute": [self._function(name, "Errors") for name in FUNCTIONS],
            "Duration (ms, slowest)": [
                self._function(name, "Duration", "Maximum") for name in FUNCTIONS
            ],
        }
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=self._config.deployment,
            widgets=[
                [
                    cloudwatch.GraphWidget(
                        title=title, left=[metric.drawn() for metric in metrics], width=12
                    )
                ]
                for title, metrics in graphs.items()
            ],
        )
