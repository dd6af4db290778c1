"""Every change of a job, as one conditional write.

These functions are the only place that says what must hold for a job to change. They take the
state as it was read and `now` (epoch ms), and return writes for the jobs table; a write that is
refused means that another function was faster, and the caller reads again or lets go.

Conditions speak of meaning, not of versions: a claim names the ticket it answers, everything
about an attempt names the attempt (`run`), everything an execution of `wait` does names its wait.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lambdas.core.job import (
    SCHEMA,
    JobState,
    Status,
    Waiting,
    attempt_key,
    due_shard,
    list_key,
    state_key,
)
from lambdas.core.tables import (
    Absent,
    AtMost,
    Condition,
    Equals,
    Key,
    OneOf,
    Present,
    Put,
    Update,
)
from lambdas.core.updates import (
    CHECK_EVERY,
    DUE,
    LANE,
    LISTED,
    OWED_WITHIN,
    REASON_LIMIT,
    due,
    kept_until,
    same,
    same_fan,
    status_of,
    this_attempt,
    unlisted,
)

_UNENDED = frozenset(status.value for status in Status if not status.ended)
_OUTCOME = ("stopped", "exit", "reason", "status_reason", "failure")
_ATTEMPT = ("run", "env", "claimed", "taken", "task", "started", *_OUTCOME)


def claim(
    state: JobState, run: str, env: str, taken: int, request: Mapping[str, Any], now: int
) -> tuple[Update, Put]:
    """RUNNABLE → STARTING with an attempt whose RunTask request is frozen here.

    Goes into one transaction with the capacity it takes (`capacity.take`). A void ticket or a wait
    refuses it; so does a wish to stop, for it takes a job that is not live out of RUNNABLE. A debt
    that is kept must still be there: a job that was parked since it was read owes nothing.
    """
    number = state.attempt + 1
    owes = due(state, now + OWED_WITHIN)
    update = Update(
        state_key(state.id),
        put={
            **status_of(state, Status.STARTING),
            "run": run,
            "env": env,
            "taken": taken,
            "claimed": now,
            "attempt": number,
            **owes,
        },
        drop=(*LANE, "task", "started", *_OUTCOME),
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", state.ticket),
            Absent("waiting"),
            *(() if owes else (Equals("due_at", state.due_at),)),
        ),
    )
    return update, frozen(state.id, number, run, env, request, now)


def frozen(job: str, number: int, run: str, env: str, request: Mapping[str, Any], now: int) -> Put:
    """The ATTEMPT item: every repeat of its launch is this very request."""
    key = attempt_key(job, number)
    attempt = {"run": run, "env": env, "claimed": now, "request": dict(request)}
    return Put({"pk": key.pk, "sk": key.sk, "schema": SCHEMA, **attempt})


def park(state: JobState, lane: str, rank: str, code: str, why: str, now: int) -> Update:
    """Give a job that cannot be placed now its lane, its rank and the reason, and stop its ticket.

    An array waits in its lane for as long as it has children to hand out.
    """
    return Update(
        state_key(state.id),
        put={
            "lane": lane,
            "rank": rank,
            "why_code": code,
            "why": why[:REASON_LIMIT],
            "parked": now,
        },
        drop=DUE,
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", state.ticket),
            Absent("waiting"),
            Absent("stop"),
            *((AtMost("next", state.size - 1),) if state.size else ()),
        ),
    )


def explain(state: JobState, code: str, why: str, now: int) -> Update:
    """Refresh the reason of a parked job, which is another since `now`."""
    return Update(
        state_key(state.id),
        put={"why_code": code, "why": why[:REASON_LIMIT], "blocked": now},
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", state.ticket),
            Present("lane"),
        ),
    )


def launched(state: JobState, task: str) -> Update:
    """Write down the one task of this attempt."""
    return Update(
        state_key(state.id), put={"task": task}, when=(*this_attempt(state), Absent("task"))
    )


def lease_launch(state: JobState, now: int) -> Update:
    """Take the sole right to launch an attempt, by moving its debt: always to another moment."""
    later = max(now + OWED_WITHIN, (state.due_at or 0) + 1)
    return Update(
        state_key(state.id),
        put=due(state, later, keep=False),
        when=(*this_attempt(state), Absent("task"), Equals("due_at", state.due_at)),
    )


def running(state: JobState, task: str, started: int, now: int) -> Update:
    """STARTING → RUNNING: the container is up.

    Refused when a stop was wished that the state does not know of: it is owed sooner; and when a
    debt that would be kept has moved since it was read: it may come too late by now.
    """
    check = now + (OWED_WITHIN if state.stop else CHECK_EVERY)
    if state.timeout:
        check = min(check, started + state.timeout * 1000)
    keep = state.due_at is not None and now < state.due_at <= check
    return Update(
        state_key(state.id),
        put={
            **status_of(state, Status.RUNNING),
            "task": task,
            "started": started,
            **({} if keep else due(state, check, keep=False)),
        },
        drop=("launches", "blocked") if state.launches else (),
        when=(
            Equals("run", state.run),
            Equals("status", Status.STARTING.value),
            Equals("stop", state.stop) if state.stop else Absent("stop"),
            *((Equals("due_at", state.due_at),) if keep else ()),
        ),
    )


def succeeded(state: JobState, outcome: Mapping[str, Any], expires: int) -> Update:
    """A live attempt → SUCCEEDED."""
    return _end(state, Status.SUCCEEDED, outcome, expires)


def failed(state: JobState, outcome: Mapping[str, Any], expires: int) -> Update:
    """A live attempt → FAILED, nothing left to try."""
    return _end(state, Status.FAILED, outcome, expires)


def retry(
    state: JobState,
    outcome: Mapping[str, Any],
    until: int | None,
    now: int,
    spared: bool = False,
) -> tuple[Update, Update]:
    """A failed attempt → RUNNABLE, at once or (`until`, ms) after a backoff; and its outcome kept.
    One that is `spared` does not count.

    Refused when a stop was wished that the decision to retry did not know of.
    """
    unknown = () if state.stop else (Absent("stop"),)
    back = _again(state, until, now, drop=(*_ATTEMPT, "stop", "stop_kind"), when=unknown)
    if spared:
        back = replace(back, put={**back.put, "lost": state.lost + 1})
    kept = {name: value for name, value in _told(state, outcome).items() if value is not None}
    return back, Update(attempt_key(state.id, state.attempt), put=kept, when=(Present("pk"),))


def unlaunched(state: JobState, why: str, until: int, now: int) -> Update:
    """A proven non-launch: the attempt never was, the job is RUNNABLE again after a pause.

    Refused when a task is known after all, a stop is wished, or another took the launch over
    (`lease_launch` moved the debt): its RunTask may be on the way.
    """
    back = _again(state, until, now, drop=_ATTEMPT)
    return Update(
        back.key,
        put={
            **back.put,
            "attempt": state.attempt - 1,
            "launches": state.launches + 1,
            "why_code": "CAPACITY",
            "why": why[:REASON_LIMIT],
            "blocked": state.blocked if state.launches and state.blocked else now,
        },
        drop=back.drop,
        when=(
            *this_attempt(state),
            Absent("task"),
            Absent("stop"),
            Equals("due_at", state.due_at),
        ),
    )


def wish_stop(state: JobState, kind: str, reason: str, now: int) -> Update:
    """Ask for the live attempt to be stopped; the stop is sent when flag and task are both there.

    The first wish stands: a later one does not change the reason. A claim's debt stays as it is,
    for by that its launch knows that it is fresh; one that runs by now is asked again.
    """
    owes = due(state, now + OWED_WITHIN, keep=state.status is Status.STARTING)
    return Update(
        state_key(state.id),
        put={"stop": reason, "stop_kind": kind, **owes},
        when=(
            Equals("run", state.run),
            Equals("status", state.status.value),
            Absent("stop"),
        ),
    )


def withdraw(state: JobState, kind: str, reason: str, now: int, expires: int) -> Update:
    """A job without a live attempt → FAILED (cancelled, terminated, its dependency failed)."""
    owing = state.fan or state.waiting is not None
    return Update(
        state_key(state.id),
        put={
            **status_of(state, Status.FAILED),
            "status_reason": reason,
            "stop_kind": kind,
            "stopped": now,
            "expires": kept_until(state, expires),
            **(due(state, now + OWED_WITHIN, keep=False) if owing else {}),
        },
        drop=LANE if owing else (*LANE, *DUE),
        when=(
            Equals("status", state.status.value),
            same("next", state.next),
            *same_fan(state),
        ),
    )


# ── waiting ───────────────────────────────────────────────────────────────────────────────────


def page_written(state: JobState) -> Update:
    """One more page of dependencies stands; in the page's own transaction."""
    return Update(
        state_key(state.id),
        put={"expanded": state.expanded + 1},
        when=(
            Equals("status", Status.SUBMITTED.value),
            same("expanded", state.expanded),
        ),
    )


