"""The end of a deleted job queue: its jobs are terminated, its inbox removed, its entry deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from lambdas.core import arrays
from lambdas.core.catalog import QUEUES, queue_key
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import LIST_SHARDS, JobState, Status, state_of
from lambdas.core.ports import Clock, Inboxes, Table
from lambdas.core.tables import Delete, Item, Key, Query, Update
from lambdas.services.catalog_entries import unchanged
from lambdas.services.catalog_store import CatalogStore

#: AWS Batch's words for a job whose queue was deleted.
REASON = "JobQueue deleted"

#: A queue is empty when it was found so whenever it was looked at, for so long (ms). The list of its
#: jobs is an index, read group after group: it lags, and a job that changes its group meanwhile may
#: be seen in neither. And a submit that read the queue before its delete is answered by then.
EMPTY_FOR = 5 * 60_000

#: Jobs read together.
PAGE = 100


class QueueRemoval:
    """Called again and again (by `reconcile`) until nothing is left; each call is bounded."""

    def __init__(
        self,
        *,
        jobs: Table,
        table: Table,
        store: CatalogStore,
        inboxes: Inboxes,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._table = table
        self._store = store
        self._inboxes = inboxes
        self._clock = clock
        self._retention = retention_days * 86_400

    def sweep(self, deadline: int) -> int:
        """One round over every queue that is DELETING, until `deadline` (epoch ms) at the latest;
        how many are gone now."""
        leaving = [i for i in self._store.items(QUEUES) if i["detail"]["status"] == "DELETING"]
        return sum(self._sweep(item, deadline) for item in leaving)

    def _sweep(self, item: Item, deadline: int) -> bool:
        if self._end_jobs(item["sk"], deadline):
            self._note(item, None)
            return False
        now, emptied = self._clock.now(), item.get("emptied_at")
        if emptied is None:
            self._note(item, now)
        if emptied is None or now < emptied + EMPTY_FOR:
            return False
        if item.get("own_inbox"):
            self._inboxes.remove(item["inbox"])
        self._table.write(Delete(queue_key(item["sk"]), when=unchanged(item)))
        return True

    def _note(self, item: Item, emptied: int | None) -> None:
        """Write down since when the queue is empty (epoch ms), or that it is not."""
        if item.get("emptied_at") == emptied:
            return
        put, drop = ({}, ("emptied_at",)) if emptied is None else ({"emptied_at": emptied}, ())
        with suppress(ConditionFailed):  # another has removed it
            self._table.write(Update(queue_key(item["sk"]), put, drop=drop, when=unchanged(item)))

    def _end_jobs(self, queue: str, deadline: int) -> bool:
        """End the jobs of a queue; True when there may be any left."""
        found = False
        for keys in self._listed(queue):
            if self._clock.now() >= deadline:
                return True
            for item in self._jobs.get_many(keys).values():
                state = state_of(item)
                if state.queue == queue:  # else it was moved, and the list lags
                    self._end(state)
                found = True
        return found

    def _listed(self, queue: str) -> Iterator[list[Key]]:
        """The queue's jobs that have not ended, a page at a time."""
        groups = dict.fromkeys(status.group for status in Status if not status.ended)
        for group in groups:
            for shard in range(LIST_SHARDS):
                yield from self._pages(f"{queue}#{group}#{shard}")

    def _pages(self, partition: str) -> Iterator[list[Key]]:
        after = None
        while True:
            query = Query(partition, index="by_queue", limit=PAGE, after=after)
            page = self._jobs.query(query)
            if page.items:
                yield [Key(item["pk"], item["sk"]) for item in page.items]
            if (after := page.after) is None:
                return

    def _end(self, state: JobState) -> None:
        """A live attempt is stopped, a waiting job fails; what another function did first stands."""
        now = self._clock.now()
        expires = now // 1000 + self._retention
        for write in arrays.stopping(state, "terminate", REASON, now, expires):
            with suppress(ConditionFailed):
                self._jobs.write(write)
