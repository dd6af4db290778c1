"""Scheduling: one tick of one cell, from its bell to claims, parks and reasons.

A tick takes the tickets that have come in and the heads of the lanes, plans, and writes the plan
down: placed jobs are claimed with their capacity in one transaction, the others parked with the
reason. Two ticks at once do no harm: a claim that another was faster with is dropped.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from lambdas.core import capacity, transitions
from lambdas.core.catalog import Cell, Queue, cell_with
from lambdas.core.errors import ConditionFailed, Throttled
from lambdas.core.job import JobState, state_key, state_of
from lambdas.core.ports import Clock, Inboxes, Journal, Message, Table
from lambdas.core.scheduling import Code, Hold, PlanRequest, Room, lane, plan, rank
from lambdas.core.tables import Item, Key, Query
from lambdas.services.bell import BellService
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.children import Children
from lambdas.services.claims import Claims
from lambdas.services.rooms import rooms_of
from lambdas.services.shares import ShareUsage, planned
from lambdas.services.time_limits import TimeLimits

#: Tickets read from one inbox in one round, and parked jobs looked at in one lane.
TICKETS = 200
HEADS = 50

#: Heads beyond those that may be claimed: some in front may turn out not to be claimable.
_SPARE = 10


@dataclass(slots=True)
class Round:
    """What one round looks at: candidates by queue, and the receipts of the tickets it read."""

    candidates: dict[str, list[JobState]] = field(default_factory=lambda: defaultdict(list))
    receipts: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    more: bool = False  #: an inbox held more than the round took
    behind: bool = False  #: a lane holds more than the round looked at

    def capped(self) -> Iterator[JobState]:
        """Arrays of which so many children may be under way at once, and no more."""
        return (job for jobs in self.candidates.values() for job in jobs if job.parallel)


@dataclass(frozen=True, slots=True)
class Ticked:
    """What one tick did."""

    claimed: int = 0
    parked: int = 0


class Scheduler:
    """The `schedule` function's one use case."""

    def __init__(
        self,
        *,
        jobs: Table,
        ledgers: Table,
        catalog: CatalogStore,
        inboxes: Inboxes,
        bell: BellService,
        claims: Claims,
        time_limits: TimeLimits,
        clock: Clock,
        journal: Journal,
        launch_rate: int,
        effects_queue: str,
    ) -> None:
        self._jobs = jobs
        self._ledgers = ledgers
        self._catalog = catalog
        self._inboxes = inboxes
        self._bell = bell
        self._claims = claims
        self._shares = ShareUsage(ledgers, catalog)
        self._children = Children(jobs)
        self._time_limits = time_limits
        self._clock = clock
        self._journal = journal
        self._launch_rate = launch_rate
        self._effects_queue = effects_queue

    def tick(self, name: str, deadline: int) -> Ticked:
        """Serve the cell of this name until nothing can be done, or `deadline` (epoch ms)."""
        bell = self._clear(name)
        cell = cell_with(self._catalog.snapshot(), name=name)
        if cell is None:
            return Ticked()
        may_claim = capacity.allowance(bell, self._launch_rate, self._clock.now())
        done = Ticked()
        more = True
        while more and may_claim > 0 and self._clock.now() < deadline:
            claimed, parked, more = self._round(cell, may_claim)
            may_claim -= claimed
            done = Ticked(done.claimed + claimed, done.parked + parked)
        if done.claimed:
            self._ledgers.write(capacity.spend(name, may_claim, self._clock.now()))
        if more:
            self._come_back(name, may_claim)
        self._journal.note("ticked", cell=name, claimed=done.claimed, parked=done.parked)
        return done

    def _come_back(self, name: str, may_claim: int) -> None:
        """Work remains: ring again, after a second when the launch rate is used up; until then the
        bell is kept rung, so that what comes in between wakes nobody for nothing."""
        if may_claim > 0:
            self._bell.ring(name)
            return
        number = self._bell.turn(name)
        if number is not None:
            later = json.dumps({"cell": name, "number": number})
            self._inboxes.send(self._effects_queue, [later], 1)

    def _clear(self, name: str) -> Item:
        try:
            return self._ledgers.write(capacity.clear_bell(name)) or {}
        except ConditionFailed:
            return {}

    def _round(self, cell: Cell, may_claim: int) -> tuple[int, int, bool]:
        """One look at everything that waits: how many were claimed and parked, is there more."""
        look = self._look(cell, min(TICKETS, may_claim))
        now = self._clock.now()
        seen = self._shares.of(cell.queues, now)
        rooms, fair = self._rooms(cell), planned(seen)
        under_way = self._children.under_way(look.capped())
        request = PlanRequest(cell, rooms, look.candidates, now, may_claim, fair, under_way)
        decided = plan(request)
        outcome = self._claims.claim(decided.placements, request.rooms)
        self._shares.tell(seen, decided.placements, frozenset(outcome.claimed), now)
        metered = any(hold.code is Code.RATE for hold in decided.holds)
        holds = {h.job.id: h for h in (*decided.holds, *outcome.refused, *outcome.broken)}
        parked = sum(map(self._hold, holds.values()))
        for inbox, receipts in look.receipts.items():
            self._inboxes.acknowledge(inbox, receipts)
        freed = parked > 0 and self._released(cell) > sum(
            r.released for r in request.rooms.values()
        )
        behind = look.behind and bool(outcome.claimed)
        more = look.more or behind or freed or metered or bool(outcome.refused)
        return len(outcome.claimed), parked, more

    def _released(self, cell: Cell) -> int:
        """All that was ever given back: more than a plan knew means that it parked too soon."""
        keys = [key for env in cell.environments for key in capacity.released_keys(env.name)]
        return capacity.released_total(self._ledgers.get_many(keys).values())

    # ── looking ───────────────────────────────────────────────────────────────────────────────

    def _look(self, cell: Cell, limit: int) -> Round:
        look = Round()
        keys: dict[Key, None] = {}
        for queue in cell.queues:
            messages = self._take(queue, limit)
            look.more |= len(messages) == limit
            for message in messages:
                self._read_ticket(queue.inbox, message, look, keys)
            keys |= dict.fromkeys(self._heads(queue.name, look, min(HEADS, limit + _SPARE)))
        for item in self._jobs.get_many(list(keys)).values():
            state = state_of(item)
            if state.placeable:
                look.candidates[state.queue].append(state)
        for queue in cell.queues:
            waiting = look.candidates[queue.name]
            look.candidates[queue.name] = self._time_limits.enforce(queue, waiting)
        return look

    def _take(self, queue: Queue, limit: int) -> list[Message]:
        """The tickets that came in. An inbox that is gone, or denied to us, is passed over, lest it
        stop the queues beside it: its jobs' tickets stay owed, and `reconcile` sends them again."""
        try:
            return self._inboxes.take(queue.inbox, limit)
        except Throttled:
            raise
        except Exception as error:
            self._journal.warn("inbox not read", queue=queue.name, error=repr(error))
            self._journal.count("InboxesUnreadable")
            return []

    def _read_ticket(
        self, inbox: str, message: Message, look: Round, keys: dict[Key, None]
    ) -> None:
        """A ticket is a hint about a job; one that cannot be read is counted and dropped."""
        look.receipts[inbox].append(message.receipt)
        try:
            keys[state_key(json.loads(message.body)["job"])] = None
        except (ValueError, KeyError, TypeError):
            self._journal.warn("malformed ticket", body=message.body[:200])
            self._journal.count("MalformedTickets")

    def _heads(self, queue: str, look: Round, most: int) -> list[Key]:
        """The first parked jobs of every lane of a queue; lanes long empty are forgotten."""
        heads: list[Key] = []
        for registered in self._lanes(queue):
            page = self._jobs.query(Query(registered["lane"], index="by_lane", limit=most))
            heads += [Key(item["pk"], item["sk"]) for item in page.items]
            look.behind |= page.after is not None
            idle = self._clock.now() - registered["used"]
            if not page.items and idle > capacity.LANE_FORGOTTEN:
                self._forget(queue, registered["lane"], registered["used"])
        return heads

    def _lanes(self, queue: str) -> Iterator[Item]:
        """Every lane of the registry, however many pages it has: no lane hides another."""
        after = None
        while True:
            page = self._ledgers.query(Query(capacity.lanes_partition(queue), after=after))
            yield from page.items
            if (after := page.after) is None:
                return

    def _forget(self, queue: str, name: str, used: int) -> None:
        try:
            self._ledgers.write(capacity.forget_lane(queue, name, used))
        except ConditionFailed:
            self._journal.note("lane in use again", queue=queue, lane=name)

    def _rooms(self, cell: Cell) -> dict[str, Room]:
        return rooms_of(self._ledgers, cell.environments)

    # ── writing down ──────────────────────────────────────────────────────────────────────────

    def _hold(self, hold: Hold) -> int:
        """Park a new ticket's job, or refresh the reason of a parked one."""
        state = hold.job
        try:
            if state.lane is None:
                self._park(hold)
                return 1
            if state.why_code != hold.code:
                now = self._clock.now()
                self._jobs.write(transitions.explain(state, hold.code, hold.reason, now))
        except ConditionFailed:
            self._journal.note("park overtaken", job=state.id)
        return 0

    def _park(self, hold: Hold) -> None:
        state, now = hold.job, self._clock.now()
        name = lane(state)
        with suppress(ConditionFailed):  # refreshed a moment ago
            self._ledgers.write(capacity.register_lane(state.queue, name, now))
        self._jobs.write(transitions.park(state, name, rank(state), hold.code, hold.reason, now))