def enter_wait(state: JobState) -> Update:
    """SUBMITTED → PENDING: every page stands, some are open; owes the start of an execution, by the
    debt that it was submitted with."""
    return Update(
        state_key(state.id),
        put={
            **status_of(state, Status.PENDING),
            "waiting": Waiting.DEPENDENCIES.value,
            "wait": state.wait + 1,
        },
        when=(Equals("status", Status.SUBMITTED.value), Equals("expanded", state.pages)),
    )


def release_unwaited(state: JobState) -> Update:
    """SUBMITTED → RUNNABLE: every dependency had ended well before a wait began; owes a ticket, by
    the debt that it was submitted with."""
    return Update(
        state_key(state.id),
        put={
            **status_of(state, Status.RUNNABLE),
            "ticket": state.ticket + 1,
        },
        when=(
            Equals("status", Status.SUBMITTED.value),
            Equals("expanded", state.pages),
            Equals("closed", state.pages),
        ),
    )


def page_closed(job: str) -> Update:
    """One page has nothing left to wait for; in the page's own transaction."""
    return Update(state_key(job), add={"closed": 1}, when=(Present("pk"),))


def doom(state: JobState, dependency: str) -> Update:
    """A dependency failed: the job will fail without ever starting."""
    return Update(
        state_key(state.id),
        put={"doomed": dependency},
        when=(
            OneOf("status", (Status.SUBMITTED.value, Status.PENDING.value)),
            Absent("doomed"),
        ),
    )


