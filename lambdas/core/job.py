"""A job as the jobs table holds it: its statuses, its keys and the STATE item.

The STATE item is small (≤ 1 KB) and changes; the SPEC item is what was submitted, resolved against
its definition, and never changes; ATTEMPT#<n> holds the frozen request of attempt n and, once a
later attempt begins, its outcome (the outcome of the latest attempt stands on STATE).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from lambdas.core.rows import Row
from lambdas.core.tables import Item, Key

#: Version of the items' layout; code reads this one and the one before.
SCHEMA = 1

#: Partitions of `by_due`, and of each queue's list by group: enough for 500 jobs a second.
DUE_SHARDS = 8
LIST_SHARDS = 8


class Status(StrEnum):
    """AWS Batch's job statuses, in their order."""

    SUBMITTED = "SUBMITTED"
    PENDING = "PENDING"
    RUNNABLE = "RUNNABLE"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"

    @property
    def ended(self) -> bool:
        return self in ENDED

    @property
    def live(self) -> bool:
        """An attempt is live: it holds capacity and may have a task."""
        return self in LIVE

    @property
    def group(self) -> str:
        """The part of a queue's list this status stands in; fewer moves than one part a status."""
        return _GROUPS[self]


ENDED = frozenset({Status.SUCCEEDED, Status.FAILED})
LIVE = frozenset({Status.STARTING, Status.RUNNING})
_GROUPS = {
    Status.SUBMITTED: "waiting",
    Status.PENDING: "waiting",
    Status.RUNNABLE: "waiting",
    Status.STARTING: "active",
    Status.RUNNING: "active",
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
}

#: I1: every change of a status that can happen. Submission makes SUBMITTED (something to wait for)
#: or RUNNABLE (nothing). AWS Batch's transitions, and STARTING → ended: ECS may report only the end.
#: An array is RUNNABLE (shown as PENDING, as on AWS Batch) from its release until its last child
#: has ended; its children are born STARTING, or FAILED when they are cancelled before their turn.
TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.SUBMITTED: frozenset({Status.PENDING, Status.RUNNABLE, Status.FAILED}),
    Status.PENDING: frozenset({Status.RUNNABLE, Status.FAILED}),
    Status.RUNNABLE: frozenset({Status.STARTING, Status.FAILED}),
    Status.STARTING: frozenset({Status.RUNNING, Status.RUNNABLE, Status.SUCCEEDED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.RUNNABLE, Status.SUCCEEDED, Status.FAILED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
}
ARRAY_TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.SUBMITTED: frozenset({Status.PENDING, Status.RUNNABLE, Status.FAILED}),
    Status.PENDING: frozenset({Status.RUNNABLE, Status.FAILED}),
    Status.RUNNABLE: frozenset({Status.SUCCEEDED, Status.FAILED}),
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset(),
}


class Waiting(StrEnum):
    """What a job with a `wait` execution waits for."""

    DEPENDENCIES = "dependencies"
    BACKOFF = "backoff"


