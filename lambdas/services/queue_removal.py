"""The end of a deleted job queue: its jobs are terminated, its inbox removed, its entry deleted."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.core import transitions
from lambdas.core.catalog import QUEUES, queue_key
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import LIST_SHARDS, JobState, Status, job_of, state_key, state_of
from lambdas.core.ports import Clock, Inboxes, Table
from lambdas.core.tables import Delete, Item, Key, Query
from lambdas.services.catalog_entries import unchanged
from lambdas.services.catalog_store import CatalogStore

#: AWS Batch's words for a job whose queue was deleted.
REASON = "JobQueue deleted"

#: A submit that read the queue before it was deleted has been answered by then (ms).
SETTLED_AFTER = 60_000


class QueueRemoval:
    """Called again and again (by `reconcile`) until nothing is left; each call is bounded."""

    def __init__(
        self,
        jobs: Table,
        catalog: Table,
        store: CatalogStore,
        inboxes: Inboxes,
        clock: Clock,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._store = store
        self._inboxes = inboxes
        self._clock = clock
        self._retention = retention_days * 86_400

    def sweep(self, limit: int = 200) -> int:
        """One round over every queue that is DELETING; how many are gone now."""
        leaving = [i for i in self._store.items(QUEUES) if i["detail"]["status"] == "DELETING"]
        return sum(self._sweep(item, limit) for item in leaving)

    def _sweep(self, item: Item, limit: int) -> bool:
        if self._end_jobs(item["sk"], limit):
            return False
        if self._clock.now() < item["deleting_since"] + SETTLED_AFTER:
            return False
        if item.get("own_inbox"):
            self._inboxes.remove(item["inbox"])
        self._catalog.write(Delete(queue_key(item["sk"]), when=unchanged(item)))
        return True

    def _end_jobs(self, queue: str, limit: int) -> bool:
        """End up to `limit` jobs; True when any was found, ended or not."""
        keys = [state_key(job) for _, job in zip(range(limit), self._listed(queue), strict=False)]
        for item in self._jobs.get_many(keys).values():
            self._end(state_of(item))
        return bool(keys)

    def _listed(self, queue: str) -> Iterator[str]:
        groups = dict.fromkeys(status.group for status in Status if not status.ended)
        for group in groups:
            for shard in range(LIST_SHARDS):
                yield from self._list(f"{queue}#{group}#{shard}")

    def _list(self, partition: str) -> Iterator[str]:
        after = None
        while True:
            page = self._jobs.query(Query(partition, index="by_queue", after=after))
            yield from (_job(item) for item in page.items)
            if (after := page.after) is None:
                return

    def _end(self, state: JobState) -> None:
        """A live attempt is stopped, a waiting job fails; what another function did first stands."""
        if state.status.ended or state.stop:
            return
        now = self._clock.now()
        if state.status.live:
            write = transitions.wish_stop(state, "terminate", REASON, now)
        else:
            expires = now // 1000 + self._retention
            write = transitions.withdraw(state, "terminate", REASON, now, expires)
        try:
            self._jobs.write(write)
        except ConditionFailed:
            return


def _job(item: Item) -> str:
    return job_of(Key(item["pk"], item["sk"]))
