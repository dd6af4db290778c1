"""ECS in memory: its token rules, its refusals, and tasks whose life a test or simulator drives."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.adapters.memory.clock import SeededIds
from lambdas.adapters.memory.frozen import frozen
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import plain
from lambdas.core.ecs_rules import refusal_of_definition, refusal_of_run
from lambdas.core.errors import ClientError, EcsError, TaskConflict, TaskRefused, Throttled
from lambdas.core.ports import Clock, Ids, TaskContainer, TaskReport

ARN = "arn:aws:ecs:us-east-1:123456789012"
PAGE = 100


@dataclass(slots=True)
class MemoryTask:
    """One task. Its life is PROVISIONING → RUNNING → STOPPED."""

    arn: str
    request: Mapping[str, Any]
    status: str = "PROVISIONING"
    desired: str = "RUNNING"
    version: int = 1
    started: int | None = None
    stopped: int | None = None
    exit_code: int | None = None
    reason: str | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None
    host: str | None = None
    private_ip: str | None = None
    stop: str | None = None  #: the reason StopTask gave

    def report(self) -> TaskReport:
        return TaskReport(
            task=self.arn,
            started_by=self.request["startedBy"],
            status=self.status,
            version=self.version,
            container=TaskContainer(self.exit_code, self.reason),
            started=self.started,
            stopped=self.stopped,
            stop_code=self.stop_code,
            stopped_reason=self.stopped_reason,
            host=self.host,
            private_ip=self.private_ip,
        )


def _nobody(_task: MemoryTask) -> None:
    pass


class MemoryTasks:
    """One cluster. `tasks`, `definitions` and `events` are there to be read.

    `events` are the state changes to be delivered, oldest first, unless `on_report` takes them.
    `on_made` hears of every new task, `on_stop` of the first StopTask that meets a living one.
    """

    def __init__(self, clock: Clock, ids: Ids | None = None, meter: Meter | None = None) -> None:
        self.tasks: dict[str, MemoryTask] = {}
        self.definitions: dict[str, Mapping[str, Any]] = {}
        self.inactive: set[str] = set()
        self.events: list[TaskReport] = []
        self.on_made: Callable[[MemoryTask], None] = _nobody
        self.on_stop: Callable[[MemoryTask], None] = _nobody
        self.on_report: Callable[[TaskReport], object] = self.events.append
        self._clock = clock
        self._ids = ids or SeededIds()
        self._meter = meter
        self._revisions: dict[str, int] = {}
        self._tokens: dict[str, MemoryTask] = {}
        self._by_started_by: dict[str, list[str]] = {}
        self._faults: deque[tuple[EcsError | Throttled, bool]] = deque()

    # ── the port ──────────────────────────────────────────────────────────────────────────────

    def register(self, definition: Mapping[str, Any]) -> str:
        self._count("RegisterTaskDefinition")
        if refusal := refusal_of_definition(definition):
            raise ClientError(refusal)
        family = definition["family"]
        revision = self._revisions[family] = self._revisions.get(family, 0) + 1
        arn = f"{ARN}:task-definition/{family}:{revision}"
        self.definitions[arn] = plain(definition)
        return arn

    def deregister(self, definition: str) -> None:
        self._count("DeregisterTaskDefinition")
        self.inactive.add(definition)

    def run(self, request: Mapping[str, Any]) -> str:
        self._count("RunTask")
        fault, made = self._faults.popleft() if self._faults else (None, False)
        if fault and not made:
            raise fault
        task = self._run(frozen(request))
        if fault:
            raise fault
        return task.arn

    def stop(self, task: str, reason: str) -> None:
        self._count("StopTask")
        known = self.tasks.get(task)
        if known and known.status != "STOPPED":
            first, known.desired = known.stop is None, "STOPPED"
            known.stop = known.stop or reason
            known.version += 1
            if first:
                self.on_stop(known)

    def describe(self, tasks: Sequence[str]) -> dict[str, TaskReport]:
        for _ in range(0, len(tasks), PAGE):
            self._count("DescribeTasks")
        return {task: self.tasks[task].report() for task in tasks if task in self.tasks}

    def find(self, started_by: str) -> list[str]:
        self._count("ListTasks")
        self._count("ListTasks")
        return list(self._by_started_by.get(started_by, ()))

    def listing(self, desired: str, after: str | None = None) -> tuple[list[str], str | None]:
        self._count("ListTasks")
        matching = [arn for arn, task in self.tasks.items() if task.desired == desired]
        start = int(after) if after else 0
        more = len(matching) > start + PAGE
        return matching[start : start + PAGE], str(start + PAGE) if more else None

    # ── the life of a task, driven from outside ───────────────────────────────────────────────

    def start(self, task: str, host: str | None = None, private_ip: str | None = None) -> None:
        """The container is up."""
        known = self.tasks[task]
        known.status, known.started = "RUNNING", self._clock.now()
        known.host, known.private_ip = host, private_ip
        self._changed(known)

    def finish(
        self,
        task: str,
        exit_code: int | None = 0,
        reason: str | None = None,
        stop_code: str | None = None,
        stopped_reason: str | None = None,
    ) -> None:
        """The task has ended; by StopTask's word if it was asked to, unless told otherwise."""
        known = self.tasks[task]
        if known.stop is not None:
            code, words = "UserInitiated", known.stop
        else:
            code, words = "EssentialContainerExited", "Essential container in task exited"
        known.status = known.desired = "STOPPED"
        known.stopped = self._clock.now()
        known.exit_code, known.reason = exit_code, reason
        known.stop_code, known.stopped_reason = stop_code or code, stopped_reason or words
        self._changed(known)

    def forget(self, task: str) -> None:
        """ECS forgets a stopped task after an hour, and with it its client token."""
        known = self.tasks.pop(task)
        self._tokens.pop(known.request["clientToken"], None)
        started_by = known.request["startedBy"]
        self._by_started_by[started_by].remove(task)
        if not self._by_started_by[started_by]:
            del self._by_started_by[started_by]

    def fail_next(self, error: EcsError | Throttled, made: bool = False) -> None:
        """The next RunTask raises this; with `made` the task was started all the same."""
        self._faults.append((error, made))

    @property
    def stops(self) -> dict[str, str]:
        """Stops that were asked for, by task."""
        return {arn: task.stop for arn, task in self.tasks.items() if task.stop is not None}

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _run(self, request: Mapping[str, Any]) -> MemoryTask:
        if refusal := refusal_of_run(request):
            raise TaskRefused(f"InvalidParameterException: {refusal}")
        known = self._tokens.get(request["clientToken"])
        if known is not None:
            if known.request != request:
                raise TaskConflict("the client token was used with other parameters", known.arn)
            return known
        definition = request.get("taskDefinition")
        if definition not in self.definitions or definition in self.inactive:
            raise TaskRefused("ClientException: TaskDefinition is inactive or does not exist")
        return self._make(request)

    def _make(self, request: Mapping[str, Any]) -> MemoryTask:
        arn = f"{ARN}:task/batchyard/{self._ids.uuid().replace('-', '')}"
        task = self.tasks[arn] = self._tokens[request["clientToken"]] = MemoryTask(arn, request)
        self._by_started_by.setdefault(request["startedBy"], []).append(arn)
        self.on_made(task)
        return task

    def _changed(self, task: MemoryTask) -> None:
        task.version += 1
        self.on_report(task.report())

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("ecs", operation)
