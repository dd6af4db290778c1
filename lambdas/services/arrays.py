"""Array parents as `relay` and `reconcile` see them: their children's stop, and their own end."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.core import arrays
from lambdas.core.errors import Throttled, TransactionRefused
from lambdas.core.job import LIST_SHARDS, JobState, Status, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table
from lambdas.core.tables import Key, Query
from lambdas.services.by_index import ByIndex

#: Children told of a stop in one go; the array then changes and the stream calls again.
SWEEP = 50

#: Children read together.
_PAGE = 100

#: Where the children stand that a stop may concern.
_IN_FLIGHT = (Status.RUNNABLE.group, Status.RUNNING.group)


class Arrays:
    """Both are idempotent and bounded; `reconcile` repeats them until the array has ended."""

    def __init__(
        self, jobs: Table, by_index: ByIndex, clock: Clock, journal: Journal, retention_days: int
    ) -> None:
        self._jobs = jobs
        self._by_index = by_index
        self._clock = clock
        self._journal = journal
        self._retention = retention_days * 86_400

    def close(self, array: str) -> None:
        """End an array whose handed out children have all ended, when none is to come."""
        item = self._jobs.get(state_key(array))
        state = state_of(item) if item else None
        if state is None or not (state.handed_out or state.stop):
            return
        counters = self._jobs.get_many(arrays.count_keys(array, state.size)).values()
        now = self._clock.now()
        end = arrays.closing(state, arrays.counts(counters), now, self._expires(now))
        if end is not None:
            self._jobs.write(end)
            self._journal.note("array ended", job=array, status=end.put["status"])

    def stop_children(self, array: str) -> None:
        """Tell up to `SWEEP` children of their array's stop. The list of children may lag: it is
        gone through again for as long as the array has not ended."""
        item = self._jobs.get(state_key(array))
        state = state_of(item) if item else None
        if state is None or state.status.ended or not state.stop:
            return
        if state.each and state.swept < state.size:
            self._by_index.sweep(state, SWEEP)  # the array changes by that: the stream calls again
            return
        told = 0
        for child in self._in_flight(array):
            told += self._stop(child, state)
            if told == SWEEP:
                self._jobs.write(arrays.swept(array, told))
                return

    def _stop(self, child: JobState, array: JobState) -> bool:
        """Stop one child as its array was stopped; False when it needs no telling."""
        now = self._clock.now()
        kind, reason = array.stop_kind or "terminate", array.stop or ""
        writes = arrays.stopping(child, kind, reason, now, self._expires(now))
        if not writes:
            return False
        try:
            self._jobs.transact(writes)
        except TransactionRefused as refused:
            if refused.conflicted and not refused.failed:
                raise Throttled(f"child {child.id} met another write in flight") from refused
            return False
        return True

    def _in_flight(self, array: str) -> Iterator[JobState]:
        for group in _IN_FLIGHT:
            for shard in range(LIST_SHARDS):
                yield from self._listed(f"{array}#{group}#{shard}")

    def _listed(self, partition: str) -> Iterator[JobState]:
        after = None
        while True:
            query = Query(partition, index="by_parent", limit=_PAGE, after=after)
            page = self._jobs.query(query)
            keys = [Key(item["pk"], item["sk"]) for item in page.items]
            yield from map(state_of, self._jobs.get_many(keys).values())
            if (after := page.after) is None:
                return

    def _expires(self, now: int) -> int:
        return now // 1000 + self._retention