@dataclass(frozen=True, kw_only=True)
class JobState:
    """The STATE item. Times are epoch milliseconds; absent means not yet, or no longer.

    Without slots: what is absent costs nothing, neither time nor memory (`_set`).
    """

    id: str
    name: str
    queue: str
    definition: str  #: name:revision
    status: Status
    created: int
    shape: str  #: what it needs, as `Shape.key()`
    attempts: int = 1  #: how many the retry strategy allows in all
    timeout: int | None = None  #: seconds an attempt may run
    share: str = ""
    priority: int = 0  #: scheduling priority inside its share

    # arrays (core/arrays.py)
    size: int = 0  #: how many children an array has; 0: it is none
    next: int = 0  #: the first index that was not handed out yet
    swept: int = 0  #: children told of the array's stop so far
    parallel: int = 0  #: how many children may be under way at once; 0: any number
    of: int = 0  #: of a child: the size of its array
    each: bool = False  #: its children wait for single others (core/by_index.py), until `looked`
    sequential: bool = False  #: … each for the one before it
    looked: int = 0  #: children up to here were looked at, whether their turn has come
    watched: bool = False  #: others wait for single children of this array
    kept: bool = False  #: a child whose item stands for as long as its array may ask for it

    # waiting
    wait: int = 0  #: number of the latest wait; every write of an execution names it
    waiting: Waiting | None = None
    token: str | None = None  #: the execution's task token while it sleeps
    until: int | None = None  #: when a backoff ends
    pages: int = 0  #: pages of dependencies in all
    expanded: int = 0  #: pages written so far
    closed: int = 0  #: pages with nothing left to wait for
    doomed: str | None = None  #: a dependency that failed
    fan: bool = False  #: other jobs wait for this one
    fanned: int = 0  #: edges resolved after its end

    # ticket and lane
    ticket: int = 0  #: number of the valid ticket; older tickets are void
    held: int | None = None  #: since when a user holds it back
    lane: str | None = None
    rank: str | None = None
    why: str | None = None  #: why it was parked, with numbers
    why_code: str | None = None
    parked: int | None = None  #: since when it has been waiting in a lane
    blocked: int | None = (
        None  #: when `why_code` changed while parked, or a launch was refused first
    )

    # the live (or latest) attempt
    attempt: int = 0  #: attempts begun
    run: str | None = None  #: the attempt's UUID: RunTask's client token
    env: str | None = None  #: the compute environment that holds it
    claimed: int | None = None
    taken: int = 0  #: milli-vCPUs it holds of `env`
    task: str | None = None
    started: int | None = None
    stopped: int | None = None
    exit: int | None = None
    reason: str | None = None  #: the container's reason
    failure: str | None = None  #: whose fault it was that it failed: `conclude.Failure`
    lost: int = 0  #: attempts that did not count: their hosts were lost
    launches: int = 0  #: proven non-launches in a row

    # wishes and ends
    stop: str | None = None  #: the reason for a wished stop
    stop_kind: str | None = None  #: cancel, terminate or timeout
    status_reason: str | None = None
    expires: int | None = None  #: epoch seconds, set when it has ended

    # what is owed
    due_shard: str | None = None
    due_at: int | None = None

    @property
    def started_by(self) -> str:
        """RunTask's `startedBy`: job and attempt in an alphabet that ECS accepts."""
        return f"{ecs_safe(self.id)}/{self.run}"

    @property
    def waits_for_a_ticket(self) -> bool:
        """RUNNABLE, nothing to wait for and not parked: a ticket is on its way."""
        return self.placeable and self.lane is None

    @property
    def placeable(self) -> bool:
        """A tick may start it, or of an array the next child."""
        free = self.status is Status.RUNNABLE and self.waiting is None and self.stop is None
        return free and self.held is None and not self.handed_out

    @property
    def handed_out(self) -> bool:
        """An array whose every child has had its turn."""
        return 0 < self.size <= self.next

    @property
    def shown(self) -> Status:
        """The status that a client sees: an array is PENDING from its release to its end."""
        return Status.PENDING if self.size and self.status is Status.RUNNABLE else self.status

    @property
    def ready(self) -> bool:
        """Every page of dependencies was written and closed."""
        return self.expanded == self.pages and self.closed >= self.pages


_KNOWN = frozenset(f.name for f in fields(JobState))
_NEEDED = frozenset(f.name for f in fields(JobState) if f.default is MISSING)


def _set(state: JobState, **known: Any) -> None:
    """The constructor: a field that is not given stays the class's, its default. Dataclasses' own
    would set each of the many, for every state that is read."""
    if not _NEEDED <= known.keys() <= _KNOWN:
        wrong = sorted(known.keys() - _KNOWN | _NEEDED - known.keys())
        raise TypeError(f"a job's state has not exactly the fields it may: {wrong}")
    state.__dict__.update(known)


if not TYPE_CHECKING:
    JobState.__init__ = _set


def state_of(item: Item) -> JobState:
    """The job in a STATE item; unknown attributes (a newer writer's, index keys) are ignored.

    Raises KeyError for an item that is no job. What a row holds is worked out once.
    """
    if type(item) is not Row:
        return _state_of(item)
    if item.parsed is None:
        item.parsed = _state_of(item)
    state: JobState = item.parsed
    return state


def _state_of(item: Item) -> JobState:
    known: dict[str, Any] = {name: item[name] for name in item if name in _KNOWN}
    known["status"] = Status(known["status"])
    if "waiting" in known:
        known["waiting"] = Waiting(known["waiting"])
    for name in _NEEDED:
        known[name]
    return JobState(**known)


