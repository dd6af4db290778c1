"""Reconciling, every minute: what is owed and overdue is paid, and what ECS forgot is settled.

Each step is bounded by `deadline`; what is left is overdue still, and next in line a minute later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from lambdas.core import by_index, transitions
from lambdas.core.errors import ConditionFailed, Throttled
from lambdas.core.job import (
    DUE_SHARDS,
    JobState,
    Status,
    job_of_started_by,
    state_key,
    state_of,
)
from lambdas.core.ports import Clock, Journal, Table, TaskContainer, TaskReport, Tasks
from lambdas.core.tables import Key, Query
from lambdas.core.updates import CHECK_EVERY, OWED_WITHIN
from lambdas.services.bell import BellService
from lambdas.services.by_index import ByIndex
from lambdas.services.dependents import Dependents
from lambdas.services.launch import Launcher
from lambdas.services.queues import QueueService
from lambdas.services.relay import Relay
from lambdas.services.track import Tracker

#: How many overdue jobs of one shard are read at a time.
_PAGE = 100

#: The cluster's tasks are compared with their jobs every so many minutes.
_SWEEP_EVERY = 5

#: A waiting job's dependencies are looked at again after this long (ms), then ever less often.
_RECHECK_FIRST = 5 * 60_000
_RECHECK_LAST = 6 * 3_600_000

#: A task that ECS does not show is not yet shown, until its attempt is this old (ms).
FORGOTTEN_AFTER = 10 * 60_000

Done = TypeVar("Done")

TIMED_OUT = "Job attempt duration exceeded timeout"


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one run did: jobs whose debt was paid, and the age of the oldest found (seconds)."""

    paid: int
    oldest_overdue_s: int
    orphans: int
    bells: int


