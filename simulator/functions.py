"""The functions of a world: what wakes them, and what comes again when an invocation dies.

Each invocation is one event. One that fails leaves its input where it was: a batch of the stream
comes again (and is given up after ten tries), a message becomes visible again.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

from lambdas.core.errors import BatchyardError
from lambdas.core.ports import TaskReport
from lambdas.core.tables import Change
from lambdas.services.launch import Launcher
from lambdas.services.platform import Platform
from simulator.faults import Crash

if TYPE_CHECKING:
    from simulator.world import World

#: As the stacks set them: tries of a stream's batch, of a bell, of an effect, of an ECS event.
RECORD_TRIES, BELL_TRIES, EFFECT_TRIES, EVENT_TRIES = 10, 5, 10, 20
#: When a failed batch, bell or event comes again (ms).
RECORD_AGAIN, BELL_AGAIN, EVENT_AGAIN = 1_000, 90_000, 180_000
BATCH = 100


class Observer(Protocol):
    """Sees every change of the jobs table in order, and the end of every invocation."""

    def on_change(self, change: Change) -> None: ...

    def on_invoked(self, function: str, error: BaseException | None) -> None: ...


@dataclass(slots=True)
class _Reader:
    """One function's place in one shard of the stream."""

    function: str
    waiting: deque[Change] = field(default_factory=deque)
    tries: int = 0
    not_before: int = 0
    busy: bool = False


@dataclass(slots=True)
class _Delivery:
    """A bell or an ECS event on its way."""

    body: str | TaskReport
    not_before: int
    tries: int = 0


