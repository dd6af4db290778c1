"""Faults from a seed: around every call of every port, and in everything that is delivered.

A plan wraps the ports of a world. At any call it may kill the invocation (`Crash`, before or after
the call had its effect), refuse it, have it carried out without an answer, or let other functions
run first. The same seed gives the same faults.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from lambdas.core.errors import CapacityUnavailable, Throttled, TransactionRefused
from lambdas.core.ports import Clock, Ports

Thing = TypeVar("Thing")


class Crash(BaseException):
    """The invocation ends here. No service catches it: there is nobody left to do so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """How likely each fault is. The first part is drawn at every call, the second at deliveries."""

    crashed_before: float = 0.0
    crashed_after: float = 0.0
    throttled: float = 0.0  #: refused, nothing done
    unanswered: float = 0.0  #: done, but the answer was lost
    repeated: float = 0.0  #: done twice: the SDK tried again
    conflicted: float = 0.0  #: transactions: met another in flight
    short: float = 0.0  #: RunTask: no capacity
    interleaved: float = 0.0  #: other functions run first
    stale: float = 0.0  #: queries of an index answer as they did before

    late: float = 0.0  #: a delivery comes later
    again: float = 0.0  #: a delivery comes twice
    record_lost: float = 0.0  #: a batch of the stream is never delivered
    event_lost: float = 0.0  #: ECS' word never comes
    execution_lost: float = 0.0  #: a wait ends without having done its part
    latest: int = 20_000  #: how late is late (ms)
    skew: int = 0  #: functions' clocks are off by this much at most, either way (ms)


#: Nothing is lost or refused: order, time and repetition alone. The stream must move everything.
CALM = Odds(interleaved=0.06, late=0.3, again=0.1, latest=3_000)

#: The stream says little: `reconcile` alone pays what is owed.
DEAF = Odds(
    interleaved=0.01, record_lost=0.7, event_lost=0.3, late=0.1, execution_lost=0.1, skew=30_000
)

#: Everything at once.
STORM = Odds(
    crashed_before=0.01,
    crashed_after=0.01,
    throttled=0.015,
    unanswered=0.01,
    repeated=0.01,
    conflicted=0.02,
    short=0.1,
    interleaved=0.03,
    stale=0.05,
    late=0.2,
    again=0.05,
    record_lost=0.01,
    event_lost=0.05,
    execution_lost=0.02,
    skew=30_000,
)


class Faults:
    """One run's faults. `calls` and `crashes` count call sites (file:line) for coverage."""

    def __init__(self, odds: Odds | None = None, seed: int = 0) -> None:
        self.odds = odds or Odds()
        self.on = False
        #: Of the jobs stream: records of one item stay in order, others need not.
        self.shards = 3 if odds else 1
        self.calls: Counter[str] = Counter()
        self.crashes: Counter[tuple[str, str]] = Counter()
        self.interleave: Callable[[], None] = lambda: None
        self._random = random.Random(seed)
        self._skews: dict[str, int] = {}
        self._depth = 0

    # ── deliveries ────────────────────────────────────────────────────────────────────────────

    def strikes(self, fault: str) -> bool:
        """Whether this fault of `Odds` happens now."""
        return self.on and self._random.random() < getattr(self.odds, fault)

    def order(self, things: Sequence[Thing]) -> list[Thing]:
        """The order in which to do these."""
        return self._random.sample(things, len(things)) if self.on else list(things)

    def delay(self) -> int:
        """How late a late delivery is (ms)."""
        return self._random.randint(1, self.odds.latest) if self.on else 0

    def upto(self, most: int) -> int:
        """How many of `most`, at least one."""
        return self._random.randint(1, most) if self.on else most

    # ── calls ─────────────────────────────────────────────────────────────────────────────────

    def around(self, ports: Ports, function: str) -> Ports:
        """The ports as `function` meets them."""
        made: Ports = _Ports(ports, self, function)
        return made

    def skew(self, function: str) -> int:
        """How far this function's clock is off (ms)."""
        if not self.on:
            return 0
        return self._skews.setdefault(
            function, self._random.randint(-self.odds.skew, self.odds.skew)
        )

    def call(self, operation: str, site: str, do: Callable[[], Any]) -> Any:
        """Carry out one call of a port, or what the plan has for it."""
        self.calls[site] += 1
        if not self.on:
            return do()
        if self._depth < 2 and self.strikes("interleaved"):
            self._between()
        fault = self._drawn(operation)
        if fault in ("crashed_before", "crashed_after"):
            self.crashes[site, fault] += 1
        if fault in ("crashed_after", "unanswered", "repeated"):
            do()
            if fault == "repeated":
                return do()
        if fault is None:
            return do()
        raise _raised(fault)

    def _between(self) -> None:
        self._depth += 1
        try:
            self.interleave()
        finally:
            self._depth -= 1

    def _drawn(self, operation: str) -> str | None:
        """At most one fault a call, of those that can happen to this operation."""
        place = self._random.random()
        for fault in _AT_CALLS:
            if operation in _ONLY.get(fault, (operation,)):
                place -= getattr(self.odds, fault)
                if place < 0:
                    return fault
        return None


