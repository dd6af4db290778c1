"""The `wait` state machine in memory: the writes of `core.transitions`, in the order in which the
synthesized definition makes them (a test holds the two together)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lambdas.adapters.memory.waits import MemoryWaits
from lambdas.core import transitions
from lambdas.core.errors import ConditionFailed
from lambdas.core.outbox import DEPENDENCY_FAILED
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Update
from simulator.faults import Faults

#: Calls a function at a time (epoch ms).
At = Callable[[int, Callable[[], None]], None]


class WaitMachine:
    """Runs what was started, as far as it can go."""

    def __init__(
        self, waits: MemoryWaits, jobs: Table, clock: Clock, at: At, faults: Faults | None = None
    ) -> None:
        self._faults = faults or Faults()
        self._waits = waits
        self._jobs = jobs
        self._clock = clock
        self._at = at
        self._begun: set[str] = set()
        self._asleep: dict[str, Mapping[str, Any]] = {}

    def step(self) -> bool:
        """Begin new executions and wake answered ones; True when anything moved."""
        new = [name for name in self._waits.started if name not in self._begun]
        woken = [token for token in self._asleep if token in self._waits.answers]
        for name in new:
            self._begun.add(name)
            self._soon(lambda name=name: self._begin(name, self._waits.started[name]))  # type: ignore[misc]
        for token in woken:
            request = self._asleep.pop(token)
            self._soon(lambda token=token, request=request: self._wake(token, request))  # type: ignore[misc]
        return bool(new or woken)

    @property
    def asleep(self) -> list[str]:
        """The executions that wait for an answer, by the pk of their job."""
        return [request["pk"] for request in self._asleep.values()]

    def _soon(self, do: Callable[[], None]) -> None:
        """The next state of an execution: at once, late, or never, as the faults will."""
        if self._faults.strikes("execution_lost"):
            return
        if self._faults.strikes("late"):
            self._at(self._clock.now() + self._faults.delay(), do)
        else:
            do()

    def _begin(self, name: str, request: Mapping[str, Any]) -> None:
        if request["why"] == "backoff":
            until = max(request["until"], self._clock.now())
            self._at(until, lambda: self._soon(lambda: self._release(request)))
        elif self._write(transitions.sleep(request, f"token-{name}")):
            self._asleep[f"token-{name}"] = request

    def _wake(self, token: str, request: Mapping[str, Any]) -> None:
        answer = self._waits.answers[token]
        if answer.error is None:
            self._release(request)
        elif answer.error == DEPENDENCY_FAILED:
            self._write(transitions.dependency_failed(request, self._clock.now()))

    def _release(self, request: Mapping[str, Any]) -> None:
        self._write(transitions.release(request, self._clock.now()))

    def _write(self, write: Update) -> bool:
        try:
            self._jobs.write(write)
        except ConditionFailed:
            return False
        return True
