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
At = Callable[[int, Callable[[], object]], None]


class WaitMachine:
    """Runs what is started, as far as it can go; a token's answer lets it go on."""

    def __init__(
        self,
        waits: MemoryWaits,
        jobs: Table,
        clock: Clock,
        at: At,
        faults: Faults | None = None,
        latency: int = 0,
    ) -> None:
        self._faults = faults or Faults()
        self._waits = waits
        self._jobs = jobs
        self._clock = clock
        self._at = at
        self._latency = latency  #: from a start or an answer to the next write (ms)
        self._asleep: dict[str, Mapping[str, Any]] = {}
        waits.on_start = lambda name: self._soon(lambda: self._begin(name))
        waits.on_answer = self._answered

    @property
    def asleep(self) -> list[str]:
        """The executions that wait for an answer, by the pk of their job."""
        return [request["pk"] for request in self._asleep.values()]

    def _answered(self, token: str) -> None:
        request = self._asleep.pop(token, None)
        if request is not None:
            self._soon(lambda: self._wake(token, request))

    def _soon(self, do: Callable[[], object]) -> None:
        """The next state of an execution: at once, late, or never, as the faults will."""
        if self._faults.strikes("execution_lost"):
            return
        late = self._faults.delay() if self._faults.strikes("late") else 0
        self._at(self._clock.now() + self._latency + late, do)

    def _begin(self, name: str) -> None:
        request, token = self._waits.started[name], f"token-{name}"
        if request["why"] == "backoff":
            until = max(request["until"], self._clock.now())
            self._at(until, lambda: self._soon(lambda: self._release(name, request)))
        elif self._write(transitions.sleep(request, token)):
            self._asleep[token] = request
            if token in self._waits.answers:
                self._answered(token)
        else:
            self._waits.close(name)

    def _wake(self, token: str, request: Mapping[str, Any]) -> None:
        name, answer = token.removeprefix("token-"), self._waits.answers[token]
        if answer.error is None:
            self._release(name, request)
            return
        if answer.error == DEPENDENCY_FAILED:
            self._write(transitions.dependency_failed(request, self._clock.now()))
        self._waits.close(name)

    def _release(self, name: str, request: Mapping[str, Any]) -> None:
        self._write(transitions.release(request, self._clock.now()))
        self._waits.close(name)

    def _write(self, write: Update) -> bool:
        try:
            self._jobs.write(write)
        except ConditionFailed:
            return False
        return True
