"""Array jobs: one item however large, and children that are items only once it is their turn.

An array's STATE holds how many children it has (`size`) and the first that was not handed out
(`next`). A claim moves `next` from a to b and puts the children a…b-1 in the same transaction;
before that a child is what its array says of it (`unclaimed`). Each child's end adds to one of the
array's counters, in partitions of their own; when they add up, the array ends (`closing`).

A child that is cancelled before its turn is put as FAILED at once; the claim that reaches it skips
it and counts it, so the counters speak of handed out children alone (I5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from lambdas.core.job import (
    JobState,
    Status,
    child_id,
    due_shard,
    family,
    item_of,
    partition,
    state_key,
)
from lambdas.core.tables import Absent, AtMost, Check, Equals, Item, Key, OneOf, Put, Update, Write
from lambdas.core.transitions import frozen, wish_stop, withdraw
from lambdas.core.updates import (
    CHECK_EVERY,
    LANE,
    OWED_WITHIN,
    due,
    same,
    same_fan,
    status_of,
)

LARGEST = 10_000_000

#: AWS Batch's words for an array with a child that failed.
CHILD_FAILED = "Array Child Job failed"

#: Partitions of one array's counters, for the largest; a small array needs fewer.
COUNT_SHARDS = 64
_CHILDREN_A_SHARD = 64

#: A child that was cancelled before its turn must be there when its turn comes (seconds).
_KEPT_FOR_ITS_TURN = 366 * 86_400


@dataclass(frozen=True, slots=True)
class Counts:
    """How many handed out children have ended, and how."""

    succeeded: int = 0
    failed: int = 0

    @property
    def ended(self) -> int:
        return self.succeeded + self.failed


# ── children ──────────────────────────────────────────────────────────────────────────────────


def child_of(array: JobState, index: int, status: Status = Status.RUNNABLE) -> JobState:
    """A child before its first attempt, as its array says it is."""
    return JobState(
        id=child_id(array.id, index),
        name=array.name,
        queue=array.queue,
        definition=array.definition,
        status=status,
        created=array.created,
        shape=array.shape,
        attempts=array.attempts,
        timeout=array.timeout,
        share=array.share,
        priority=array.priority,
        of=array.size,
        kept=array.each,
    )


def unclaimed(array: JobState, index: int) -> JobState:
    """A child that has no item, as a client sees it: it waits with its array, or ended with it.

    Where each waits for others the stop is not its end: one that looks may put the child still.
    """
    if not array.status.ended and (array.stop is None or array.each):
        waits = array.each and array.status is Status.RUNNABLE
        return child_of(array, index, Status.PENDING if waits else array.status)
    return replace(
        child_of(array, index, Status.FAILED),
        status_reason=array.stop or array.status_reason,
        stop_kind=array.stop_kind,
        stopped=array.stopped,
    )


def summary(array: JobState, found: Counts, in_flight: Mapping[Status, int]) -> dict[str, int]:
    """AWS Batch's statusSummary: how many children stand where.

    `in_flight` are those that were looked at; the list they come from may lag and is bounded, so
    what is missing of handed out and not ended children counts as RUNNING, or where they wait for
    single others as not begun.
    """
    told = {status.value: 0 for status in Status} | {s.value: n for s, n in in_flight.items()}
    told[Status.SUCCEEDED], told[Status.FAILED] = found.succeeded, found.failed
    ahead = unclaimed(array, array.next).status
    missing = max(0, array.next - found.ended - sum(in_flight.values()))
    told[ahead if array.each else Status.RUNNING] += missing
    told[ahead] += array.size - array.next
    return told


def begin(
    child: JobState, run: str, env: str, taken: int, request: Mapping[str, Any], now: int
) -> tuple[Put, Put]:
    """A child's first attempt: its item is born STARTING. Refused when it was cancelled before."""
    born = replace(
        child,
        status=Status.STARTING,
        attempt=1,
        run=run,
        env=env,
        taken=taken,
        claimed=now,
        due_shard=due_shard(child.id),
        due_at=now + OWED_WITHIN,
    )
    attempt = frozen(child.id, 1, run, env, request, now)
    return Put(item_of(born), (Absent("pk"),)), attempt


def hand_out(array: JobState, first: int, end: int, now: int) -> Update:
    """The children first…end-1 have their turn; in the transaction that puts them.

    The last to go takes the array out of its lane; what it owes then is its own end.
    """
    last = end == array.size
    put: dict[str, Any] = {"next": end}
    if last:
        put |= due(array, now + CHECK_EVERY, keep=False)
    elif array.lane is not None:
        put["parked"] = now  # it does not starve: `RESERVATION_AFTER` counts from here
    return Update(
        state_key(array.id),
        put=put,
        drop=LANE if last else (),
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", array.ticket),
            Absent("waiting"),
            Absent("stop"),
            same("next", first),
        ),
    )


