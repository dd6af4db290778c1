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

#: Calls a function at a time (epoch ms).
At = Callable[[int, Callable[[], None]], None]


class WaitMachine:
    """Runs what was started, as far as it can go."""

    def __init__(self, waits: MemoryWaits, jobs: Table, clock: Clock, at: At) -> None:
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
            self._begin(name, self._waits.started[name])
        for token in woken:
            self._wake(token, self._asleep.pop(token))
        return bool(new or woken)

    def _begin(self, name: str, request: Mapping[str, Any]) -> None:
        if request["why"] == "backoff":
            self._at(request["until"], lambda: self._release(request))
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
