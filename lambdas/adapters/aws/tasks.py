"""ECS in one cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError

from lambdas.adapters.aws.failures import code_of, is_passing, message_of, throttling
from lambdas.adapters.meter import Meter
from lambdas.core import errors
from lambdas.core.ecs_events import report_of
from lambdas.core.ecs_rules import failure_is_capacity, speaks_of_capacity
from lambdas.core.errors import CapacityUnavailable, TaskConflict, TaskRefused, Throttled
from lambdas.core.ports import TaskReport

if TYPE_CHECKING:
    from mypy_boto3_ecs import ECSClient

PAGE = 100

#: Neither the job's fault nor lasting: the cluster is being made.
_CLUSTER = "ClusterNotFoundException"
_NOT_THERE = ("InvalidParameterException", "ClientException")


class EcsTasks:
    """Runs, stops and looks up tasks of `cluster` (name or ARN)."""

    def __init__(self, client: ECSClient, cluster: str, meter: Meter | None = None) -> None:
        self._client = client
        self._cluster = cluster
        self._meter = meter

    def register(self, definition: Mapping[str, Any]) -> str:
        self._count("RegisterTaskDefinition")
        try:
            with throttling():
                answer = self._client.register_task_definition(**definition)
        except ClientError as error:
            raise errors.ClientError(message_of(error)) from error
        except BotoCoreError as error:
            raise errors.ClientError(str(error)) from error
        return answer["taskDefinition"]["taskDefinitionArn"]

    def deregister(self, definition: str) -> None:
        self._count("DeregisterTaskDefinition")
        self._leniently(self._client.deregister_task_definition, taskDefinition=definition)

    def run(self, request: Mapping[str, Any]) -> str:
        self._count("RunTask")
        wanted: dict[str, Any] = {"cluster": self._cluster, "count": 1, **request}
        try:
            answer: Mapping[str, Any] = self._client.run_task(**wanted)
        except ClientError as error:
            raise refusal(error) from error
        except (ConnectionError, HTTPClientError) as error:
            raise Throttled(f"{type(error).__name__}: {error}") from error
        except BotoCoreError as error:
            raise TaskRefused(str(error)) from error
        if answer.get("tasks"):
            return str(answer["tasks"][0]["taskArn"])
        raise _not_placed(answer.get("failures") or ())

    def stop(self, task: str, reason: str) -> None:
        self._count("StopTask")
        self._leniently(
            self._client.stop_task, cluster=self._cluster, task=task, reason=reason[:1024]
        )

    def describe(self, tasks: Sequence[str]) -> dict[str, TaskReport]:
        reports: dict[str, TaskReport] = {}
        for start in range(0, len(tasks), PAGE):
            self._count("DescribeTasks")
            with throttling():
                answer = self._client.describe_tasks(
                    cluster=self._cluster, tasks=tasks[start : start + PAGE]
                )
            for task in answer["tasks"]:
                report = report_of(_plain_times(task))
                reports[report.task] = report
        return reports

    def find(self, started_by: str) -> list[str]:
        return [
            task
            for desired in ("RUNNING", "STOPPED")
            for task in self._list(startedBy=started_by, desiredStatus=desired)["taskArns"]
        ]

    def listing(self, desired: str, after: str | None = None) -> tuple[list[str], str | None]:
        wanted = {"desiredStatus": desired, "maxResults": PAGE}
        answer = self._list(**wanted, **({"nextToken": after} if after else {}))
        return list(answer["taskArns"]), answer.get("nextToken") or None

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _list(self, **wanted: Any) -> Mapping[str, Any]:
        self._count("ListTasks")
        with throttling():
            return self._client.list_tasks(cluster=self._cluster, **wanted)

    def _leniently(self, call: Callable[..., Any], **request: Any) -> None:
        """What is gone, or was done before, is no error."""
        try:
            with throttling():
                call(**request)
        except ClientError as error:
            if code_of(error) not in _NOT_THERE:
                raise

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("ecs", operation)


def refusal(error: ClientError) -> errors.BatchyardError:
    """What an error of RunTask means for the attempt."""
    code, words = code_of(error), message_of(error)
    said = f"{code}: {words}"
    if code == "ConflictException":
        existing: Any = error.response.get("resourceIds") or (None,)
        return TaskConflict(said, existing[0])
    if speaks_of_capacity(words) or code == _CLUSTER:
        return CapacityUnavailable(said)
    if is_passing(error):
        return Throttled(said)
    return TaskRefused(said)


def _not_placed(failures: Sequence[Mapping[str, Any]]) -> errors.EcsError:
    """RunTask answered without a task."""
    if not failures:
        return CapacityUnavailable("ECS started no task and gave no reason")
    reason = failures[0].get("reason", "")
    said = ": ".join(part for part in (reason, failures[0].get("detail", "")) if part)
    return CapacityUnavailable(said) if failure_is_capacity(reason) else TaskRefused(said)


def _plain_times(task: Mapping[str, Any]) -> dict[str, Any]:
    """DescribeTasks' times as ISO text, like the events'."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in task.items()
    }