def depended_on(job: str, by_child: bool = False) -> Update:
    """Somebody waits for this job: its end must look for edges; or `by_child` for some of its
    children: so must theirs. Refused when it has ended."""
    put = {"fan": True, "watched": True} if by_child else {"fan": True}
    return Update(state_key(job), put=put, when=(OneOf("status", tuple(sorted(_UNENDED))),))


def settled(state: JobState) -> Update:
    """An ended job owes nothing any more (edges resolved, token answered)."""
    return Update(
        state_key(state.id),
        drop=("token", "waiting", "until", *DUE),
        when=(
            Equals("status", state.status.value),
            Present("due_at"),
        ),
    )


def resolved_all(job: str, succeeded: bool) -> Update:
    """The last edges of a job that ended without a wait were resolved: it owes nothing more. (An
    edge that is written later looks at the job itself.)"""
    status = Status.SUCCEEDED if succeeded else Status.FAILED
    return Update(
        state_key(job),
        drop=DUE,
        when=(Equals("status", status.value), Present("due_at")),
    )


def defer_debt(state: JobState, at: int) -> Update:
    """Look at this job again at `at` (ms); only if its debt is still the one that was read."""
    return Update(
        state_key(state.id),
        put=due(state, at, keep=False),
        when=(Equals("status", state.status.value), Equals("due_at", state.due_at)),
    )


# ── what the `wait` state machine writes ──────────────────────────────────────────────────────
#
# Step Functions writes these three itself, without a function (stacks/constructs/wait_machine.py).
# They are said here as well so that the memory world runs the very same writes; a test holds the
# synthesized definition to them.


def wait_input(state: JobState, retention_days: int) -> dict[str, Any]:
    """The input of a `wait` execution: what its three writes need, and nothing else."""
    return {
        "pk": state_key(state.id).pk,
        "wait": state.wait,
        "why": (state.waiting or Waiting.DEPENDENCIES).value,
        "until": state.until or 0,
        "failed_list_key": list_key(state.queue, Status.FAILED, state.id),
        "due_shard": due_shard(state.id),
        "retention_seconds": retention_days * 86_400,
    }


