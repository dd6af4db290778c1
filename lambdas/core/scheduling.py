"""Which waiting jobs start now, where, and why the others do not: one pure function.

`plan` sees the candidates of one cell (new tickets and the heads of parked lanes), the room that
is free in its compute environments, and the time. It answers with a placement, or a reason with
numbers, for every candidate. Its cost follows the number of shapes: jobs of one shape that found
no room are not tried one by one.

Order: queues by priority, highest first; inside a queue by rank (retries first, then scheduling
priority, then age), or where it has a fair-share policy, share by share (core.fair_share) and
inside a share by rank. A job that cannot be placed lets smaller ones pass, but not for ever: once it
was passed over for `RESERVATION_AFTER`, room is kept for it in the environment it fits best (I8).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from lambdas.core.arrays import child_of, room_for
from lambdas.core.catalog import Cell, Environment, Queue
from lambdas.core.fair_share import Opening, Shares, Usage
from lambdas.core.fitting import footprint, misfit, vcpus
from lambdas.core.job import JobState
from lambdas.core.shape import Shape

#: A waiting job that was passed over for this long (ms) has room reserved for it.
RESERVATION_AFTER = 10 * 60_000


class Code(StrEnum):
    """Why a job waits; low-cardinality, fit for metrics."""

    CAPACITY = "CAPACITY"  #: the environment's maximum is taken
    RESERVED = "RESERVED"  #: room is free, but kept for a job that waited longer
    ENVIRONMENTS = "ENVIRONMENTS"  #: no environment of the queue is usable
    INFEASIBLE = "INFEASIBLE"  #: no environment of the queue can ever hold it
    SHARES = "SHARES"  #: the queue's policy keeps what is free for shares that are not active yet
    PARALLEL = "PARALLEL"  #: as many children of the array as may be are under way
    RATE = "RATE"  #: there is room, but launches are metered


@dataclass(frozen=True, slots=True)
class Room:
    """What one environment has: the most it may run, and what is in use of it (milli-vCPUs)."""

    maximum: int
    taken: int
    released: int = 0  #: the sum of its released counters, as read: a claim's condition names it

    @property
    def free(self) -> int:
        return self.maximum - self.taken


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """Everything a plan depends on. `candidates` are RUNNABLE jobs by queue, in any order; an array
    stands for all its children that were not handed out yet."""

    cell: Cell
    rooms: Mapping[str, Room]
    candidates: Mapping[str, Sequence[JobState]]
    now: int
    most: int | None = None  #: placements that the launch rate leaves; None: any number
    shares: Mapping[str, Shares] = field(default_factory=dict)  #: of queues with a policy
    #: of arrays with a cap of their own: children that had their turn and have not ended
    under_way: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Placement:
    """Start `job` in `env`, taking `taken` milli-vCPUs of it; `array` is that of a child."""

    job: JobState
    env: Environment
    taken: int
    array: JobState | None = None

    @property
    def candidate(self) -> JobState:
        """What was asked to be placed."""
        return self.array or self.job


class Hold(NamedTuple):
    """`job` does not start now. One for each that waits: a tuple is made in a third of the time."""

    job: JobState
    code: Code
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """Placements in the order decided (of an array by index, without a gap), and a hold for every
    other candidate: an array that has children left is held."""

    placements: tuple[Placement, ...]
    holds: tuple[Hold, ...]


def rank(state: JobState) -> str:
    """The place of a job in its queue, as text that sorts: retries first, then priority, then age."""
    retried = "0" if state.attempt else "1"
    return f"{retried}#{9999 - state.priority:04d}#{state.created:015d}#{state.id}"


def _turn(state: JobState) -> tuple[bool, int, int, str]:
    """The order of `rank`, without making a text for each job."""
    return not state.attempt, -state.priority, state.created, state.id


def lane(state: JobState) -> str:
    """Where a job waits: with all jobs of its queue, share and shape. Arrays with a cap of their own
    stand aside, among few: those that may not go on must not hide others that may."""
    aside = f"|{state.id[:2]}" if state.parallel else ""
    return f"{state.queue}|{state.share}|{state.shape}{aside}"


def plan(request: PlanRequest) -> Plan:
    """Decide on every candidate of one cell."""
    board = _Board({name: room.free for name, room in request.rooms.items()}, request)
    for queue in request.cell.queues:
        waiting = sorted(request.candidates.get(queue.name, ()), key=_turn)
        usable = board.usable(queue)
        shares = request.shares.get(queue.name)
        if shares is None:
            for state in waiting:
                for _ in board.decide(state, queue, usable):
                    pass
        else:
            _by_share(board, queue, usable, waiting, shares)
    return Plan(tuple(board.placements), tuple(board.holds))


def _units(state: JobState, under_way: int) -> Iterable[JobState]:
    """What can be started one by one: the job itself, or an array's children in their order."""
    if not state.size:
        return (state,)
    end = state.next + room_for(state, under_way)
    return (child_of(state, index) for index in range(state.next, end))