_AT_CALLS = tuple(f.name for f in fields(Odds))[:6]
_ONLY = {
    "repeated": ("write", "send", "run", "start", "succeed", "fail", "ring", "stop"),
    "conflicted": ("transact",),
}


def _raised(fault: str) -> BaseException:
    match fault:
        case "conflicted":
            return TransactionRefused(conflicted=(0,))
        case "throttled" | "unanswered":
            return Throttled(f"the call was {fault}")
        case _:
            return Crash(fault)


class _Skewed:
    def __init__(self, clock: Clock, faults: Faults, function: str) -> None:
        self._clock, self._faults, self._function = clock, faults, function

    def now(self) -> int:
        return self._clock.now() + self._faults.skew(self._function)


class _Ports:
    """The ports of a world as one function meets them. What has no effect outside is left as it is."""

    def __init__(self, ports: Ports, faults: Faults, function: str) -> None:
        self.tables: Any = _Tables(ports.tables, faults)
        self.inboxes: Any = _Port(ports.inboxes, faults)
        self.bells: Any = _Port(ports.bells, faults)
        self.waits: Any = _Port(ports.waits, faults)
        self.tasks: Any = _Tasks(ports.tasks, faults)
        self.blobs: Any = _Port(ports.blobs, faults)
        self.clock: Clock = _Skewed(ports.clock, faults, function)
        self.ids = ports.ids
        self.journal = ports.journal


class _Port:
    """Any port: each of its operations goes through the plan."""

    def __init__(self, port: Any, faults: Faults) -> None:
        self._port, self._faults = port, faults

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        do, faults = getattr(self._port, operation), self._faults

        def call(*args: Any, **kwargs: Any) -> Any:
            return faults.call(operation, _site(), lambda: do(*args, **kwargs))

        return call


class _Tasks(_Port):
    """ECS, which may have no room; a token that has its task is answered with it all the same."""

    def run(self, request: Any) -> Any:
        short = self._faults.strikes("short") and not self._port.find(request["startedBy"])
        return self._faults.call("run", _site(), lambda: self._run(request, short))

    def _run(self, request: Any, short: bool) -> Any:
        if short:
            raise CapacityUnavailable("RESOURCE:FARGATE")
        return self._port.run(request)


class _Tables(_Port):
    """The tables; `transact` over several of them is an operation like any other."""

    def __init__(self, tables: Any, faults: Faults) -> None:
        super().__init__(tables, faults)
        self.jobs = _Table(tables.jobs, faults)
        self.catalog = _Table(tables.catalog, faults)
        self.capacity = _Table(tables.capacity, faults)


class _Table(_Port):
    """A table, whose indexes may lag."""

    def __init__(self, table: Any, faults: Faults) -> None:
        super().__init__(table, faults)
        self._before: dict[Any, Any] = {}

    def query(self, query: Any) -> Any:
        page = self._faults.call("query", _site(), lambda: self._port.query(query))
        if query.index is None:
            return page
        place = (query.index, query.partition, query.after)
        before = self._before.get(place)
        self._before[place] = page
        return before if before is not None and self._faults.strikes("stale") else page


def _site() -> str:
    """The line of the service that calls."""
    frame = sys._getframe(2)
    return f"{frame.f_code.co_filename.rsplit('/', 1)[-1]}:{frame.f_lineno}"
