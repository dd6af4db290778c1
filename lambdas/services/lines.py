"""A queue's line: its parked jobs in the order in which a tick looks at them.

Read from the lanes' index, which may lag a moment.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice

from lambdas.core import capacity
from lambdas.core.explanation import Place
from lambdas.core.job import JobState
from lambdas.core.ports import Table
from lambdas.core.tables import Item, Query

#: Jobs counted before one; beyond, its place is told as "at least".
_MOST_COUNTED = 1000
_CHUNK = 100


class Lines:
    """Reads lines over the lanes of queues."""

    def __init__(self, jobs: Table, ledgers: Table) -> None:
        self._jobs = jobs
        self._ledgers = ledgers

    def of(self, queue: str) -> Iterator[Item]:
        """The entries (`pk`, `lane`, `rank`) of everything parked in this queue, by rank."""
        lanes = [self._lane(name) for name in self._lanes(queue)]
        return heapq.merge(*lanes, key=lambda entry: str(entry["rank"]))

    def place(self, state: JobState) -> Place | None:
        """Where a parked job stands; None for one that is not in a lane."""
        if state.rank is None:
            return None
        ahead = 0
        for entry in islice(self.of(state.queue), _MOST_COUNTED + 1):
            if entry["rank"] >= state.rank:
                return Place(ahead)
            ahead += 1
        return Place(ahead, exact=ahead <= _MOST_COUNTED)

    def _lanes(self, queue: str) -> Iterator[str]:
        for item in self._pages(self._ledgers, Query(capacity.lanes_partition(queue))):
            yield str(item["lane"])

    def _lane(self, name: str) -> Iterator[Item]:
        return self._pages(self._jobs, Query(name, index="by_lane", limit=_CHUNK))

    @staticmethod
    def _pages(table: Table, query: Query) -> Iterator[Item]:
        after = None
        while True:
            page = table.query(
                Query(query.partition, index=query.index, limit=query.limit, after=after)
            )
            yield from page.items
            if (after := page.after) is None:
                return
