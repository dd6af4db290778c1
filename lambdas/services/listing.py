"""ListJobs: the newest first, over the shards of a queue's list.

The list says which jobs there are, and may lag a moment; what is shown of each is read strongly.
"""

from __future__ import annotations

import base64
import heapq
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from lambdas.core.catalog import Arns
from lambdas.core.errors import ClientError, InvalidRequest
from lambdas.core.job import LIST_SHARDS, JobState, Status, job_of, state_key, state_of
from lambdas.core.list_filter import JobFilter, filter_of
from lambdas.core.ports import Table
from lambdas.core.tables import Item, Key, Query
from lambdas.core.views import job_summary
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.children import Children

MOST_RESULTS = 1000
MOST_FILTERED = 100

#: Entries of the list looked at in one call: a rare filter answers short pages, and a token.
_MOST_LOOKED_AT = 5000
_CHUNK = 100

_WHERE = ("jobQueue", "arrayJobId", "multiNodeJobId")
_POSITION = re.compile(r"[0-9]{15}#[0-9a-f:#-]{36,50}")
_INDEX = re.compile(r"[0-9]{1,8}")


@dataclass(slots=True)
class _Scan:
    """Where a scan of the list stands."""

    position: str | None
    looked_at: int = 0


class Listing:
    """Reads a queue's list."""

    def __init__(self, jobs: Table, catalog: CatalogStore, arns: Arns) -> None:
        self._jobs = jobs
        self._catalog = catalog
        self._arns = arns
        self._children = Children(jobs)

    def page(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """ListJobs' answer; without a status and a filter, the RUNNING jobs. Raises ClientError."""
        if sum(bool(body.get(member)) for member in _WHERE) != 1:
            raise ClientError(f"Exactly one of {', '.join(_WHERE)} is needed.")
        wanted = filter_of(body, self._arns)
        size = _size(body, MOST_FILTERED if body.get("filters") else MOST_RESULTS)
        if not body.get("jobQueue"):
            return self._of_array(body, size)
        scan = _Scan(_position(body.get("nextToken")))
        queue = self._catalog.queue(body["jobQueue"]).name
        found: list[JobState] = []
        more = self._fill(found, size, scan, queue, wanted)
        answer: dict[str, Any] = {
            "jobSummaryList": [job_summary(state, self._arns) for state in found]
        }
        if more and scan.position:
            answer["nextToken"] = _token(scan.position)
        return answer

    def _of_array(self, body: Mapping[str, Any], size: int) -> dict[str, Any]:
        """An array's children, by index; filters do not concern them, as on AWS Batch."""
        wanted = filter_of({**body, "filters": []}, self._arns).status or Status.RUNNING
        array = str(body.get("arrayJobId") or "").removeprefix(self._arns.job(""))
        start = _index(body.get("nextToken"))
        found, after = self._children.page(array, wanted, start, size)
        answer: dict[str, Any] = {
            "jobSummaryList": [job_summary(state, self._arns) for state in found]
        }
        return answer if after is None else {**answer, "nextToken": _token(str(after))}

    def _fill(
        self, found: list[JobState], size: int, scan: _Scan, queue: str, wanted: JobFilter
    ) -> bool:
        """Look through the list until `size` jobs are found; whether there may be more."""
        entries = self._entries(queue, wanted, scan.position)
        while len(found) < size and scan.looked_at < _MOST_LOOKED_AT:
            chunk = list(islice(entries, _CHUNK))
            fitting = [entry for entry in chunk if wanted.fits_entry(entry)]
            states = self._states(fitting)
            for entry in chunk:
                # The last of the page before, or one job in two groups while it moves.
                seen = entry["list_sort"] == scan.position
                scan.position = entry["list_sort"]
                state = None if seen else states.get(entry["pk"])
                if state and wanted.fits(state):
                    found.append(state)
                    if len(found) == size:
                        return True
            scan.looked_at += len(chunk)
            if len(chunk) < _CHUNK:
                return False
        return True

    def _states(self, entries: list[Item]) -> dict[str, JobState]:
        keys = [state_key(job_of(Key(entry["pk"], entry["sk"]))) for entry in entries]
        found = self._jobs.get_many(keys)
        return {key.pk: state_of(item) for key, item in found.items()}

    def _entries(self, queue: str, wanted: JobFilter, position: str | None) -> Iterator[Item]:
        """The list's entries from `position` on, newest first."""
        partitions = [
            f"{queue}#{group}#{shard}" for group in wanted.groups for shard in range(LIST_SHARDS)
        ]
        high = min((bound for bound in (wanted.high, position) if bound), default=None)
        if wanted.low and high and high < wanted.low:
            return iter(())
        streams = [self._stream(partition, wanted.low, high) for partition in partitions]
        return heapq.merge(*streams, key=lambda entry: entry["list_sort"], reverse=True)

    def _stream(self, partition: str, low: str | None, high: str | None) -> Iterator[Item]:
        after = None
        while True:
            query = Query(
                partition,
                index="by_queue",
                low=low,
                high=high,
                descending=True,
                limit=_CHUNK,
                after=after,
            )
            page = self._jobs.query(query)
            yield from page.items
            after = page.after
            if after is None:
                return


def _size(body: Mapping[str, Any], most: int) -> int:
    """maxResults; AWS Batch gives fewer than asked for when a filter is used."""
    size = body.get("maxResults")
    if size is None:
        return most
    if not 1 <= size <= MOST_RESULTS:
        raise InvalidRequest("maxResults", size, f"1 to {MOST_RESULTS} is allowed.")
    return min(int(size), most)


def _position(token: str | None) -> str | None:
    """Where the page before this one ended."""
    return _held(token, _POSITION) if token else None


def _index(token: str | None) -> int:
    """The first child of this page."""
    return int(_held(token, _INDEX)) if token else 0


def _token(held: str) -> str:
    return base64.urlsafe_b64encode(held.encode()).decode()


def _held(token: str, grammar: re.Pattern[str]) -> str:
    try:
        held = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        held = ""
    if not grammar.fullmatch(held):
        raise InvalidRequest("nextToken", token, "the token of an earlier answer is needed.")
    return held
