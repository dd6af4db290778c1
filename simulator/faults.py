"""Faults from a seed: around every call of every port, and in everything that is delivered.

A plan wraps the ports of a world (`simulator.faulty`). At any call it may kill the invocation
(`Crash`, before or after the call had its effect), refuse it, have it carried out without an
answer, or let other functions run first. The same seed gives the same faults, and each has an
address (`simulator.chance`), so that one can be left out without moving the others.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from types import CodeType
from typing import Any, TypeVar

from lambdas.core.errors import BatchyardError, Throttled
from lambdas.core.ports import Ports
from simulator.chance import Chance, Only, Stream, Struck
from simulator.odds import AT_CALLS, ONLY_AT, Odds

Thing = TypeVar("Thing")

#: How often something goes wrong at the call that a seed aims at.
AIMED = 0.2

#: What a seed may aim: death on both sides of the call, or that others go first.
AIMS = (
    ("crashed_before", "crashed_after"),
    ("slow", "interleaved"),
    ("posthumous", "slow"),
)

#: How long an invocation lives (seconds), as the stacks set it.
LIMITS = {
    "api": 29,
    "intake": 30,
    "relay": 30,
    "schedule": 60,
    "launch": 30,
    "track": 30,
    "reconcile": 60,
    "declare": 60,
}


#: The faults that meet each of some call sites.
Aim = Mapping[str, Sequence[str]]


_NONE = Odds()

#: When the invocation that runs must end (epoch ms); each that is under way has its own.
_DIES_AT: ContextVar[int | None] = ContextVar("dies_at", default=None)


class Crash(BaseException):
    """The invocation ends here. No service catches it: there is nobody left to do so."""


class Gate:
    """One function at one call site: which fault meets which of its calls there."""

    __slots__ = ("bounds", "kinds", "operation", "site", "stream", "total")

    def __init__(self, stream: Stream, site: str, operation: str, odds: dict[str, float]) -> None:
        self.stream = stream
        self.site = site
        self.operation = operation
        self.kinds = tuple(odds)
        self.total = sum(odds.values())
        self.bounds = tuple(odds.values())

    def drawn(self) -> tuple[str | None, float]:
        """The fault at this call, and a number from [0, 1) that says how it goes."""
        place = self.stream.draw()
        if place >= self.total:
            return None, 0.0
        for kind, odds in zip(self.kinds, self.bounds, strict=True):
            if place < odds:
                return (kind if self.stream.strikes(kind) else None), place / odds
            place -= odds
        return None, 0.0


class Faults:
    """One run's faults. `calls` and `crashes` count call sites for coverage.

    `aim` names call sites at which things go wrong far more often than elsewhere, and what; `only`
    limits what goes wrong.
    """

    def __init__(
        self,
        odds: Odds | None = None,
        seed: int = 0,
        aim: Aim | None = None,
        only: Only | None = None,
    ) -> None:
        self.odds = odds or Odds()
        self.on = False
        #: Of the jobs stream: records of one item stay in order, others need not.
        self.shards = 3 if odds else 1
        self.calls: Counter[str] = Counter()
        self.crashes: Counter[tuple[str, str]] = Counter()
        #: Attempts (`startedBy`) whose RunTask was refused for good.
        self.refused: set[str] = set()
        #: When each task was made (ms), and what indexes answered before: for `simulator.faulty`.
        self.born: dict[str, int] = {}
        self.answers: dict[Any, list[tuple[int, Any]]] = {}
        #: Lets others go first, and so many milliseconds pass.
        self.interleave: Callable[[], None] = lambda: None
        self.pause: Callable[[int], None] = lambda _ms: None
        self.later: Callable[[int, Callable[[], object]], None] = lambda _ms, _do: None
        self._aim = aim or {}
        self._chance = Chance(seed, only)
        self._streams: dict[tuple[int, str], Stream] = {}
        self._gates: dict[tuple[str, str], Gate] = {}
        self._skews: dict[str, int] = {}
        self._fraction = 0.0

    @property
    def struck(self) -> list[Struck]:
        """What went wrong, in order."""
        return self._chance.struck

    def tell_time_by(self, now: Callable[[], int]) -> None:
        """The clock by which `struck` is told."""
        self._chance.now = now

    def now(self) -> int:
        return self._chance.now()

    # ── deliveries ────────────────────────────────────────────────────────────────────────────

    def strikes(self, fault: str) -> bool:
        """Whether this fault of `Odds` happens now; the place is the function that asks."""
        odds: float = getattr(self.odds, fault)
        if not self.on or odds <= 0:
            return False
        stream = self._stream(fault, sys._getframe(1).f_code)
        drawn = stream.draw()
        if drawn >= odds:
            return False
        self._fraction = drawn / odds
        return stream.strikes(fault)

    def delay(self) -> int:
        """How late the delivery is that was struck last (ms)."""
        return 1 + int(self._fraction * self.odds.latest) if self.on else 0

    def order(self, things: Sequence[Thing]) -> list[Thing]:
        """The order in which to do these."""
        left = list(things)
        if not self.on:
            return left
        stream = self._stream("order", sys._getframe(1).f_code)
        drawn = stream.draw()
        if not stream.strikes("order"):
            return left
        ordered = []
        while left:
            drawn *= len(left)
            ordered.append(left.pop(int(drawn)))
            drawn -= int(drawn)
        return ordered

    def upto(self, most: int) -> int:
        """How many of `most`, at least one."""
        if not self.on or most <= 1:
            return most
        stream = self._stream("part", sys._getframe(1).f_code)
        drawn = stream.draw()
        return 1 + int(drawn * most) if stream.strikes("part") else most

    def skew(self, function: str) -> int:
        """How far this function's clock is off (ms)."""
        if not self.on or not self.odds.skew:
            return 0
        if function not in self._skews:
            stream = self._chance.stream(f"clock of {function}")
            off = round((2 * stream.draw() - 1) * self.odds.skew)
            self._skews[function] = off if stream.strikes("skew") else 0
        return self._skews[function]

    def _stream(self, fault: str, code: CodeType) -> Stream:
        stream = self._streams.get((id(code), fault))
        if stream is None:
            stream = self._chance.stream(f"{code.co_qualname}:{fault}")
            self._streams[id(code), fault] = stream
        return stream

    # ── calls ─────────────────────────────────────────────────────────────────────────────────

    def around(self, ports: Ports, function: str) -> Ports:
        """The ports as `function` meets them; as they are when there is no plan."""
        if self.odds == _NONE:
            return ports
        from simulator.faulty import FaultyPorts

        made: Ports = FaultyPorts(ports, self, function)
        return made

    def gate(self, function: str, site: str, operation: str) -> Gate:
        """Where `function` calls this operation: one for all of its instances."""
        known = self._gates.get((function, site))
        if known is None:
            known = self._gates[function, site] = self._gate(function, site, operation)
        return known

    def _gate(self, function: str, site: str, operation: str) -> Gate:
        odds = {
            kind: getattr(self.odds, kind)
            for kind in AT_CALLS
            if _may(kind, function, operation) and getattr(self.odds, kind)
        }
        aimed = self._aim.get(site, ())
        odds |= {kind: AIMED for kind in aimed if _may(kind, function, operation)}
        return Gate(self._chance.stream(f"{function} {site}"), site, operation, odds)

    @contextmanager
    def invocation(self, function: str) -> Iterator[None]:
        """What is called in here belongs to one invocation, and dies with it at its time limit."""
        outer = _DIES_AT.set(self.now() + 1000 * LIMITS[function])
        try:
            yield
        finally:
            _DIES_AT.reset(outer)

    def linger(self, ms: int) -> None:
        """The invocation waits so long. Raises Crash when its time is up before."""
        dies_at = _DIES_AT.get()
        left = ms if dies_at is None else max(0, dies_at - self.now())
        self.pause(min(ms, left))
        if ms > left:
            raise Crash("timed out")

    def met(self, fault: str, how: float, gate: Gate, do: Callable[[], Any]) -> Any:
        """Carry a call out as this fault will. `how` is a number from [0, 1) to decide by."""
        match fault:
            case "crashed_before":
                self.crashes[gate.site, fault] += 1
                raise Crash(fault)
            case "crashed_after":
                self.crashes[gate.site, fault] += 1
                do()
                raise Crash(fault)
            case "throttled":
                raise Throttled("the call was throttled")
            case "unanswered":
                do()
                raise Throttled("the call was unanswered")
            case "repeated":
                do()
            case "interleaved":
                for _ in range(1 + int(4 * how)):
                    self.interleave()
            case "slow":
                answer = do() if how < 0.5 else None
                self.interleave()
                self.linger(1 + int(how * self.odds.slowest))
                if how < 0.5:
                    return answer
            case "posthumous":
                self.later(1 + int(how * self.odds.lands), lambda: _land(do))
                raise Crash(fault)
        return do()


def _may(kind: str, function: str, operation: str) -> bool:
    """Whether this can happen to this function's calls of this operation.

    A launch that outlives its invocation is assumed of `reconcile` alone: Lambda repeats a batch of
    the stream at once, and ECS is trusted to have seen the first call by then.
    """
    if kind == "posthumous" and operation == "run" and function != "reconcile":
        return False
    return operation in ONLY_AT.get(kind, (operation,))


def _land(do: Callable[[], object]) -> None:
    """A call has its effect, and nobody hears of it."""
    with suppress(BatchyardError):
        do()
