"""What a user changes of a job that waits: held back, let go, moved to another queue, put forward.

A job that a tick may already have read gets a new ticket number with the change: whatever was
decided on what it was (a claim, a park) names the old one and is refused. One that waits for other
jobs or for a pause has no ticket yet, and is changed in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.core.job import JobState, Status, family, list_key, state_key
from lambdas.core.tables import Absent, Condition, Equals, Present, Update
from lambdas.core.updates import DUE, LANE, OWED_WITHIN, due, same


def hold(state: JobState, now: int) -> Update:
    """It keeps its status and starts nothing until it is released; what runs of an array goes on."""
    if not _has_ticket(state):
        return _in_place(state, {"held": now}, when=(Absent("held"),))
    return Update(
        state_key(state.id),
        put={"held": now, "ticket": state.ticket + 1},
        drop=(*LANE, *DUE),
        when=(*_as_read(state), Absent("held")),
    )


def release(state: JobState, now: int) -> Update:
    """Undo a hold; owes a ticket."""
    if not _has_ticket(state):
        return _in_place(state, {}, drop=("held",), when=(Present("held"),))
    return _again(state, {}, now, drop=("held",), when=(Present("held"),))


def prioritize(state: JobState, priority: int, now: int) -> Update:
    """Another scheduling priority, for its next attempt and those after it."""
    changes = {"priority": priority}
    return _again(state, changes, now) if _has_ticket(state) else _in_place(state, changes)


def move(state: JobState, queue: str, now: int) -> Update:
    """Into another queue, as `can_move` allows."""
    listed = {"list_key": list_key(queue, state.status, state.id)}
    return _again(state, {"queue": queue, **listed}, now)


def can_wait(state: JobState) -> bool:
    """Whether the job waits as one: no attempt is live, no end is near, and of an array the
    children do not wait each for others of their own."""
    gone = state.status.ended or state.status.live or state.stop is not None
    return not (gone or state.each or state.handed_out)


def can_move(state: JobState) -> bool:
    """Whether it may change its queue: a RUNNABLE job, or an array before its first child's turn.
    The execution of a wait knows the queue it began in, and children go with their array."""
    return can_wait(state) and _has_ticket(state) and not state.next and family(state.id)[1] is None


def _has_ticket(state: JobState) -> bool:
    return state.status is Status.RUNNABLE and state.waiting is None


def _again(
    state: JobState,
    changes: Mapping[str, Any],
    now: int,
    drop: tuple[str, ...] = (),
    when: tuple[Condition, ...] = (),
) -> Update:
    """Out of its lane, and before the scheduler anew; a job that is held stays so."""
    owes = due(state, now + OWED_WITHIN, keep=False)
    return Update(
        state_key(state.id),
        put={**changes, "ticket": state.ticket + 1, **owes},
        drop=(*LANE, *drop),
        when=(*_as_read(state), *when),
    )


def _as_read(state: JobState) -> tuple[Condition, ...]:
    return (
        Equals("status", Status.RUNNABLE.value),
        Equals("ticket", state.ticket),
        Absent("waiting"),
        Absent("stop"),
        same("next", state.next),
    )


def _in_place(
    state: JobState,
    changes: Mapping[str, Any],
    drop: tuple[str, ...] = (),
    when: tuple[Condition, ...] = (),
) -> Update:
    """While it waits for something else, and still for the same."""
    waits = Equals("waiting", state.waiting.value) if state.waiting else Absent("waiting")
    as_read = (Equals("status", state.status.value), waits, Absent("stop"))
    return Update(state_key(state.id), put=changes, drop=drop, when=(*as_read, *when))