def item_of(state: JobState) -> dict[str, Any]:
    """The STATE item of a new job, with its index keys; absent and zero values are left out."""
    item: dict[str, Any] = {"pk": partition(state.id), "sk": "STATE", "schema": SCHEMA}
    for name, value in vars(state).items():
        if value is not None and value is not False and (value != 0 or name == "created"):
            item[name] = str(value) if isinstance(value, StrEnum) else value
    if not item.get("share", "x"):
        del item["share"]
    return item | listed(state)


def listed(state: JobState) -> dict[str, str]:
    """Where a new job is listed: with its queue, or a child with its array."""
    parent, index = family(state.id)
    if index is None:
        key = list_key(state.queue, state.status, state.id)
        return {"list_key": key, "list_sort": list_sort(state.created, state.id)}
    return {"parent_key": parent_key(parent, state.status, state.id), "parent_sort": f"{index:08d}"}


# ── keys ──────────────────────────────────────────────────────────────────────────────────────


def partition(job: str) -> str:
    return f"JOB#{job}"


def state_key(job: str) -> Key:
    return Key(partition(job), "STATE")


def spec_key(job: str) -> Key:
    """A child has its array's."""
    return Key(partition(family(job)[0]), "SPEC")


def family(job: str) -> tuple[str, int | None]:
    """The array and the index that a child's id names; a job itself, and None."""
    parent, colon, index = job.partition(":")
    return (parent, int(index)) if colon else (job, None)


def child_id(array: str, index: int) -> str:
    """AWS Batch's id of a child."""
    return f"{array}:{index}"


def attempt_key(job: str, attempt: int) -> Key:
    """Attempts are numbered from 1, padded so that they sort."""
    return Key(partition(job), f"ATTEMPT#{attempt:04d}")


def page_key(job: str, page: int) -> Key:
    return Key(partition(job), f"PAGE#{page:06d}")


def edge_key(dependency: str, dependent: str) -> Key:
    """Edges lie with the dependency, spread over partitions by the dependent; those of a child
    with its array, whose end must find them if the child never was."""
    shard = shard_of(dependent, EDGE_SHARDS)
    job = family(dependency)[0]
    return Key(edge_partition(job, shard), f"{edge_prefix(dependency)}{dependent}")


def edge_prefix(dependency: str) -> str:
    """What the sort keys of edges begin with: of all of a job, or those of one child."""
    index = family(dependency)[1]
    return "EDGE#" if index is None else f"EDGE#:{index:08d}#"


#: Partitions of one job's edges.
EDGE_SHARDS = 4


def edge_partition(dependency: str, shard: int) -> str:
    return f"JOB#{dependency}#DEPENDENTS#{shard}"


def job_of(key: Key) -> str:
    """The job whose item this is."""
    return key.pk.removeprefix("JOB#")


def list_key(queue: str, status: Status, job: str) -> str:
    return f"{queue}#{status.group}#{shard_of(job, LIST_SHARDS)}"


def parent_key(array: str, status: Status, child: str) -> str:
    """An array's list of its children: those in flight and those that failed. One that succeeded
    is in none: most do, and an entry more would cost each of them two writes."""
    return f"{array}#{status.group}#{shard_of(child, LIST_SHARDS)}"


def list_sort(created: int, job: str) -> str:
    return f"{created:015d}#{job}"


def due_shard(job: str) -> str:
    return f"DUE#{shard_of(job, DUE_SHARDS)}"


def shard_of(text: str, shards: int) -> int:
    """A stable shard of `text`; the same in every process and version."""
    return zlib.crc32(text.encode()) % shards


def ecs_safe(job: str) -> str:
    """A job id in ECS's alphabet: children's `:` and nodes' `#` become `_c` and `_n`."""
    return job.replace(":", "_c").replace("#", "_n")


def job_of_started_by(started_by: str) -> tuple[str, str] | None:
    """The job and attempt named by a task's `startedBy`; None when the task is not of our making."""
    job, slash, run = started_by.partition("/")
    if not slash or not run:
        return None
    return job.replace("_c", ":").replace("_n", "#"), run