def _by_share(
    board: _Board,
    queue: Queue,
    usable: list[Environment],
    waiting: Sequence[JobState],
    shares: Shares,
) -> None:
    """Let the share of the lowest score start one job or child, and look again."""
    policy, usage = shares.policy, defaultdict(Usage, shares.usage)
    lines: dict[str, list[JobState]] = defaultdict(list)
    for state in waiting:
        lines[state.share].append(state)
    active = len(lines.keys() | {share for share, used in usage.items() if used.active})
    running = sum(used.running for used in usage.values())
    most = policy.open_to(active, sum(env.max_milli_vcpus for env in usable))
    board.open[queue.name] = Opening(most, running, active)
    steps = {share: _steps(board, queue, usable, line) for share, line in lines.items()}
    order = [(policy.score(share, usage[share]), share) for share in lines]
    heapq.heapify(order)
    while order:
        _, share = heapq.heappop(order)
        started = next(steps[share], None)
        if started is not None:
            usage[share] = replace(usage[share], running=usage[share].running + started)
            heapq.heappush(order, (policy.score(share, usage[share]), share))


def _steps(
    board: _Board, queue: Queue, usable: list[Environment], line: Iterable[JobState]
) -> Iterator[int]:
    for state in line:
        yield from board.decide(state, queue, usable)


class _Board:
    """The free room as a plan uses it up, and what was found out about each shape on the way."""

    def __init__(self, free: dict[str, int], request: PlanRequest) -> None:
        self.free = free
        self.request = request
        self.reserved: dict[str, int] = {}
        self.full: dict[tuple[str, str], tuple[Code, str]] = {}
        self.open: dict[str, Opening] = {}
        self.placements: list[Placement] = []
        self.holds: list[Hold] = []

    def usable(self, queue: Queue) -> list[Environment]:
        """The queue's enabled environments, in its order."""
        by_name = {env.name: env for env in self.request.cell.environments}
        found = (by_name.get(name) for name in queue.environments)
        return [env for env in found if env is not None and env.enabled]

    def decide(self, state: JobState, queue: Queue, usable: list[Environment]) -> Iterator[int]:
        """Place a job, or of an array as many children as there is room for, or hold it; yields
        what each placement takes, as it is made."""
        known = self.full.get((queue.name, state.shape))
        if known is None:
            shape = Shape.parse(state.shape)
            fits = [(env, need) for env in usable if (need := footprint(shape, env)) is not None]
            under_way = self.request.under_way.get(state.id, 0)
            for unit in _units(state, under_way):
                if self._rate_is_used_up():
                    self.holds.append(Hold(state, Code.RATE, self._metered()))
                    return
                taken = self._place(unit, state, fits)
                if taken is None:
                    break
                yield taken
            else:
                if state.parallel and room_for(state, under_way) < state.size - state.next:
                    self.holds.append(Hold(state, Code.PARALLEL, _capped(state)))
                return
            known = self._refusal(shape, queue, usable, fits)
            self.full[queue.name, state.shape] = known
            self._reserve(state, fits)
        self.holds.append(Hold(state, *known))

    def _place(
        self, unit: JobState, of: JobState, fits: list[tuple[Environment, int]]
    ) -> int | None:
        opening = self.open.get(of.queue)
        for env, need in fits:
            if need <= self.free[env.name] and (opening is None or opening.holds(need)):
                self.free[env.name] -= need
                self.placements.append(Placement(unit, env, need, None if unit is of else of))
                if opening is not None:
                    opening.running += need
                return need
        return None

    def _rate_is_used_up(self) -> bool:
        most = self.request.most
        return most is not None and len(self.placements) >= most

    def _metered(self) -> str:
        return f"launches are metered: {self.request.most} start now, the others follow"

    def _reserve(self, state: JobState, fits: list[tuple[Environment, int]]) -> None:
        """Keep room for a job that was passed over for too long, once an environment."""
        since = state.parked
        if since is None or self.request.now - since < RESERVATION_AFTER:
            return
        open_to = [(env, need) for env, need in fits if env.name not in self.reserved]
        if open_to:
            env, need = max(open_to, key=lambda fit: self.free[fit[0].name] - fit[1])
            self.free[env.name] -= need
            self.reserved[env.name] = need
            opening = self.open.get(state.queue)
            if opening is not None:  # or smaller ones would use up what the shares may have
                opening.kept += need

    def _refusal(
        self,
        shape: Shape,
        queue: Queue,
        usable: list[Environment],
        fits: list[tuple[Environment, int]],
    ) -> tuple[Code, str]:
        if not usable:
            names = ", ".join(queue.environments) or "none"
            return (
                Code.ENVIRONMENTS,
                f"no usable compute environment in queue {queue.name}: {names}",
            )
        if not fits:
            return Code.INFEASIBLE, "; ".join(misfit(shape, env) for env in usable)
        opening = self.open.get(queue.name)
        if opening and any(need <= self.free[env.name] for env, need in fits):
            return Code.SHARES, (
                f"queue {queue.name} keeps vCPUs for shares that are not active: its {opening.active} "
                f"active may use {vcpus(opening.most)} together, {vcpus(opening.running)} taken"
            )
        kept = any(need <= self._truly_free(env) for env, need in fits)
        reasons = "; ".join(self._taken(env, need) for env, need in fits)
        return (Code.RESERVED if kept else Code.CAPACITY), reasons

    def _truly_free(self, env: Environment) -> int:
        return self.free[env.name] + self.reserved.get(env.name, 0)

    def _taken(self, env: Environment, need: int) -> str:
        room = self.request.rooms[env.name]
        free = self._truly_free(env)
        kept = self.reserved.get(env.name)
        told = f"{env.name}: needs {vcpus(need)}, {vcpus(room.maximum - free)} of {vcpus(room.maximum)} taken"
        return told + (f", {vcpus(kept)} kept for a job that waited longer" if kept else "")


def _capped(array: JobState) -> str:
    return f"at most {array.parallel:,} of its {array.size:,} children may be under way at once"
