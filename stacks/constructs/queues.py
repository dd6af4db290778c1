"""The platform's own queues. Job queues' inboxes are `JobQueue`'s (and the API's)."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.nag import acknowledge

_LONGEST = cdk.Duration.days(14)


class Queues(Construct):
    """Every queue, its dead letters and how long an unfinished message stays hidden.

    `failures` takes what no function could do: stream records, asynchronous invocations and
    effects. Nothing in it is lost: the debt stands in the jobs table and `reconcile` pays it.
    """

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(scope, construct_id)
        self._tls = config.require_tls
        self.bell_dead = self._dead("BellDead", fifo=True)
        self.bell = self._queue("Bell", self.bell_dead, hidden=90, tries=5, fifo=True)
        self.failures = self._dead("Failures")
        self.effects = self._queue("Effects", self.failures, hidden=360, tries=10)
        self.track_dead = self._dead("TrackDead")
        self.track = self._queue("Track", self.track_dead, hidden=180, tries=20)
        self.intake_dead = self._dead("IntakeDead")
        self.intake = self._queue("Intake", self.intake_dead, hidden=180, tries=8)
        self.rejected = self._dead("Rejected")

    @property
    def watched(self) -> dict[str, sqs.Queue]:
        """The queues that are empty when all is well, by the name of their runbook."""
        return {
            "bell-dead": self.bell_dead,
            "track-dead": self.track_dead,
            "intake-dead": self.intake_dead,
            "failures": self.failures,
            "rejected": self.rejected,
        }

    def _queue(
        self, name: str, dead: sqs.Queue, *, hidden: int, tries: int, fifo: bool = False
    ) -> sqs.Queue:
        """`hidden` (seconds) is more than the consumer's time-out; a crash costs that long."""
        return sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._tls,
            retention_period=_LONGEST,
            visibility_timeout=cdk.Duration.seconds(hidden),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=tries),
            fifo=fifo or None,
        )

    def _dead(self, name: str, fifo: bool = False) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._tls,
            retention_period=_LONGEST,
            fifo=fifo or None,
        )
        acknowledge(queue, "AwsSolutions-SQS3", "It is the dead-letter queue; an alarm watches it.")
        return queue