def sleep(request: Mapping[str, Any], token: str) -> Update:
    """The execution writes down its own task token, and sleeps."""
    return Update(
        Key(request["pk"], "STATE"),
        put={"token": token},
        when=(Equals("wait", request["wait"]), Equals("status", Status.PENDING.value)),
    )


def release(request: Mapping[str, Any], now: int) -> Update:
    """The wait is over: PENDING, or RUNNABLE after a backoff → RUNNABLE with a ticket to come."""
    return Update(
        Key(request["pk"], "STATE"),
        put={
            "status": Status.RUNNABLE.value,
            "due_shard": request["due_shard"],
            "due_at": now + OWED_WITHIN,
        },
        add={"ticket": 1},
        drop=("waiting", "token", "until"),
        when=(
            Equals("wait", request["wait"]),
            Present("waiting"),
            OneOf("status", (Status.PENDING.value, Status.RUNNABLE.value)),
        ),
    )


def dependency_failed(request: Mapping[str, Any], now: int) -> Update:
    """A dependency failed: PENDING → FAILED, in AWS Batch's words."""
    return Update(
        Key(request["pk"], "STATE"),
        put={
            "status": Status.FAILED.value,
            "status_reason": "Dependent Job failed",
            "stopped": now,
            "expires": now // 1000 + request["retention_seconds"],
            "list_key": request["failed_list_key"],
            "due_shard": request["due_shard"],
            "due_at": now + OWED_WITHIN,
        },
        drop=("waiting", "token", "until"),
        when=(Equals("wait", request["wait"]), Equals("status", Status.PENDING.value)),
    )


def wait_over(state: JobState, now: int, retention_days: int) -> Update | None:
    """The write with which the execution of this wait must end by now; None while it may sleep.

    It names the token that was answered: an execution that went to sleep since is answered first.
    """
    request = wait_input(state, retention_days)
    if state.status is Status.PENDING and (state.doomed or state.ready):
        end = dependency_failed(request, now) if state.doomed else release(request, now)
        asleep = Equals("token", state.token) if state.token else Absent("token")
        return replace(end, when=(*end.when, asleep))
    backoff = state.status is Status.RUNNABLE and state.waiting is Waiting.BACKOFF
    return release(request, now) if backoff and (state.until or 0) + OWED_WITHIN <= now else None


# ── parts ─────────────────────────────────────────────────────────────────────────────────────


def _end(state: JobState, status: Status, outcome: Mapping[str, Any], expires: int) -> Update:
    kept = {name: value for name, value in _told(state, outcome).items() if value is not None}
    owes = due(state, outcome["stopped"] + OWED_WITHIN, keep=False) if state.fan else {}
    return Update(
        state_key(state.id),
        put={**status_of(state, status), **kept, "expires": kept_until(state, expires), **owes},
        drop=(*(() if state.fan else DUE), *(LISTED if status is unlisted(state) else ())),
        when=(*this_attempt(state), *same_fan(state)),
    )


def _again(
    state: JobState,
    until: int | None,
    now: int,
    drop: tuple[str, ...],
    when: tuple[Condition, ...] = (),
) -> Update:
    put: dict[str, Any] = {**status_of(state, Status.RUNNABLE)}
    if until is None:
        put |= {"ticket": state.ticket + 1, **due(state, now + OWED_WITHIN, keep=False)}
    else:
        put |= {
            "waiting": Waiting.BACKOFF.value,
            "wait": state.wait + 1,
            "until": until,
            **due(state, now + OWED_WITHIN, keep=False),
        }
    return Update(state_key(state.id), put=put, drop=drop, when=(*this_attempt(state), *when))


def _told(state: JobState, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """An attempt's outcome, as STATE and ATTEMPT hold it."""
    return {
        "task": outcome.get("task") or state.task,
        "started": outcome.get("started") or state.started,
        "stopped": outcome["stopped"],
        "exit": outcome.get("exit"),
        "reason": outcome.get("reason"),
        "status_reason": outcome.get("status_reason"),
        "failure": outcome.get("failure"),
    }