def room_for(array: JobState, under_way: int) -> int:
    """How many more children may have their turn now, by the array's own cap; `under_way` had it
    and have not ended."""
    left = array.size - array.next
    return min(left, max(0, array.parallel - under_way)) if array.parallel else left


# ── counting ──────────────────────────────────────────────────────────────────────────────────


def count_key(array: str, shard: int) -> Key:
    return Key(f"{partition(array)}#COUNT#{shard}", "COUNT")


def count_keys(array: str, size: int) -> tuple[Key, ...]:
    return tuple(count_key(array, shard) for shard in range(_shards(size)))


def counts(items: Iterable[Item]) -> Counts:
    found = list(items)
    return Counts(
        sum(item.get("succeeded", 0) for item in found),
        sum(item.get("failed", 0) for item in found),
    )


def counted(child: JobState, status: Status, beside: int | None = None) -> tuple[Update, ...]:
    """The write that counts a child's end, in the end's own transaction; none for other jobs.

    Children that end together are counted where the one with index `beside` is: one write.
    """
    array, index = family(child.id)
    if index is None:
        return ()
    shard = (index if beside is None else beside) % _shards(child.of)
    name = "succeeded" if status is Status.SUCCEEDED else "failed"
    return (Update(count_key(array, shard), add={name: 1}),)


def skipped(array: JobState, indices: Iterable[int]) -> tuple[Update, ...]:
    """Children that were cancelled before their turn are counted when it comes."""
    many = len(list(indices))
    return (Update(count_key(array.id, 0), add={"failed": many}),) if many else ()


def closing(array: JobState, found: Counts, now: int, expires: int) -> Update | None:
    """The array's end, when every child that was ever handed out has ended and none is to come."""
    if array.status is not Status.RUNNABLE or not (array.handed_out or array.stop):
        return None
    if found.ended < array.next:
        return None
    well = found.succeeded == array.size
    status = Status.SUCCEEDED if well else Status.FAILED
    reason = {} if well else {"status_reason": array.stop or CHILD_FAILED}
    owes = due(array, now + OWED_WITHIN, keep=False) if array.fan else {}
    stop = Equals("stop", array.stop) if array.stop else Absent("stop")
    return Update(
        state_key(array.id),
        put={**status_of(array, status), **reason, "stopped": now, "expires": expires, **owes},
        drop=() if array.fan else ("due_shard", "due_at"),
        when=(
            Equals("status", Status.RUNNABLE.value),
            same("next", array.next),
            stop,
            *same_fan(array),
        ),
    )


# ── stopping ──────────────────────────────────────────────────────────────────────────────────


def stopping(state: JobState, kind: str, reason: str, now: int, expires: int) -> tuple[Write, ...]:
    """The writes, in one transaction, with which a job is stopped from where it stands; none when
    there is nothing to do: it has ended, a stop was wished before, or a cancel comes too late.
    """
    if state.status.ended or state.stop is not None:
        return ()
    if state.status.live:
        return () if kind == "cancel" else (wish_stop(state, kind, reason, now),)
    if state.next and state.status is Status.RUNNABLE:
        return (stop_array(state, kind, reason, now),)
    return (withdraw(state, kind, reason, now, expires), *counted(state, Status.FAILED))


def stop_array(array: JobState, kind: str, reason: str, now: int) -> Update:
    """No child has its turn any more; owes that those in flight are told."""
    return Update(
        state_key(array.id),
        put={"stop": reason, "stop_kind": kind, **due(array, now + OWED_WITHIN, keep=False)},
        drop=LANE,
        when=(Equals("status", Status.RUNNABLE.value), Absent("stop")),
    )


def withdraw_unclaimed(
    array: JobState, index: int, kind: str, reason: str, now: int, expires: int
) -> tuple[Write, ...]:
    """A child is cancelled before its turn; refused when that has come, or its array is stopped."""
    child = replace(
        child_of(array, index, Status.FAILED),
        status_reason=reason,
        stop_kind=kind,
        stopped=now,
        expires=expires + _KEPT_FOR_ITS_TURN,
    )
    waits = (Status.SUBMITTED.value, Status.PENDING.value, Status.RUNNABLE.value)
    ahead = (OneOf("status", waits), Absent("stop"))
    born = Put(item_of(child), (Absent("pk"),))
    if array.each:
        return Check(state_key(array.id), ahead), born, *counted(child, Status.FAILED)
    return Check(state_key(array.id), (*ahead, AtMost("next", index))), born


def swept(array: str, many: int) -> Update:
    """So many children were told of the stop and there may be more: the stream calls again."""
    return Update(state_key(array), add={"swept": many}, when=(Equals("status", "RUNNABLE"),))


def _shards(size: int) -> int:
    return max(1, min(COUNT_SHARDS, size // _CHILDREN_A_SHARD))
