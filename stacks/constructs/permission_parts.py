"""The grants from which functions' permissions are put together."""

from __future__ import annotations

from dataclasses import dataclass

from stacks.constructs.grants import Grant

_READ = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")
_WRITE = (
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:UpdateItem",
)


@dataclass(frozen=True, kw_only=True)
class PermissionParts:
    """One deployment's resources, as ARNs and patterns of ARNs."""

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

    def _read_stream(self) -> list[Grant]:
        return [
            Grant(
                "ReadStream",
                "Lambda reads the jobs table's stream for this function.",
                ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
                [self.jobs_stream],
            ),
            Grant(
                "FindStream",
                "Lambda lists streams before it reads one; the list is authorised on no resource.",
                ("dynamodb:ListStreams",),
                ["*"],
            ),
        ]

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
                "Wakes `wait` executions: a task token is the whole address, no resource is named.",
                ("states:SendTaskFailure", "states:SendTaskSuccess"),
                ["*"],
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
        # ECS names the task definition and tells the cluster as a condition. An evaluator that
        # does not know ECS (the local cloud's) names the cluster and tells nothing: hence
        # "IfExists", and the cluster's own ARN beside the patterns.
        in_cluster = {"ArnEqualsIfExists": {"ecs:cluster": self.cluster}}
        return [
            Grant(
                "RunTasks",
                "Runs any revision of the deployment's task definitions, in its own cluster.",
                ("ecs:RunTask",),
                [self.task_definitions, self.cluster],
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
                "ListTasks is narrowed to the cluster by its condition; ECS knows no resource.",
                ("ecs:ListTasks",),
                ["*"],
                in_cluster,
            ),
        ]

    def _stop_tasks(self) -> Grant:
        return Grant(
            "StopTasks",
            "Stops tasks of the deployment's cluster, whose ids ECS chooses.",
            ("ecs:StopTask",),
            [self.tasks, self.cluster],
        )

    def _define_tasks(self) -> Grant:
        return Grant(
            "DefineTasks",
            "ECS authorises the registration of task definitions on no resource; the roles "
            "they name are what PassRole allows.",
            ("ecs:DeregisterTaskDefinition", "ecs:RegisterTaskDefinition"),
            ["*"],
        )

    def _pass_roles(self) -> Grant:
        return Grant(
            "PassJobRoles",
            "Jobs may be given roles under /batchyard/jobs/ and those that the deployer lists.",
            ("iam:PassRole",),
            list(self.pass_roles),
            {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        )
