"""The jobs table's stream and its two readers, as Lambda's event source mappings read it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any
from zlib import crc32

from lambdas.core.job import Status
from lambdas.core.tables import Change

if TYPE_CHECKING:
    from simulator.world import World

#: As the stacks set them: how often a batch is tried, and how many records one holds.
TRIES, BATCH = 10, 100
#: Who gathers for a window before its first batch.
GATHERING = ("relay",)
#: When a batch that failed comes again (ms).
AGAIN = 1_000

#: What the mappings let through (stacks/constructs/mappings.py; a test holds them together).
_PREFIXES = ("EDGE#", "EACH#", "PAGE#")


def relayed(change: Change) -> bool:
    """Whether `relay`'s mapping lets a record through."""
    sk = change.key.sk
    return sk == "STATE" or sk.startswith(_PREFIXES)


def claimed(change: Change) -> bool:
    """Whether `launch`'s mapping lets a record through."""
    new = change.new
    return new is not None and new.get("status") == _STARTING


_STARTING = Status.STARTING.value
FILTERS: dict[str, Callable[[Change], bool]] = {"relay": relayed, "launch": claimed}


@dataclass(slots=True)
class _Reader:
    """One function's place in one shard."""

    function: str
    waiting: deque[Change] = field(default_factory=deque)
    tries: int = 0
    armed: bool = False  #: its next batch is on the agenda, or under way


class Streams:
    """Delivers records in batches: in order per shard, again until they succeed or are given up."""

    def __init__(
        self,
        world: World,
        deliver: Callable[[str, Sequence[Change]], bool],
        observe: Callable[[Change], None],
    ) -> None:
        self.lost: set[str] = set()  #: partitions of records that `relay` never saw
        self.on_delivered: Callable[[str, Sequence[Change]], None] = lambda _function, _batch: None
        self.on_capacity: Callable[[Change], None] = lambda _change: None
        self._world = world
        self._deliver = deliver
        self._observe = observe
        self._shards = world.shards
        self._readers = {
            name: [_Reader(name) for _ in range(self._shards)] for name in ("relay", "launch")
        }
        # Its own tables, whatever a test puts in their place later.
        self._jobs, self._capacity = world.tables.jobs, world.tables.capacity
        self._jobs.on_record = self._written
        self._capacity.on_record = self._unread

    def collect(self) -> None:
        """Put new records where readers find them; a paused function misses them."""
        paused = self._world.paused
        for change in self._jobs.drain():
            self._observe(change)
            if "relay" in paused:
                self.lost.add(change.key.pk)
            for name, passes in FILTERS.items():
                if name not in paused and passes(change):
                    shards = self._readers[name]
                    shard = crc32(change.key.pk.encode()) % self._shards if len(shards) > 1 else 0
                    reader = shards[shard]
                    reader.waiting.append(change)
                    if not reader.armed:
                        window = self._world.latencies.window if name in GATHERING else 0
                        self._arm(reader, window)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _written(self) -> None:
        self._world.after(self._world.latencies.stream, self.collect)

    def _unread(self) -> None:
        """Nobody reads the capacity table's stream yet."""
        self._world.after(0, self._tell_capacity)

    def _tell_capacity(self) -> None:
        for change in self._capacity.drain():
            self.on_capacity(change)

    def _arm(self, reader: _Reader, later: int) -> None:
        faults = self._world.faults
        reader.armed = True
        if faults.strikes("late"):
            later += faults.delay()
        self._world.after(later, lambda: self._read(reader))

    def _read(self, reader: _Reader) -> None:
        """One batch. It stays when its invocation fails, and now and then when it does not."""
        faults = self._world.faults
        many = faults.upto(min(BATCH, len(reader.waiting)))
        batch: list[Any] = list(islice(reader.waiting, many))
        lost = faults.strikes("record_lost")
        done = lost or self._deliver(reader.function, batch)
        if done and not lost:
            self.on_delivered(reader.function, batch)
        reader.tries += 1
        if reader.function == "relay" and (lost or reader.tries >= TRIES):
            self.lost.update(change.key.pk for change in batch)
        if (done and not faults.strikes("again")) or reader.tries >= TRIES:
            reader.tries = 0
            for _ in batch:
                reader.waiting.popleft()
        if reader.waiting:
            self._arm(reader, self._world.latencies.invocation if done else AGAIN)
        else:
            reader.armed = False
