"""The ports of a world as one function meets them: every call goes through the plan of faults."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from lambdas.core.errors import (
    CapacityUnavailable,
    TaskConflict,
    TaskRefused,
    TransactionRefused,
)
from lambdas.core.ports import Clock, Ports
from simulator.callsites import name_of
from simulator.faults import Faults, Gate

MINUTE = 60_000

#: ECS may take so long to show a task that it made (ms). Its guide: "eventual consistency", with
#: back-off "up to five minutes".
SHOWN_WITHIN = 5 * MINUTE

CAPACITY = (
    "Capacity is unavailable at this time. Please try again later",
    "You've reached the limit on the number of vCPUs you can run concurrently",
    "RESOURCE:FARGATE",
)
REFUSALS = (
    "AccessDeniedException: User is not authorized to perform: iam:PassRole",
    "ClientException: Role is not valid",
    "InvalidParameterException: The subnet ID 'subnet-1' does not exist",
)


class FaultyPorts:
    """What has no effect outside is left as it is."""

    def __init__(self, ports: Ports, faults: Faults, function: str) -> None:
        self.tables: Any = _Tables(ports.tables, faults, function)
        self.inboxes: Any = _Inboxes(ports.inboxes, faults, function)
        self.bells: Any = _Port(ports.bells, faults, function)
        self.waits: Any = _Port(ports.waits, faults, function)
        self.tasks: Any = _Tasks(ports.tasks, faults, function)
        self.blobs: Any = _Port(ports.blobs, faults, function)
        self.clock: Clock = _Skewed(ports.clock, faults, function)
        self.ids = ports.ids
        self.journal = ports.journal


class _Skewed:
    def __init__(self, clock: Clock, faults: Faults, function: str) -> None:
        self._clock, self._faults, self._function = clock, faults, function

    def now(self) -> int:
        return self._clock.now() + self._faults.skew(self._function)


class _Port:
    """Any port: a call is carried out, or meets one fault."""

    def __init__(self, port: Any, faults: Faults, function: str) -> None:
        self._port, self._faults, self._function = port, faults, function

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        port, faults = self._port, self._faults
        gates: dict[tuple[int, int], Gate] = {}

        def call(*args: Any, **kwargs: Any) -> Any:
            do = getattr(port, operation)
            if not faults.on:
                return do(*args, **kwargs)
            frame = sys._getframe(1)
            gate = gates.get((id(frame.f_code), frame.f_lasti))
            if gate is None:
                site = name_of(frame.f_code, frame.f_lasti, operation)
                gate = faults.gate(self._function, site, operation)
                gates[id(frame.f_code), frame.f_lasti] = gate
            faults.calls[gate.site] += 1
            fault, how = gate.drawn()
            if fault is None:
                return self._done(operation, args, do(*args, **kwargs))
            own = getattr(type(self), f"_{fault}", None)
            if own:
                return own(self, how, operation, args)
            return faults.met(
                fault, how, gate, lambda: self._done(operation, args, do(*args, **kwargs))
            )

        setattr(self, operation, call)
        return call

    def _done(self, operation: str, args: Sequence[Any], answer: Any) -> Any:
        """What a call answered, on its way to the function."""
        return answer

    # ── transactions: of a table, and across tables ───────────────────────────────────────────

    def _conflicted(self, how: float, _: str, args: Sequence[Any]) -> Any:
        """Another write was in flight at one item, or at each."""
        many = len(args[0])
        met = range(many) if how < 0.2 else (int(how * many),)
        raise TransactionRefused(conflicted=tuple(met))

    def _also_conflicted(self, how: float, _: str, args: Sequence[Any]) -> Any:
        """One write's condition fails and another meets a write in flight: both are told."""
        try:
            return self._port.transact(*args)
        except TransactionRefused as refused:
            others = [i for i in range(len(args[0])) if i not in refused.failed]
            met = (*refused.conflicted, *others[: 1 + int(how * len(others))])
            raise TransactionRefused(refused.failed, tuple(sorted(set(met)))) from None


class _Tables(_Port):
    """The tables; `transact` over several of them is an operation like any other."""

    def __init__(self, tables: Any, faults: Faults, function: str) -> None:
        super().__init__(tables, faults, function)
        self.jobs = _Table(tables.jobs, faults, function)
        self.catalog = _Table(tables.catalog, faults, function)
        self.capacity = _Table(tables.capacity, faults, function)


class _Table(_Port):
    """A table, whose indexes may lag."""

    def _done(self, operation: str, args: Sequence[Any], answer: Any) -> Any:
        if operation == "query" and args[0].index and self._faults.odds.stale:
            asked, now = self._place(args[0]), self._faults.now()
            earlier = self._faults.answers.setdefault(asked, [])
            earlier.append((now, answer))
            while earlier[0][0] < now - self._faults.odds.stalest:
                earlier.pop(0)
        return answer

    def _stale(self, how: float, operation: str, args: Sequence[Any]) -> Any:
        answer = self._done(operation, args, self._port.query(*args))
        earlier = self._faults.answers.get(self._place(args[0]), ())
        return earlier[int(how * len(earlier))][1] if earlier else answer

    def _place(self, query: Any) -> Any:
        """What makes two queries the same question; a later `now` asks by_due nothing new."""
        high = None if query.index == "by_due" else query.high
        return query.index, query.partition, query.low, high, query.after, query.descending


class _Inboxes(_Port):
    """SQS: some of the messages, and some of them again."""

    def _partial(self, how: float, _: str, args: Sequence[Any]) -> Any:
        queue, limit = args
        return self._port.take(queue, int(how * limit)) if int(how * limit) else []

    def _unforgotten(self, how: float, _: str, args: Sequence[Any]) -> None:
        queue, receipts = args
        self._port.acknowledge(queue, receipts[: int(how * len(receipts))])


class _Tasks(_Port):
    """ECS, which may have no room; a token that has its task is answered with it all the same."""

    def _done(self, operation: str, args: Sequence[Any], answer: Any) -> Any:
        if operation == "run":
            self._faults.born.setdefault(answer, self._faults.now())
        return answer

    def _short(self, how: float, _: str, args: Sequence[Any]) -> Any:
        if self._port.find(args[0]["startedBy"]):
            return self._port.run(*args)
        raise CapacityUnavailable(CAPACITY[int(how * len(CAPACITY))])

    def _refused(self, how: float, _: str, args: Sequence[Any]) -> Any:
        if self._port.find(args[0]["startedBy"]):
            return self._port.run(*args)
        self._faults.refused.add(args[0]["startedBy"])
        raise TaskRefused(REFUSALS[int(how * len(REFUSALS))])

    def _conflict(self, how: float, operation: str, args: Sequence[Any]) -> Any:
        task = self._done(operation, args, self._port.run(*args))
        raise TaskConflict("ConflictException: the token has its task", task if how < 0.5 else None)

    def _unseen(self, how: float, operation: str, args: Sequence[Any]) -> Any:
        shown = self._faults.now() - int(how * SHOWN_WITHIN)
        answer = getattr(self._port, operation)(*args)
        match operation:
            case "describe":
                return {task: told for task, told in answer.items() if self._old(task, shown)}
            case "listing":
                return [task for task in answer[0] if self._old(task, shown)], answer[1]
            case _:
                return [task for task in answer if self._old(task, shown)]

    def _old(self, task: str, shown: int) -> bool:
        return self._faults.born.get(task, 0) <= shown
