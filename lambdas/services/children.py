"""An array's children as a client sees them: those with an item, and those whose turn is to come."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from lambdas.core import arrays
from lambdas.core.job import (
    ENDED,
    LIST_SHARDS,
    JobState,
    Status,
    child_id,
    family,
    state_key,
    state_of,
)
from lambdas.core.ports import Table
from lambdas.core.tables import Item, Key, Query

#: Children looked at in one call: a rare status answers short pages, and a token.
_MOST_LOOKED_AT = 5000
_CHUNK = 100

#: Children in flight that are counted one by one, of one array.
_MOST_COUNTED = 1000


class Children:
    """Reads children strongly, wherever they stand."""

    def __init__(self, jobs: Table) -> None:
        self._jobs = jobs

    def states(self, jobs: Iterable[str]) -> dict[str, JobState]:
        """Those of these jobs that there are, by id, children among them. A child that was handed
        out and has no item has expired."""
        asked = list(jobs)
        keys = {state_key(name) for job in asked for name in (job, family(job)[0])}
        found = self._jobs.get_many(sorted(keys, key=lambda key: key.pk))
        known = {job: self._state(job, found) for job in asked}
        return {job: state for job, state in known.items() if state is not None}

    def under_way(self, capped: Iterable[JobState]) -> dict[str, int]:
        """How many children of each of these arrays had their turn and have not ended. Whoever hands
        out more names the `next` that was read before: then they are at least so many still."""
        asked = {array.id: array for array in capped}
        keys = {a.id: arrays.count_keys(a.id, a.size) for a in asked.values()}
        found = self._jobs.get_many([key for of in keys.values() for key in of]) if keys else {}
        ended = {
            job: arrays.counts(found[key] for key in of if key in found).ended
            for job, of in keys.items()
        }
        return {job: max(0, array.next - ended[job]) for job, array in asked.items()}

    def _state(self, job: str, found: Mapping[Key, Item]) -> JobState | None:
        array, index = family(job)
        if state_key(job) in found or index is None:
            item = found.get(state_key(job))
            return state_of(item) if item else None
        parent = found.get(state_key(array))
        return _unborn(state_of(parent), index) if parent else None

    def summary(self, array: JobState) -> dict[str, int]:
        """AWS Batch's statusSummary of an array."""
        counters = self._jobs.get_many(arrays.count_keys(array.id, array.size)).values()
        in_flight = Counter[Status]()
        if not array.status.ended and array.next:
            for group in (Status.RUNNABLE.group, Status.RUNNING.group):
                indices = islice(self._listed(array.id, group, 0), _MOST_COUNTED)
                in_flight.update(
                    state.status
                    for chunk in _chunks(indices)
                    for state in self.states(child_id(array.id, i) for i in chunk).values()
                    if state.status not in ENDED
                )
        return arrays.summary(array, arrays.counts(counters), in_flight)

    def page(
        self, array: str, wanted: Status, start: int, size: int
    ) -> tuple[list[JobState], int | None]:
        """Up to `size` children of this status from index `start` on, in their order, and the
        index at which the next page starts; no children for what is no array."""
        item = self._jobs.get(state_key(array))
        parent = state_of(item) if item else None
        if parent is None or not parent.size:
            return [], None
        found: list[JobState] = []
        looked_at = 0
        for chunk in _chunks(self._indices(parent, wanted, start)):
            states = self.states(child_id(array, index) for index in chunk)
            for index in chunk:
                state = states.get(child_id(array, index))
                if state and state.status is wanted:
                    if len(found) == size:
                        return found, index
                    found.append(state)
            looked_at += len(chunk)
            if looked_at >= _MOST_LOOKED_AT:
                return found, chunk[-1] + 1
        return found, None

    def _indices(self, array: JobState, wanted: Status, start: int) -> Iterator[int]:
        """Where children of this status may be found, each index once, in order."""
        unborn = arrays.unclaimed(array, array.size).status is wanted
        first = start if array.each else max(start, array.next)
        ahead = range(first, array.size) if unborn else range(0)
        if wanted is Status.SUCCEEDED:
            return iter(range(start, array.next))
        return _once(heapq.merge(self._listed(array.id, wanted.group, start), ahead))

    def _listed(self, array: str, group: str, start: int) -> Iterator[int]:
        shards = (self._shard(f"{array}#{group}#{shard}", start) for shard in range(LIST_SHARDS))
        return heapq.merge(*shards)

    def _shard(self, partition: str, start: int) -> Iterator[int]:
        after = None
        while True:
            query = Query(
                partition, index="by_parent", low=f"{start:08d}", limit=_CHUNK, after=after
            )
            page = self._jobs.query(query)
            yield from (int(item["parent_sort"]) for item in page.items)
            if (after := page.after) is None:
                return


def _unborn(array: JobState, index: int) -> JobState | None:
    withdrawn = not array.looked and not array.swept
    never_was = index >= array.next or (array.each and (withdrawn or not array.status.ended))
    return arrays.unclaimed(array, index) if never_was and index < array.size else None


def _chunks(indices: Iterable[int]) -> Iterator[list[int]]:
    rest = iter(indices)
    while chunk := list(islice(rest, _CHUNK)):
        yield chunk


def _once(ordered: Iterable[int]) -> Iterator[int]:
    last: int | None = None
    for index in ordered:
        if index != last:
            yield index
        last = index
