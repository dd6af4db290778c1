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
    """Plays every task's life. `made` holds all there ever were, those ECS forgot as well, unless
    `keeps` is false."""

    def __init__(
        self,
        tasks: MemoryTasks,
        clock: Clock,
        at: Callable[[int, Callable[[], object]], None],
        outcome_of: Callable[[Mapping[str, str]], Outcome],
        start_delay: Callable[[], int],
    ) -> None:
        self.made: dict[str, MemoryTask] = {}
        self.keeps = True
        self.forgets = False  #: a stopped task is forgotten after an hour
        self.outcome_of = outcome_of
        self._tasks = tasks
        self._clock = clock
        self._at = at
        self._start_delay = start_delay
        tasks.on_made = self._begin
        tasks.on_stop = self._stop

    def interrupt(self, task: MemoryTask) -> None:
        """Spot capacity is taken back."""
        if task.status != "STOPPED":
            self._stopped(task, 137, None, "SpotInterruption", "Your Spot Task was interrupted.")

    def _begin(self, task: MemoryTask) -> None:
        if self.keeps:
            self.made[task.arn] = task
        outcome = self.outcome_of(variables_of(task.request))
        self._later(self._start_delay(), lambda: self._start(task, outcome))

    def _start(self, task: MemoryTask, outcome: Outcome) -> None:
        self._later(outcome.runs, lambda: self._finish(task, outcome))
        if task.status == "PROVISIONING":
            self._tasks.start(task.arn)

    def _finish(self, task: MemoryTask, outcome: Outcome) -> None:
        if task.status != "STOPPED":
            self._stopped(
                task,
                outcome.exit_code,
                outcome.reason,
                outcome.stop_code,
                outcome.stopped_reason,
            )

    def _stop(self, task: MemoryTask) -> None:
        self._later(STOPPING, lambda: self._kill(task))

    def _kill(self, task: MemoryTask) -> None:
        if task.status != "STOPPED":
            self._stopped(task, 137)

    def _stopped(self, task: MemoryTask, *how: Any) -> None:
        self._tasks.finish(task.arn, *how)
        if self.forgets:
            self._later(REMEMBERED, lambda: self._tasks.forget(task.arn))

    def _later(self, after: int, do: Callable[[], object]) -> None:
        self._at(self._clock.now() + after, do)
