"""Removing a smoke deployment, whatever became of it, and seeing that nothing is left.

Each step is tried even when those before it failed, and the whole is repeated once without the CDK
CLI. Only names that a smoke run gives itself are ever touched.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local.errors import PlatformError
from local.smoke.plan import ENVIRONMENT, NAME, STACKS

Client = Callable[[str], Any]
Say = Callable[[str], None]
TROUBLES = (BotoCoreError, ClientError, PlatformError, OSError, KeyError)
GONE = ("DELETE_COMPLETE",)
PATIENCE = 900.0  #: seconds that one stack may take to go
STOPPING = 180.0  #: a container has 30 seconds, its network a little more
PAUSE = 5.0


@dataclass(frozen=True, slots=True)
class Left:
    """Something that is still there, and the command that removes it."""

    what: str
    how: str


@dataclass(slots=True)
class Cleanup:
    """Removes the deployment `name`. `destroy` is `cdk destroy`; None goes without it."""

    name: str
    client: Client
    say: Say
    log_group: str
    batch: Callable[[], Any] | None = None  #: the deployment's own API, when it is known
    destroy: Callable[[], None] | None = None
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    group_is_ours: bool = False  #: the job log group was not there before
    buckets: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise PlatformError(
                f"{self.name!r} is not a smoke deployment: only byd-smoke-… with six characters is."
            )

    def run(self) -> list[Left]:
        """Remove everything; what is left is what could not be removed."""
        self.buckets = self._try("find the buckets", self._find_buckets, [])
        self._try("start no more jobs", self._close)
        self._try("stop the tasks", self._stop_tasks)
        self._try("empty the buckets", self._empty)
        if self.destroy:
            self.say("  destroying the stacks (cdk destroy --all --force)")
            self._try("destroy the stacks", self.destroy)
        if not self.destroy or self._try("look at the stacks", self._stacks, ["unknown"]):
            self._try("stop the tasks", self._stop_tasks)
            self._try("empty the buckets", self._empty)
            for stack in self.stacks_backwards():
                self._try(f"delete {stack}", partial(self._delete, stack))
        self._try("remove the task definitions", self._deregister)
        self._try("remove the log groups", self._forget_groups)
        self._try("remove the jobs' log streams", self._forget_streams)
        return self.left()

    def stacks_backwards(self) -> list[str]:
        return [f"{self.name}-{stack}" for stack in reversed(STACKS)]

    def left(self) -> list[Left]:
        """What is still there, asked of AWS anew; what cannot be asked counts as there."""
        looks: dict[str, tuple[Callable[[], Sequence[str]], str]] = {
            "stack": (self._stacks, "aws cloudformation delete-stack --stack-name {}"),
            "task": (self._tasks, f"aws ecs stop-task --cluster {self.name} --task {{}}"),
            "bucket": (self._standing_buckets, "aws s3 rb --force s3://{}"),
            "log group": (self._groups, "aws logs delete-log-group --log-group-name {}"),
            "task definition": (
                self._definitions,
                "aws ecs deregister-task-definition --task-definition {}",
            ),
        }
        found = []
        for what, (look, how) in looks.items():
            try:
                found += [Left(f"{what} {name}", how.format(name)) for name in look()]
            except TROUBLES as error:
                again = f"python -m local smoke --clean {self.name}"
                found.append(Left(f"perhaps a {what}: {type(error).__name__}: {error}", again))
        return found

    # ── steps ─────────────────────────────────────────────────────────────────────────────────

    def _try(self, what: str, step: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return step()
        except TROUBLES as error:
            self.say(f"  could not {what}: {error}")
            return otherwise

    def _close(self) -> None:
        """A disabled environment takes no more jobs; what waits is lost with its table."""
        if self.batch:
            self.batch().update_compute_environment(
                computeEnvironment=ENVIRONMENT, state="DISABLED"
            )

    def _stop_tasks(self) -> None:
        """Stop and wait: a cluster with tasks cannot be deleted. Raises PlatformError."""
        ecs, deadline = self.client("ecs"), self.now() + STOPPING
        asked: set[str] = set()
        while tasks := self._tasks():
            for task in set(tasks) - asked:
                ecs.stop_task(cluster=self.name, task=task, reason="smoke run is over")
            asked.update(tasks)
            if self.now() > deadline:
                raise PlatformError(f"{len(tasks)} are still stopping after {STOPPING:.0f} s.")
            self.sleep(PAUSE)

    def _empty(self) -> None:
        s3 = self.client("s3")
        for bucket in self._standing_buckets():
            for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
                entries = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
                keys = [{"Key": e["Key"], "VersionId": e["VersionId"]} for e in entries]
                if keys:
                    s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})

    def _delete(self, stack: str) -> None:
        """One stack by CloudFormation itself. Raises PlatformError when it stays."""
        formation, deadline = self.client("cloudformation"), self.now() + PATIENCE
        while (status := self._status(stack)) is not None:
            if not status.endswith("_IN_PROGRESS") or status in _STOPPABLE:
                if status == "DELETE_FAILED":
                    raise PlatformError(f"{stack} is {status}.")
                formation.delete_stack(StackName=stack)
            if self.now() > deadline:
                raise PlatformError(f"{stack} is still {status}.")
            self.sleep(PAUSE)

    def _deregister(self) -> None:
        ecs = self.client("ecs")
        for arn in self._definitions():
            ecs.deregister_task_definition(taskDefinition=arn)
        arns = self._listed(status="INACTIVE")
        for start in range(0, len(arns), 10):
            ecs.delete_task_definitions(taskDefinitions=arns[start : start + 10])

    def _forget_groups(self) -> None:
        for group in self._groups():
            self.client("logs").delete_log_group(logGroupName=group)

    def _forget_streams(self) -> None:
        """Only those of our definitions; the group itself when it was made by our jobs alone."""
        logs = self.client("logs")
        pages = logs.get_paginator("describe_log_streams").paginate
        try:
            ours = _names(pages(logGroupName=self.log_group, logStreamNamePrefix=f"{self.name}-"))
            for stream in list(ours):
                logs.delete_log_stream(logGroupName=self.log_group, logStreamName=stream)
            if self.group_is_ours and not list(_names(pages(logGroupName=self.log_group))):
                logs.delete_log_group(logGroupName=self.log_group)
        except logs.exceptions.ResourceNotFoundException:
            return

    # ── what is there ─────────────────────────────────────────────────────────────────────────

    def _status(self, stack: str) -> str | None:
        try:
            found = self.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        status = str(found[0]["StackStatus"]) if found else None
        return None if status in GONE else status

    def _stacks(self) -> list[str]:
        return [stack for stack in self.stacks_backwards() if self._status(stack)]

    def _tasks(self) -> list[str]:
        """All that have not stopped; one that was asked to is listed among the STOPPED already."""
        ecs = self.client("ecs")
        pages = ecs.get_paginator("list_tasks").paginate
        try:
            return [
                task["taskArn"]
                for desired in ("RUNNING", "STOPPED")
                for page in pages(cluster=self.name, desiredStatus=desired)
                if page["taskArns"]
                for task in ecs.describe_tasks(cluster=self.name, tasks=page["taskArns"])["tasks"]
                if task["lastStatus"] != "STOPPED"
            ]
        except ecs.exceptions.ClusterNotFoundException:
            return []

    def _find_buckets(self) -> list[str]:
        """The data stack's own word, which holds before anything was handed over."""
        stack = f"{self.name}-data"
        if self._status(stack) is None:
            return []
        formation = self.client("cloudformation")
        pages = formation.get_paginator("list_stack_resources").paginate(StackName=stack)
        return [
            resource["PhysicalResourceId"]
            for page in pages
            for resource in page["StackResourceSummaries"]
            if resource["ResourceType"] == "AWS::S3::Bucket" and resource.get("PhysicalResourceId")
        ]

    def _standing_buckets(self) -> list[str]:
        standing = {b["Name"] for b in self.client("s3").list_buckets()["Buckets"]}
        return [bucket for bucket in self.buckets if bucket in standing]

    def _groups(self) -> list[str]:
        """Every log group of the deployment; the job log group is the account's."""
        pages = self.client("logs").get_paginator("describe_log_groups")
        return [
            group["logGroupName"]
            for prefix in _GROUPS
            for page in pages.paginate(logGroupNamePrefix=f"{prefix}{self.name}-")
            for group in page["logGroups"]
        ]

    def _definitions(self) -> list[str]:
        return self._listed(status="ACTIVE")

    def _listed(self, status: str) -> list[str]:
        ecs = self.client("ecs")
        families = ecs.get_paginator("list_task_definition_families")
        found = families.paginate(familyPrefix=f"{self.name}-", status="ALL")
        definitions = ecs.get_paginator("list_task_definitions")
        return [
            arn
            for family in [name for page in found for name in page["families"]]
            for page in definitions.paginate(familyPrefix=family, status=status)
            for arn in page["taskDefinitionArns"]
        ]


#: Where a deployment's log groups lie; the flow logs' group is named after its stack.
_GROUPS = ("/aws/lambda/", "/aws/vendedlogs/apis/", "/aws/vendedlogs/states/", "")
#: A stack on its way up may be deleted; one that is being deleted or rolled back is waited for.
_STOPPABLE = ("CREATE_IN_PROGRESS", "REVIEW_IN_PROGRESS")


def _names(pages: Any) -> Iterator[str]:
    return (stream["logStreamName"] for page in pages for stream in page["logStreams"])
