"""Executions of `wait` in memory: what was started, and how tokens were answered.

A test or the simulator plays the state machine itself, with the writes of `core.transitions`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.adapters.limits import check_execution_name
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import plain


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer to a token; `error` None is success."""

    error: str | None = None
    cause: str = ""


def _nobody(_name: str) -> None:
    pass


class MemoryWaits:
    """`started` by name, `answers` by token; both in order.

    `on_start` hears the name of every new execution, `on_answer` every token that is answered.
    """

    def __init__(self, meter: Meter | None = None) -> None:
        self.started: dict[str, Mapping[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self.clashes: list[str] = []  #: names that were started again with another input
        self.count = 0  #: executions there ever were
        self.keeps = True  #: what has ended is kept in `started` and `answers`
        self.on_start: Callable[[str], None] = _nobody
        self.on_answer: Callable[[str], None] = _nobody
        self._closed: set[str] = set()
        self._meter = meter

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        check_execution_name(name)
        self._count("StartExecution")
        known = self.started.get(name)
        if known is not None and known != request:
            self.clashes.append(name)
        if known is None and name not in self._closed:
            self.started[name] = plain(request)
            self.count += 1
            self.on_start(name)

    def succeed(self, token: str) -> None:
        self._count("SendTaskSuccess")
        self._answer(token, Answer())

    def fail(self, token: str, error: str, cause: str) -> None:
        self._count("SendTaskFailure")
        self._answer(token, Answer(error, cause))

    def close(self, name: str) -> None:
        """The execution has ended; its name stays taken."""
        if not self.keeps:
            self._closed.add(name)
            self.started.pop(name, None)
            self.answers.pop(f"token-{name}", None)

    def _answer(self, token: str, answer: Answer) -> None:
        if token in self.answers or token.removeprefix("token-") in self._closed:
            return
        self.answers[token] = answer
        self.on_answer(token)

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("states", operation)