class Functions:
    """Runs whatever can run now."""

    def __init__(self, world: World) -> None:
        self.observers: list[Observer] = []
        self._world = world
        self._readers = {
            name: [_Reader(name) for _ in range(world.faults.shards)]
            for name in ("relay", "launch")
        }
        self._bells: list[_Delivery] = []
        self._events: list[_Delivery] = []
        self._asked_again = 0

    def sources(self) -> list[Callable[[], bool]]:
        """Everything that may have something to run; each says whether it ran."""
        return [self.streams, self.effects, self.bells, self.events]

    def interleave(self) -> None:
        """Another function runs in the middle of the one that runs now."""
        self.collect()
        first = self._world.faults.order([*self.sources(), self.another_tick, self.reconcile])[0]
        first()

    def invoke(self, function: str, do: Callable[[Platform], object]) -> bool:
        """One invocation; False when it failed or died, and its input must come again."""
        error: BaseException | None = None
        try:
            do(self._world.sandbox(function))
        except (Crash, Exception) as died:
            if not self._world.faults.on:
                raise
            error = died
            self._world.lose_sandbox(function)
        for observer in self.observers:
            observer.on_invoked(function, error)
        if isinstance(error, Exception) and not isinstance(error, BatchyardError):
            self._world.journal.warn("unexpected", function=function, error=repr(error))
        return error is None

    # ── the stream ────────────────────────────────────────────────────────────────────────────

    def collect(self) -> None:
        """Put new records where the stream's readers find them; a paused function misses them."""
        self._world.tables.capacity.drain()
        for change in self._world.tables.jobs.drain():
            for observer in self.observers:
                observer.on_change(change)
            for name, shards in self._readers.items():
                if name not in self._world.paused:
                    shards[crc32(change.key.pk.encode()) % len(shards)].waiting.append(change)

    def streams(self) -> bool:
        self.collect()
        readers = [reader for shards in self._readers.values() for reader in shards]
        ran = [self._read(reader) for reader in self._world.faults.order(readers)]
        return any(ran)

    def _read(self, reader: _Reader) -> bool:
        faults = self._world.faults
        if reader.busy or not reader.waiting or not self._due(reader):
            return False
        many = faults.upto(min(BATCH, len(reader.waiting)))
        batch = [reader.waiting[number] for number in range(many)]
        reader.busy = True
        done = faults.strikes("record_lost") or self._deliver(reader.function, batch)
        reader.busy = False
        reader.tries += 1
        if (done and not faults.strikes("again")) or reader.tries >= RECORD_TRIES:
            reader.tries = 0
            for _ in batch:
                reader.waiting.popleft()
        elif not done:
            reader.not_before = self._again_in(RECORD_AGAIN)
        return True

    def _deliver(self, function: str, batch: list[Change]) -> bool:
        if function == "relay":
            return self.invoke("relay", lambda p: p.relay.on_changes(batch))
        return self.invoke("launch", lambda p: _launch(p.launcher, batch))

    # ── queues ────────────────────────────────────────────────────────────────────────────────

    def effects(self) -> bool:
        """What was put off, each in an invocation of its own."""
        inboxes, queue = self._world.inboxes, self._world.settings.effects_queue
        messages = inboxes.take(queue, 10)
        for message in messages:
            owed = json.loads(message.body)
            done = self.invoke("reconcile", lambda p, owed=owed: _pay(p, owed))  # type: ignore[misc]
            if done or message.seen >= EFFECT_TRIES:
                inboxes.acknowledge(queue, [message.receipt])
        now = self._world.clock.now()
        if inboxes.depth(queue) and self._asked_again <= now:
            self._asked_again = self._again_in(1000)
        return bool(messages)

    def bells(self) -> bool:
        if "schedule" in self._world.paused:
            return False
        while bell := self._world.bells.take():
            self._bells.append(_Delivery(bell[0], self._arrival()))
        return self._first(self._bells, self._tick, BELL_TRIES, BELL_AGAIN)

    def events(self) -> bool:
        faults, tasks = self._world.faults, self._world.tasks
        self._world.fargate.step()
        events, tasks.events = tasks.events, []
        if "track" in self._world.paused:
            return bool(events)
        for report in events:
            if not faults.strikes("event_lost"):
                self._events += [_Delivery(report, self._arrival())]
            if faults.strikes("again"):
                self._events += [_Delivery(report, self._arrival())]
        return self._first(self._events, self._track, EVENT_TRIES, EVENT_AGAIN) or bool(events)

    def reconcile(self) -> bool:
        """The minute's tick."""
        if "reconcile" in self._world.paused:
            return False
        run = self._world.clock.now() + 40_000
        return self.invoke("reconcile", lambda p: p.reconciler.run(run))

    def another_tick(self) -> bool:
        """A second scheduler at the same time, of every cell."""
        ticked = [self._tick(cell) for cell in self._world.cells()]
        return any(ticked)

    def _tick(self, cell: str | TaskReport) -> bool:
        deadline = self._world.clock.now() + 20_000
        return self.invoke("schedule", lambda p: p.scheduler.tick(str(cell), deadline))

    def _track(self, report: str | TaskReport) -> bool:
        assert isinstance(report, TaskReport)
        return self.invoke("track", lambda p: p.tracker.on_report(report))

    def _first(
        self,
        deliveries: list[_Delivery],
        do: Callable[[str | TaskReport], bool],
        tries: int,
        again: int,
    ) -> bool:
        """Deliver one that has arrived; it goes back when its invocation fails."""
        delivery = next((d for d in deliveries if self._due(d)), None)
        if delivery is None:
            return False
        deliveries.remove(delivery)
        delivery.tries += 1
        if not do(delivery.body) and delivery.tries < tries:
            delivery.not_before = self._again_in(again)
            deliveries.append(delivery)
        return True

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _due(self, waiting: _Reader | _Delivery) -> bool:
        now = self._world.clock.now()
        if waiting.not_before <= now and self._world.faults.strikes("late"):
            waiting.not_before = self._again_in(self._world.faults.delay())
        return waiting.not_before <= now

    def _arrival(self) -> int:
        """When a message that is sent now is there: out of order, if faults will."""
        if not self._world.faults.strikes("late"):
            return self._world.clock.now()
        return self._again_in(self._world.faults.delay())

    def _again_in(self, later: int) -> int:
        """Make sure that the world looks here again by then."""
        when = self._world.clock.now() + later
        self._world.at(when, lambda: None)
        return when


def _pay(platform: Platform, owed: dict[str, str]) -> None:
    if "cell" in owed:
        platform.bell.ring(owed["cell"])
    else:
        platform.reconciler.pay(owed["job"])


def _launch(launcher: Launcher, batch: Iterable[Change]) -> None:
    for change in batch:
        launcher.on_change(change)
