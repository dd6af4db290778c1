"""The parts that the writes of `transitions` and `arrays` are made of."""

from __future__ import annotations

from typing import Any

from lambdas.core.job import JobState, Status, due_shard, family, list_key, parent_key
from lambdas.core.tables import Absent, Condition, Equals, OneOf

#: How soon an effect must be seen to have happened before `reconcile` pays it (ms).
OWED_WITHIN = 2 * 60_000
#: How often a live attempt is compared with ECS (ms); ECS forgets a stopped task after an hour.
CHECK_EVERY = 20 * 60_000
#: How long a parked reason may be: STATE stays within 1 KB.
REASON_LIMIT = 300

#: How much longer a child is kept whose absence would mean that its turn is to come (seconds).
_KEPT = 366 * 86_400

LANE = ("lane", "rank", "parked", "why", "why_code")
DUE = ("due_shard", "due_at")
#: What an array's child that succeeded is no longer listed by.
LISTED = ("parent_key", "parent_sort")


def this_attempt(state: JobState) -> tuple[Condition, ...]:
    return (
        Equals("run", state.run),
        OneOf("status", (Status.STARTING.value, Status.RUNNING.value)),
    )


def same_fan(state: JobState) -> tuple[Condition, ...]:
    """An end that owes nothing must not miss that somebody began to wait for it just now."""
    return () if state.fan else (Absent("fan"),)


def same(name: str, value: int) -> Condition:
    """Zero is stored as absence."""
    return Equals(name, value) if value else Absent(name)


def status_of(state: JobState, status: Status) -> dict[str, Any]:
    """The status, and the key of the list it stands in when it moves to another group."""
    moved = {"status": status.value}
    if status.group != state.status.group and status is not unlisted(state):
        array, index = family(state.id)
        if index is None:
            moved["list_key"] = list_key(state.queue, status, state.id)
        else:
            moved["parent_key"] = parent_key(array, status, state.id)
    return moved


def unlisted(state: JobState) -> Status | None:
    """The status in which this job stands in no list."""
    return Status.SUCCEEDED if family(state.id)[1] is not None else None


def kept_until(state: JobState, expires: int) -> int:
    """When an ended job's item may go (epoch seconds): not while its array may ask for it."""
    return expires + _KEPT if state.kept else expires


def due(state: JobState, at: int, keep: bool = True) -> dict[str, Any]:
    """The debt's key; one that falls due earlier stays (an index key that stays costs nothing).

    To `keep` is for writes whose conditions see to it that the debt is still the one that was read:
    a live attempt's is put off when it runs, and by whoever looks at it.
    """
    if keep and state.due_at is not None and state.due_at <= at:
        return {}
    return {"due_shard": due_shard(state.id), "due_at": at}
