"""GetJobQueueSnapshot: the first RUNNABLE jobs of a queue, in the order of their turns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from lambdas.core.catalog import Arns
from lambdas.core.job import JobState, child_id, state_of
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Item, Key
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.lines import Lines

#: AWS Batch's length of the front.
FRONT = 100


class SnapshotService:
    """Reads the front of a queue's line."""

    def __init__(
        self, *, jobs: Table, ledgers: Table, catalog: CatalogStore, clock: Clock, arns: Arns
    ) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._clock = clock
        self._arns = arns
        self._lines = Lines(jobs, ledgers)

    def snapshot(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to {"jobQueue": name or ARN}: `earliestTimeAtPosition` is when the job was
        parked, for its place follows from its rank. Raises UnknownResource."""
        queue = self._catalog.queue(body["jobQueue"]).name
        front = islice(self._front(queue), FRONT)
        jobs = [
            {"jobArn": self._arns.job(job), "earliestTimeAtPosition": since} for job, since in front
        ]
        return {"frontOfQueue": {"jobs": jobs, "lastUpdatedAt": self._clock.now()}}

    def _front(self, queue: str) -> Iterator[tuple[str, int]]:
        """Ids and times of what waits, each read strongly; an array stands for its children."""
        line = self._lines.of(queue)
        while chunk := list(islice(line, FRONT)):
            for state in self._states(chunk):
                since = state.parked or state.created
                if not state.size:
                    yield state.id, since
                for index in range(state.next, state.size):
                    yield child_id(state.id, index), since

    def _states(self, entries: list[Item]) -> Iterator[JobState]:
        keys = [Key(entry["pk"], entry["sk"]) for entry in entries]
        found = self._jobs.get_many(keys)
        states = (state_of(found[key]) for key in keys if key in found)
        return (state for state in states if state.placeable and state.lane is not None)
