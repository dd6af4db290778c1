"""Arrays whose children wait for single others: N_TO_N and SEQUENTIAL dependencies.

Such an array (`each`) hands out nothing by a cursor. A child is put, RUNNABLE with a ticket of its
own or FAILED, once all that it waits for has ended: its index in other arrays (N_TO_N), the child
before it (SEQUENTIAL), or both. Whoever is second sees both: the array looks at all its children
once it is RUNNABLE (`looked` says how far), and an end that comes later finds it RUNNABLE.

A child is put once. A stopped array puts those that never began, page by page, as FAILED.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from lambdas.core.arrays import child_of, counted
from lambdas.core.dependencies import Wanted
from lambdas.core.job import JobState, Status, child_id, due_shard, item_of, state_key
from lambdas.core.outbox import DEPENDENT_JOB_FAILED
from lambdas.core.tables import Absent, Equals, Present, Put, Update, Write
from lambdas.core.updates import CHECK_EVERY, OWED_WITHIN, due, kept_until, same

#: Children looked at in one go; the array then changes and the stream calls again.
LOOK = 50

#: Larger arrays are looked through again less often, so that it costs the same.
_LOOKED_THROUGH = 10_000


def sources(array: JobState, others: Sequence[str], index: int) -> list[str]:
    """The children that the child at `index` waits for; `others` are the arrays it goes N_TO_N
    with."""
    before = [child_id(array.id, index - 1)] if array.sequential and index else []
    return [child_id(other, index) for other in others] + before


def verdict(ends: Iterable[JobState | None], wanted: Wanted) -> bool | None:
    """Whether a child may run, when what it waits for stands so (None: gone); None while it is to
    wait. One end that is not the wanted one is enough to fail it."""
    waits = False
    for state in ends:
        if state is not None and not state.status.ended:
            waits = True
        elif not wanted.met_by(state.status if state else None):
            return False
    return None if waits else True


def begin_alone(array: JobState, index: int, now: int) -> tuple[Write, ...]:
    """The child's turn has come: it is RUNNABLE and owes its ticket; refused if it was put."""
    child = replace(child_of(array, index), ticket=1, due_at=now + OWED_WITHIN)
    child = replace(child, due_shard=due_shard(child.id))
    return (Put(item_of(child), (Absent("pk"),)),)


def never_began(
    array: JobState, index: int, now: int, expires: int, kind: str = "", reason: str = ""
) -> tuple[Write, ...]:
    """The child ends FAILED before its turn: what it waits for ended otherwise, or (`kind`,
    `reason`) its array was stopped. One transaction, refused if it was put."""
    child = child_of(array, index, Status.FAILED)
    child = replace(
        child,
        status_reason=reason or DEPENDENT_JOB_FAILED,
        stop_kind=kind or "dependency",
        stopped=now,
        expires=kept_until(child, expires),
    )
    return Put(item_of(child), (Absent("pk"),)), *counted(child, Status.FAILED)


def looked(array: JobState, end: int, now: int) -> Update:
    """The children before `end` were looked at: the stream calls again for the others. After the
    last, nothing is owed but the same once more, much later."""
    later = due(array, now + patience(array), keep=False) if end == array.size else {}
    return Update(
        state_key(array.id),
        put={"looked": end, **later},
        when=(
            Equals("status", Status.RUNNABLE.value),
            same("looked", array.looked),
            Absent("stop"),
        ),
    )


def look_again(array: str, now: int) -> Update:
    """All its children are to be looked at once more: an end may have been missed."""
    return Update(
        state_key(array),
        put={"due_shard": due_shard(array), "due_at": now + OWED_WITHIN},
        drop=("looked",),
        when=(Equals("status", Status.RUNNABLE.value), Present("each"), Absent("stop")),
    )


def swept_to(array: JobState, end: int) -> Update:
    """The children before `end` know that their array is stopped."""
    return Update(
        state_key(array.id),
        put={"swept": end},
        when=(Equals("status", Status.RUNNABLE.value), same("swept", array.swept)),
    )


def patience(array: JobState) -> int:
    """How long until an array is looked at again (ms); if `each`, at all its children."""
    return CHECK_EVERY * max(1, array.size // _LOOKED_THROUGH) if array.each else CHECK_EVERY
