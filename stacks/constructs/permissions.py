"""What each function may do, as a table of grants; tests/infrastructure/iam.json is its mirror."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stacks.constructs.grants import Grant

_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE = (
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """Grants over one deployment's resources; every field but the last two is an ARN."""

    jobs: str
    jobs_stream: str
    catalog: str
    capacity: str
    blobs: str  #: the bucket
    cluster: str
    tasks: str  #: pattern of the cluster's tasks
    task_definitions: str  #: pattern of this deployment's task definitions
    inboxes: str  #: pattern of job queues' SQS queues
    bell: str
    effects: str
    track: str
    intake: str
    rejected: str
    wait: str
    pass_roles: tuple[str, ...]

    def of(self) -> Mapping[str, Sequence[Grant]]:
        """Every function's grants by its name."""
        return {
            "api": self._api(),
            "intake": self._intake(),
            "relay": self._relay(),
            "schedule": self._schedule(),
            "launch": self._launch(),
            "track": self._track(),
            "reconcile": self._reconcile(),
            "declare": self._declare(),
        }

    # ── functions ─────────────────────────────────────────────────────────────────────────────

    def _api(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_catalog(),
            self._use_capacity(),
            self._use_blobs(write=True),
            Grant(
                "OwnInboxes",
                "A job queue has its own SQS queue, made and removed by the API under our prefix.",
                (
                    "sqs:CreateQueue",
                    "sqs:DeleteQueue",
                    "sqs:GetQueueAttributes",
                    "sqs:GetQueueUrl",
                    "sqs:SetQueueAttributes",
                    "sqs:TagQueue",
                ),
                [self.inboxes],
            ),
            *self._define_tasks(),
            self._pass_roles(),
        ]

    def _intake(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(write_task_definitions=True),
            self._use_blobs(write=True),
            *self._define_tasks(),
            self._pass_roles(),
            self._consume("Intake", self.intake),
            Grant(
                "Reject",
                "An event that can make no job is kept with the reason.",
                ("sqs:SendMessage",),
                [self.rejected],
            ),
        ]

    def _relay(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._read_stream(),
            *self._carry_out(),
        ]

    def _schedule(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._drain_inboxes(),
            self._consume("Bell", self.bell),
            self._ring(),
        ]

    def _launch(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._read_stream(),
            *self._run_tasks(),
            self._pass_roles(),
            self._put_off(),
            self._ring(),
        ]

    def _track(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._read_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._consume("Track", self.track),
            self._stop_tasks(),
            self._ring(),
        ]

    def _reconcile(self) -> list[Grant]:
        return [
            self._use_jobs(),
            self._use_catalog(),
            self._use_capacity(),
            self._use_blobs(),
            self._consume("Effects", self.effects),
            self._drain_inboxes(),
            *self._carry_out(),
            *self._run_tasks()[:-1],
            *self._define_tasks(),
            self._pass_roles(),
        ]

    def _declare(self) -> list[Grant]:
        return [
            self._use_catalog(),
            self._use_capacity(),
            self._use_blobs(write=True),
            *self._define_tasks(),
            self._pass_roles(),
            self._ring(),
        ]

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _use_jobs(self) -> Grant:
        return Grant(
            "UseJobs",
            "The jobs table is the truth; its indexes are found by name.",
            (*_READ, *_WRITE),
            [self.jobs, f"{self.jobs}/index/*"],
        )

    def _use_catalog(self) -> Grant:
        return Grant(
            "UseCatalog",
            "Job queues, environments, definitions and triggers are entries of the catalog.",
            (*_READ, *_WRITE),
            [self.catalog],
        )

    def _read_catalog(self, write_task_definitions: bool = False) -> Grant:
        if write_task_definitions:
            return Grant(
                "UseCatalog",
                "Reads queues and definitions; notes task definitions it registers for a job.",
                (*_READ, *_WRITE),
                [self.catalog],
            )
        return Grant(
            "ReadCatalog", "Reads queues, environments and definitions.", _READ, [self.catalog]
        )

    def _use_capacity(self) -> Grant:
        return Grant(
            "UseCapacity",
            "Ledgers, bells and lanes change with the jobs.",
            (*_READ, *_WRITE),
            [self.capacity],
        )

    def _use_blobs(self, write: bool = False) -> Grant:
        actions = ("s3:GetObject", "s3:PutObject") if write else ("s3:GetObject",)
        return Grant(
            "UseBlobs",
            "Requests too large for an item lie in the bucket under their digest.",
            actions,
            [f"{self.blobs}/*"],
        )

    def _read_stream(self) -> Grant:
        return Grant(
            "ReadStream",
            "Lambda reads the jobs table's stream for this function.",
            (
                "dynamodb:DescribeStream",
                "dynamodb:GetRecords",
                "dynamodb:GetShardIterator",
                "dynamodb:ListStreams",
            ),
            [self.jobs_stream],
        )

    def _consume(self, name: str, queue: str) -> Grant:
        return Grant(
            f"Consume{name}",
            "Lambda receives and deletes this queue's messages for the function.",
            (
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ),
            [queue],
        )

    def _drain_inboxes(self) -> Grant:
        return Grant(
            "DrainInboxes",
            "Tickets are read once from the inbox of any of the deployment's job queues.",
            ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            [self.inboxes],
        )

    def _carry_out(self) -> list[Grant]:
        """Everything that a job's state can owe, launches apart."""
        return [
            Grant(
                "SendTickets",
                "A RUNNABLE job's ticket goes to its own job queue, one of ours by prefix.",
                ("sqs:SendMessage",),
                [self.inboxes],
            ),
            self._ring(),
            self._put_off(),
            Grant(
                "StartWaits", "Starts `wait` executions.", ("states:StartExecution",), [self.wait]
            ),
            Grant(
                "AnswerWaits",
                "Wakes `wait` executions; Step Functions binds a token to its machine.",
                ("states:SendTaskFailure", "states:SendTaskSuccess"),
                [self.wait],
            ),
            self._stop_tasks(),
        ]

    def _ring(self) -> Grant:
        return Grant("RingBell", "Asks for a tick of a cell.", ("sqs:SendMessage",), [self.bell])

    def _put_off(self) -> Grant:
        return Grant(
            "PutOff",
            "A throttled effect is tried again later, away from the stream.",
            ("sqs:SendMessage",),
            [self.effects],
        )

    def _run_tasks(self) -> list[Grant]:
        in_cluster = {"ArnEquals": {"ecs:cluster": self.cluster}}
        return [
            Grant(
                "RunTasks",
                "Runs any revision of the deployment's task definitions, in its own cluster.",
                ("ecs:RunTask",),
                [self.task_definitions],
                in_cluster,
            ),
            Grant(
                "TagTasks",
                "Tags tasks as it starts them; their ids are not known before.",
                ("ecs:TagResource",),
                [self.tasks],
                {"StringEquals": {"ecs:CreateAction": "RunTask"}},
            ),
            Grant(
                "FindTasks",
                "ListTasks is granted by the cluster condition; ECS knows no narrower resource.",
                ("ecs:ListTasks",),
                ["*"],
                in_cluster,
            ),
            Grant(
                "LookAtTasks",
                "Tasks of the deployment's cluster, whose ids ECS chooses.",
                ("ecs:DescribeTasks",),
                [self.tasks],
                in_cluster,
            ),
            self._stop_tasks(),
        ]

    def _stop_tasks(self) -> Grant:
        return Grant(
            "StopTasks",
            "Stops tasks of the deployment's cluster, whose ids ECS chooses.",
            ("ecs:StopTask",),
            [self.tasks],
            {"ArnEquals": {"ecs:cluster": self.cluster}},
        )

    def _define_tasks(self) -> list[Grant]:
        return [
            Grant(
                "DefineTasks",
                "A job definition is a task definition with the deployment's prefix.",
                ("ecs:RegisterTaskDefinition", "ecs:TagResource"),
                [self.task_definitions],
            ),
            Grant(
                "RetireTasks",
                "ECS authorises DeregisterTaskDefinition on no resource.",
                ("ecs:DeregisterTaskDefinition",),
                ["*"],
            ),
        ]

    def _pass_roles(self) -> Grant:
        return Grant(
            "PassJobRoles",
            "Jobs may be given roles under /batchyard/jobs/ and those that the deployer lists.",
            ("iam:PassRole",),
            list(self.pass_roles),
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
