"""The hosts of a world: they start, end and kill the tasks that RunTask made, and tell of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.adapters.memory.tasks import MemoryTask, MemoryTasks
from lambdas.core.ports import Clock

#: ECS remembers a stopped task, and with it its client token, for an hour (ms).
REMEMBERED = 3_600_000

#: From StopTask to the end of the container (ms).
STOPPING = 1_000


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt's task goes: how long it runs (ms), and how it ends."""

    runs: int = 1_000
    exit_code: int | None = 0
    reason: str | None = None
    stop_code: str | None = None
    stopped_reason: str | None = None


#: Decides on every task by its job's name and attempt, from 1.
Program = Callable[[str, int], Outcome]


def variables_of(request: Mapping[str, Any]) -> dict[str, str]:
    """The variables that a RunTask request gives the container."""
    container = request["overrides"]["containerOverrides"][0]
    return {entry["name"]: entry["value"] for entry in container["environment"]}


class Fargate:
    """Plays every task's life. `made` holds all there ever were, those ECS forgot as well."""

    def __init__(
        self,
        tasks: MemoryTasks,
        clock: Clock,
        at: Callable[[int, Callable[[], None]], None],
        outcome_of: Callable[[Mapping[str, str]], Outcome],
    ) -> None:
        self.made: dict[str, MemoryTask] = {}
        self.forgets = False  #: a stopped task is forgotten after an hour
        self.start_delay = 500  #: ms from RunTask to RUNNING
        self._tasks = tasks
        self._clock = clock
        self._at = at
        self._outcome_of = outcome_of
        self._killed: set[str] = set()

    def step(self) -> None:
        """Take on new tasks, and stops that were asked for."""
        for arn, task in self._tasks.tasks.items():
            if arn not in self.made:
                self.made[arn] = task
                self._begin(task)
            elif task.stop is not None and arn not in self._killed:
                self._killed.add(arn)
                self._later(STOPPING, self._kill, task)

    def _begin(self, task: MemoryTask) -> None:
        outcome = self._outcome_of(variables_of(task.request))
        self._later(self.start_delay, self._start, task)
        self._later(self.start_delay + outcome.runs, lambda task: self._finish(task, outcome), task)

    def _start(self, task: MemoryTask) -> None:
        if task.status == "PROVISIONING":
            self._tasks.start(task.arn)

    def _finish(self, task: MemoryTask, outcome: Outcome) -> None:
        if task.status == "STOPPED":
            return
        self._tasks.finish(
            task.arn,
            outcome.exit_code,
            outcome.reason,
            outcome.stop_code,
            outcome.stopped_reason,
        )
        self._stopped(task)

    def _kill(self, task: MemoryTask) -> None:
        if task.status != "STOPPED":
            self._tasks.finish(task.arn, 137)
            self._stopped(task)

    def _stopped(self, task: MemoryTask) -> None:
        if self.forgets:
            self._later(REMEMBERED, lambda task: self._tasks.forget(task.arn), task)

    def _later(self, after: int, do: Callable[[MemoryTask], None], task: MemoryTask) -> None:
        self._at(self._clock.now() + after, lambda: do(task))