class Reconciler:
    def __init__(
        self,
        *,
        jobs: Table,
        relay: Relay,
        launcher: Launcher,
        tracker: Tracker,
        dependents: Dependents,
        children: ByIndex,
        bell: BellService,
        queues: QueueService,
        tasks: Tasks,
        clock: Clock,
        journal: Journal,
        retention_days: int,
    ) -> None:
        self._jobs = jobs
        self._relay = relay
        self._launcher = launcher
        self._tracker = tracker
        self._dependents = dependents
        self._by_index = children
        self._bell = bell
        self._queues = queues
        self._tasks = tasks
        self._clock = clock
        self._journal = journal
        self._retention_days = retention_days

    def run(self, deadline: int) -> Reconciled:
        """One round, until `deadline` (epoch ms) at the latest."""
        bells = self._step("bells", self._bell.ring_lost) or 0
        paid, oldest = 0, 0
        for shard in range(DUE_SHARDS):
            pay = partial(self._pay_shard, shard, deadline)
            count, age = self._step("debts", pay) or (0, 0)
            paid, oldest = paid + count, max(oldest, age)
        self._step("queues", lambda: self._queues.sweep(deadline))
        orphans = self._step("tasks", lambda: self._sweep_tasks(deadline)) or 0
        self._step("waiting", self._bell.ring_waiting)
        return Reconciled(paid, oldest // 1000, orphans, bells)

    def pay(self, job: str, size: int = 0) -> None:
        """Pay what one job owes now (of `size`, if it is an array that is gone): a message of the
        effects queue. Raises what goes wrong."""
        state = self._relay.pay(job, size)
        if state:
            self._launcher.launch_again(state)

    def _step(self, name: str, do: Callable[[], Done]) -> Done | None:
        """One part of a run: what goes wrong in it does not keep the others from their turn."""
        try:
            return do()
        except Exception as error:
            self._journal.warn("reconcile step failed", step=name, error=repr(error))
            self._journal.count("ReconcileStepsFailed")
            return None

    # ── debts ─────────────────────────────────────────────────────────────────────────────────

    def _pay_shard(self, shard: int, deadline: int) -> tuple[int, int]:
        """Pay the overdue jobs of one shard; how many, and the age of the oldest (ms)."""
        paid, oldest, after = 0, 0, None
        while self._clock.now() < deadline:
            now = self._clock.now()
            page = self._jobs.query(
                Query(f"DUE#{shard}", index="by_due", high=now, limit=_PAGE, after=after)
            )
            keys = [Key(item["pk"], item["sk"]) for item in page.items]
            overdue = []
            for item in self._jobs.get_many(keys).values():
                due = item.get("due_at")
                if due is None or due > now:
                    continue  # the index lagged behind the item
                oldest = max(oldest, now - due)
                overdue.append(state_of(item))
            reports = self._reports(overdue)
            paid += sum(self._pay_one(state, reports) for state in overdue)
            after = page.after
            if after is None:
                break
        return paid, oldest

    def _reports(self, states: Iterable[JobState]) -> Mapping[str, TaskReport] | None:
        """What ECS says of the live tasks of these jobs, by task: few calls for many. None when it
        says nothing now: they are looked at in a minute."""
        tasks = [state.task for state in states if state.status.live and state.task]
        try:
            return self._tasks.describe(tasks) if tasks else {}
        except Throttled as error:
            self._journal.warn("tasks not described", tasks=len(tasks), error=repr(error))
            return None

    def _pay_one(self, state: JobState, reports: Mapping[str, TaskReport] | None) -> int:
        if reports is None and state.status.live and state.task:
            return 0
        try:
            self._pay(state, reports or {})
        except ConditionFailed:
            return 0  # another function moved it on: nothing is owed any more
        except Exception as error:
            told = {"job": state.id, "status": state.status, "error": repr(error)}
            self._journal.warn("debt not paid", **told)
            return 0
        return 1

    def _pay(self, state: JobState, reports: Mapping[str, TaskReport]) -> None:
        match state.status:
            case Status.STARTING if state.task is None:
                self._launcher.launch_overdue(state)
            case Status.STARTING | Status.RUNNING:
                self._check_live(state, reports.get(state.task or ""))
            case Status.PENDING:
                self._dependents.recheck_all(state)
                if not self._end_wait(self._relay.pay(state.id)):
                    self._look_again(state, self._patience(state))
            case Status.RUNNABLE if state.waiting is not None:
                if not self._end_wait(self._relay.pay(state.id)):
                    left = max(0, (state.until or 0) - self._clock.now())
                    self._look_again(state, left + OWED_WITHIN)
            case Status.SUCCEEDED | Status.FAILED:
                paid = self._relay.pay(state.id)
                if paid:
                    self._jobs.write(transitions.settled(paid))
            case _:
                if state.each and not state.stop and state.looked == state.size:
                    self._by_index.look_again(state.id)
                self._relay.pay(state.id)
                held = state.held is not None
                patient = (state.handed_out or held) and not state.stop
                self._look_again(state, by_index.patience(state) if patient else OWED_WITHIN)

    def _end_wait(self, state: JobState | None) -> bool:
        """Make the last write of a wait that is over, in place of its execution: one that was
        aborted, or met a long failure of DynamoDB, never makes it. Whoever is second is refused.
        """
        if state is None:
            return False
        write = transitions.wait_over(state, self._clock.now(), self._retention_days)
        if write is None:
            return False
        self._jobs.write(write)
        return True

    def _check_live(self, state: JobState, report: TaskReport | None) -> None:
        """Compare a live attempt with ECS, stop it when its time is up, and come back later."""
        now = self._clock.now()
        if report is None and now < (state.claimed or 0) + FORGOTTEN_AFTER:
            self._look_again(state, OWED_WITHIN)  # RunTask's answer runs ahead of what ECS shows
            return
        if report is None or report.status == "STOPPED":
            self._tracker.on_report(report or _forgotten(state, now))
            return
        self._tracker.on_report(report)
        if state.stop is not None:
            self._relay.pay(state.id)
        elif state.timeout and state.started and now >= state.started + state.timeout * 1000:
            self._jobs.write(transitions.wish_stop(state, "timeout", TIMED_OUT, now))
            return
        self._look_again(state, self._next_check(state, now))

    def _next_check(self, state: JobState, now: int) -> int:
        if state.stop is not None or state.status is Status.STARTING:
            return OWED_WITHIN
        if state.timeout and state.started:
            return max(1000, min(CHECK_EVERY, state.started + state.timeout * 1000 - now))
        return CHECK_EVERY

    def _patience(self, state: JobState) -> int:
        waited = self._clock.now() - state.created
        return max(_RECHECK_FIRST, min(waited, _RECHECK_LAST))

    def _look_again(self, state: JobState, later: int) -> None:
        """Move the debt, unless the payment itself changed it."""
        try:
            self._jobs.write(transitions.defer_debt(state, self._clock.now() + later))
        except ConditionFailed:
            return

    # ── tasks that should not be ──────────────────────────────────────────────────────────────

    def _sweep_tasks(self, deadline: int) -> int:
        """Compare the cluster's running tasks with their jobs: an orphan is stopped (I10)."""
        if self._clock.now() // 60_000 % _SWEEP_EVERY:
            return 0
        orphans, after = 0, None
        while self._clock.now() < deadline:
            page, after = self._tasks.listing("RUNNING", after)
            orphans += self._stop_orphans(self._tasks.describe(page).values())
            if after is None:
                break
        return orphans

    def _stop_orphans(self, reports: Iterable[TaskReport]) -> int:
        ours = [(n, report) for report in reports if (n := job_of_started_by(report.started_by))]
        states = self._jobs.get_many([state_key(job) for (job, _), _ in ours])
        orphans = 0
        for (job, run), report in ours:
            item = states.get(state_key(job))
            if item is None or item.get("run") != run or not Status(item["status"]).live:
                self._tracker.on_report(report)
                orphans += 1
        return orphans


def _forgotten(state: JobState, now: int) -> TaskReport:
    """ECS knows the task no longer: it ended, unseen, more than an hour ago."""
    return TaskReport(
        task=state.task or "",
        started_by=state.started_by,
        status="STOPPED",
        version=0,
        container=TaskContainer(),
        started=state.started,
        stopped=now,
        stop_code="TaskForgotten",
        stopped_reason="ECS no longer knows the task; how it ended is not known",
    )
