"""The functions of a world: what wakes them, and what comes again when an invocation dies.

Each invocation is one event. One that fails leaves its input where it was: a batch of the stream
comes again (and is given up after ten tries), a message becomes visible again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from lambdas.core.errors import BatchyardError, Throttled
from lambdas.core.ports import Message, TaskReport
from lambdas.core.tables import Change
from lambdas.services.platform import Platform
from simulator.faults import Crash
from simulator.streams import Streams

if TYPE_CHECKING:
    from simulator.world import World

Input = TypeVar("Input")

#: As the stacks set them: tries of a bell, of an effect, of an ECS event; messages in a batch, of
#: effects and of ECS' events.
BELL_TRIES, EFFECT_TRIES, EVENT_TRIES = 5, 10, 20
BATCH, TRACKED = 10, 50
#: When a failed bell, effect or event comes again (ms): their queues' visibility time-outs.
BELL_AGAIN, EFFECT_AGAIN, EVENT_AGAIN = 90_000, 360_000, 180_000
#: How long (ms) the handlers let a round of `reconcile` and a tick last.
RUN, TICK = 40_000, 20_000
#: A late delivery takes seconds, a late word of ECS so many times as long: hours.
HOURS_LATE = 500
#: So many rounds and ticks at once that only a fault began.
MOST_RIVALS = 2
#: A function that is paused is looked for again after this long (ms).
_PAUSE = 1_000


class Observer(Protocol):
    """Sees every change of the jobs table in order, and the end of every invocation."""

    def on_change(self, change: Change) -> None: ...

    def on_invoked(self, function: str, error: BaseException | None) -> None: ...


@dataclass(slots=True, eq=False)
class _Delivery:
    """A bell or an ECS event on its way."""

    body: str | TaskReport
    tries: int = 0


class Functions:
    """Invokes them. `invocations` counts by function, `deliveries` batches by queue."""

    def __init__(self, world: World) -> None:
        self.observers: list[Observer] = []
        self.invocations: Counter[str] = Counter()
        self.deliveries: Counter[str] = Counter()
        self.streams = Streams(world, self._changed, self._observe)
        self._world = world
        self._blocked: dict[str, int] = {}  #: cells whose bell failed, until when
        self._arrived: list[_Delivery] = []
        self._held = 0
        self._rivals = 0  #: rounds and ticks that run only to meet others
        world.inboxes.hidden[world.settings.effects_queue] = EFFECT_AGAIN
        world.inboxes.on_sent = self._sent
        world.bells.on_ring = lambda: self._soon(self._bell, world.latencies.queue)
        world.tasks.on_report = self._reported

    def hold(self, until: int) -> None:
        """Messages for `track` and `reconcile` wait until then (epoch ms)."""
        self._held = until

    def interleave(self) -> None:
        """Others go first in the middle of the invocation that runs now, and perhaps a rival of it
        that would not run otherwise."""
        rival = self._world.faults.order((None, None, None, self.another_tick, self.reconcile))[0]
        if rival and self._rivals < MOST_RIVALS:
            self._rivals += 1
            self._world.after(0, lambda: self._contend(rival))
        self._world.pause(0)

    def _contend(self, rival: Callable[[], object]) -> None:
        try:
            rival()
        finally:
            self._rivals -= 1

    def invoke(self, function: str, do: Callable[[Platform], object]) -> bool:
        """One invocation; False when it failed or died, and its input must come again."""
        error: BaseException | None = None
        hostile = self._world.faults.on
        self.invocations[function] += 1
        try:
            with self._world.faults.invocation(function), self._world.instance(function) as warm:
                do(warm)
        except (Crash, Exception) as died:
            if not (hostile or self._forgiven(died)):
                raise
            error = died
        self._tell(function, error)
        return error is None

    def reconcile(self) -> bool:
        """The minute's tick."""
        if "reconcile" in self._world.paused:
            return False
        return self.invoke("reconcile", lambda p: p.reconciler.run(_by(p, RUN)))

    def another_tick(self) -> bool:
        """A second scheduler at the same time, of every cell."""
        ticked = [self._tick(cell) for cell in self._world.cells()]
        return any(ticked)

    # ── the stream ────────────────────────────────────────────────────────────────────────────

    def _observe(self, change: Change) -> None:
        for observer in self.observers:
            observer.on_change(change)

    def _changed(self, function: str, batch: Sequence[Change]) -> bool:
        if function == "relay":
            return self.invoke("relay", lambda p: p.relay.on_changes(batch))
        return not self._each("launch", batch, lambda p, change: p.launcher.on_change(change))

    # ── effects that were put off ─────────────────────────────────────────────────────────────

    def _sent(self, queue: str, when: int) -> None:
        if queue == self._world.settings.effects_queue:
            self._soon(self._effects, when - self._world.clock.now() + self._world.latencies.queue)

    def _effects(self) -> None:
        if self._wait(self._effects):
            return
        inboxes, queue = self._world.inboxes, self._world.settings.effects_queue
        messages = inboxes.deliver(queue, self._world.faults.upto(BATCH))
        if not messages:
            return
        self.deliveries["effects"] += 1
        failed = self._each("reconcile", messages, _pay)
        gone = [m.receipt for m in messages if m not in failed or m.seen >= EFFECT_TRIES]
        inboxes.discard(queue, gone)
        if len(gone) < len(messages):
            self._world.after(EFFECT_AGAIN, self._effects)
        self._soon(self._effects, 0)

    # ── bells ─────────────────────────────────────────────────────────────────────────────────

    def _bell(self) -> None:
        if "schedule" in self._world.paused:
            self._world.after(_PAUSE, self._bell)
            return
        bell = self._world.bells.take()
        if bell:
            self._ring(_Delivery(bell[0]))

    def _ring(self, bell: _Delivery) -> None:
        """Invoke for one bell; a failed one holds up its group until it is visible again."""
        cell, now = str(bell.body), self._world.clock.now()
        wait = self._blocked.get(cell, 0) - now
        if wait > 0 and not bell.tries:
            self._world.after(wait, lambda: self._ring(bell))
            return
        bell.tries += 1
        self.deliveries["bell"] += 1
        if not self._tick(cell) and bell.tries < BELL_TRIES:
            self._blocked[cell] = now + BELL_AGAIN
            self._world.after(BELL_AGAIN, lambda: self._ring(bell))

    def _tick(self, cell: str) -> bool:
        return self.invoke("schedule", lambda p: p.scheduler.tick(cell, _by(p, TICK)))

    # ── ECS' events ───────────────────────────────────────────────────────────────────────────

    def _reported(self, report: TaskReport) -> None:
        """ECS tells of a task: through EventBridge into `track`'s queue."""
        faults = self._world.faults
        if "track" in self._world.paused:
            return
        times = (not faults.strikes("event_lost")) + faults.strikes("again")
        for _ in range(times):
            event, later = _Delivery(report), self._world.latencies.event
            if faults.strikes("event_late"):
                later += HOURS_LATE * faults.delay()
            self._soon(lambda event=event: self._arrive(event), later)  # type: ignore[misc]

    def _arrive(self, event: _Delivery) -> None:
        self._arrived.append(event)
        if len(self._arrived) == 1:
            latencies = self._world.latencies
            self._world.after(latencies.queue + latencies.window, self._track)

    def _track(self) -> None:
        if self._wait(self._track):
            return
        many = self._world.faults.upto(TRACKED)
        batch, self._arrived = self._arrived[:many], self._arrived[many:]
        if self._arrived:
            self._world.after(0, self._track)
        if not batch:
            return
        self.deliveries["track"] += 1
        reports = [event.body for event in batch if isinstance(event.body, TaskReport)]
        failed: list[TaskReport] = []
        lived = self.invoke("track", lambda p: failed.extend(p.tracker.on_reports(reports)))
        for event in (event for event in batch if not lived or event.body in failed):
            event.tries += 1
            if event.tries < EVENT_TRIES:
                self._world.after(EVENT_AGAIN, lambda event=event: self._arrive(event))  # type: ignore[misc]

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _each(
        self, function: str, batch: Sequence[Input], do: Callable[[Platform, Input], object]
    ) -> list[Input]:
        """One invocation for a batch, of which each fails for itself; those that did."""
        failed: list[Input] = []
        hostile = self._world.faults.on

        def handle(platform: Platform) -> None:
            for one in batch:
                try:
                    do(platform, one)
                except Exception as error:
                    if not (hostile or self._forgiven(error)):
                        raise
                    failed.append(one)
                    self._tell(function, error)

        return failed if self.invoke(function, handle) else list(batch)

    def _wait(self, do: Callable[[], None]) -> bool:
        """Do it when messages are delivered again; False when they are."""
        held = self._held - self._world.clock.now()
        if held > 0:
            self._world.after(held, do)
        return held > 0

    def _forgiven(self, error: BaseException) -> bool:
        """What AWS would answer with another delivery, as it does all that went wrong in hostile
        times; anything else is told to who runs us."""
        return self._world.faults.on or isinstance(error, Throttled)

    def _tell(self, function: str, error: BaseException | None) -> None:
        for observer in self.observers:
            observer.on_invoked(function, error)
        if isinstance(error, Exception) and not isinstance(error, BatchyardError):
            self._world.journal.warn("unexpected", function=function, error=repr(error))

    def _soon(self, do: Callable[[], object], later: int) -> None:
        """When a message that is sent now is there: out of order, if faults will."""
        faults = self._world.faults
        if faults.strikes("late"):
            later += faults.delay()
        self._world.after(later, do)


def _by(platform: Platform, lasting: int) -> int:
    """A deadline, by the clock of the instance that must keep it."""
    return platform.ports.clock.now() + lasting


def _pay(platform: Platform, message: Message) -> None:
    owed = json.loads(message.body)
    if "cell" in owed:
        platform.bell.sound(owed["cell"], owed["number"])
    else:
        platform.reconciler.pay(owed["job"], owed.get("size", 0))
