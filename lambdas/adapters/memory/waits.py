"""Executions of `wait` in memory: what was started, and how tokens were answered.

A test or the simulator plays the state machine itself, with the writes of `core.transitions`.
"""

from __future__ import annotations

from collections.abc import Mapping
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


class MemoryWaits:
    """`started` by name, `answers` by token; both in order."""

    def __init__(self, meter: Meter | None = None) -> None:
        self.started: dict[str, Mapping[str, Any]] = {}
        self.answers: dict[str, Answer] = {}
        self._meter = meter

    def start(self, name: str, request: Mapping[str, Any]) -> None:
        check_execution_name(name)
        self._count("StartExecution")
        self.started.setdefault(name, plain(request))

    def succeed(self, token: str) -> None:
        self._count("SendTaskSuccess")
        self.answers.setdefault(token, Answer())

    def fail(self, token: str, error: str, cause: str) -> None:
        self._count("SendTaskFailure")
        self.answers.setdefault(token, Answer(error, cause))

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("states", operation)
