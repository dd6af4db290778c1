"""Waiting for other jobs: pages of edges, and the writes that open and close them.

A job's dependencies are kept with its SPEC and expanded in pages. An open dependency is an edge,
an item that lies with the dependency (so that its end finds all who wait) and names the page of
the dependent. Resolving an edge deletes it and counts its page down, in one transaction; a page
that reaches zero counts the job. So every join, however wide, is bounded work per event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from lambdas.core.job import (
    EDGE_SHARDS,
    SCHEMA,
    JobState,
    Status,
    edge_key,
    edge_partition,
    page_key,
    shard_of,
    state_key,
)
from lambdas.core.tables import Absent, AtLeast, Delete, Item, Key, Present, Put, Update, Write
from lambdas.core.transitions import page_closed, page_written

#: Dependencies in one page: its edges, the page and the job fit one transaction with room.
PAGE_SIZE = 25


class Wanted(StrEnum):
    """Which end of its dependencies a job waits for (`batchyard:depends-on`); AWS Batch knows only
    the first."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FINISHED = "finished"

    def met_by(self, ended: Status | None) -> bool:
        """Whether this end is the one that is waited for; of a job that is gone (None) nothing is
        known but that it has finished."""
        return self is Wanted.FINISHED or (ended is not None and ended.value.lower() == self.value)


@dataclass(frozen=True, slots=True)
class Edge:
    """`dependent` (its page `page`) waits for `dependency` to end as `wanted`."""

    dependency: str
    dependent: str
    page: int
    wanted: Wanted = Wanted.SUCCEEDED

    @property
    def key(self) -> Key:
        return edge_key(self.dependency, self.dependent)

    @classmethod
    def of(cls, item: Item) -> Edge:
        wanted = Wanted(item.get("wanted", Wanted.SUCCEEDED))
        return cls(item["dependency"], item["dependent"], item["page"], wanted)

    def item(self) -> dict[str, str | int]:
        other = {} if self.wanted is Wanted.SUCCEEDED else {"wanted": self.wanted.value}
        return {
            **other,
            "pk": self.key.pk,
            "sk": self.key.sk,
            "schema": SCHEMA,
            "dependency": self.dependency,
            "dependent": self.dependent,
            "page": self.page,
        }


@dataclass(frozen=True, slots=True)
class EachEdge:
    """Every child of the array `dependent` waits for the child of `dependency` with its index."""

    dependency: str
    dependent: str

    @property
    def key(self) -> Key:
        shard = shard_of(self.dependent, EDGE_SHARDS)
        return Key(edge_partition(self.dependency, shard), f"{EACH}{self.dependent}")

    @classmethod
    def of(cls, item: Item) -> EachEdge:
        return cls(item["dependency"], item["dependent"])

    def item(self) -> dict[str, str | int]:
        told = {"dependency": self.dependency, "dependent": self.dependent}
        return {"pk": self.key.pk, "sk": self.key.sk, "schema": SCHEMA, **told}


#: What the sort keys of edges between arrays, index by index, begin with.
EACH = "EACH#"


def of_others(depends_on: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The dependencies that name a job: all but SEQUENTIAL."""
    return [dependency for dependency in depends_on if "jobId" in dependency]


def page_of(depends_on: Sequence[Mapping[str, str]], page: int) -> Sequence[Mapping[str, str]]:
    """The dependencies of one page."""
    return depends_on[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]


def pages_for(dependencies: int) -> int:
    """How many pages so many dependencies fill."""
    return -(-dependencies // PAGE_SIZE)


def write_page(
    state: JobState, waiting_for: Sequence[str], wanted: Wanted, each: Sequence[str] = ()
) -> list[Write]:
    """The next page, with an edge for each dependency that has not ended; one transaction.

    Arrays whose children are waited for one by one (`each`) hold up nobody but single children.

    A page with nothing to wait for is born closed.
    """
    page = state.expanded
    key = page_key(state.id, page)
    item = {"pk": key.pk, "sk": key.sk, "schema": SCHEMA, "open": len(waiting_for)}
    count = page_written(state)
    if not waiting_for:
        item["closed"] = True
        count = Update(count.key, count.put, {"closed": 1}, count.drop, count.when)
    edges = [Put(Edge(dep, state.id, page, wanted).item()) for dep in waiting_for]
    edges += [Put(EachEdge(array, state.id).item()) for array in each]
    return [count, Put(item, (Absent("pk"),)), *edges]


def resolve(edge: Edge) -> list[Write]:
    """The dependency ended, as wanted or not: the edge goes and its page counts down; one transaction."""
    return [
        Delete(edge.key, (Present("pk"),)),
        Update(page_key(edge.dependent, edge.page), add={"open": -1}, when=(AtLeast("open", 1),)),
    ]


def close_page(page: Key, dependent: str) -> list[Write]:
    """A page with no open edge counts the job, once; one transaction."""
    return [
        Update(page, put={"closed": True}, when=(Absent("closed"), Present("pk"))),
        page_closed(dependent),
    ]


def fanned_out(job: str, resolved: int) -> Update:
    """An ended job resolved so many edges and has more: its changed item calls `relay` again."""
    return Update(state_key(job), add={"fanned": resolved}, when=(Present("pk"),))
