"""Tracking: what ECS says of tasks, written down as what became of attempts."""

from __future__ import annotations

from lambdas.core import transitions
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import JobState, Status, job_of_started_by, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table, TaskReport, Tasks
from lambdas.services.endings import Endings


class Tracker:
    """Takes reports in any order, any number of times: by event, and from `reconcile`."""

    def __init__(
        self, *, jobs: Table, tasks: Tasks, endings: Endings, clock: Clock, journal: Journal
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._endings = endings
        self._clock = clock
        self._journal = journal

    def on_report(self, report: TaskReport) -> None:
        """Record what one report says. Tasks that are not ours are none of our business."""
        named = job_of_started_by(report.started_by)
        if named is None:
            return
        job, run = named
        item = self._jobs.get(state_key(job))
        state = state_of(item) if item else None
        if state is None or state.run != run or not state.status.live:
            self._stop_orphan(job, run, report)
        elif state.task is not None and state.task != report.task:
            self._stop_twin(state, report)
        elif report.status == "STOPPED":
            self._endings.conclude(state, report)
        elif report.status == "RUNNING":
            self._record_start(state, report)

    def _record_start(self, state: JobState, report: TaskReport) -> None:
        if state.status is not Status.STARTING:
            return
        now = self._clock.now()
        started = report.started or now
        try:
            self._jobs.write(transitions.running(state, report.task, started, now))
        except ConditionFailed:
            self._journal.note("start overtaken", job=state.id, task=report.task)

    def _stop_orphan(self, job: str, run: str, report: TaskReport) -> None:
        """A task whose attempt is over: the end of a normal task, or one that must not live on."""
        if report.status not in ("STOPPED", "STOPPING", "DEACTIVATING", "DEPROVISIONING"):
            self._journal.warn("orphan task stopped", job=job, run=run, task=report.task)
            self._tasks.stop(report.task, "its attempt is over")

    def _stop_twin(self, state: JobState, report: TaskReport) -> None:
        """A second task of one attempt: ECS's tokens rule it out; stopped if it happens anyway."""
        self._journal.warn("second task of an attempt", job=state.id, task=report.task)
        if report.status != "STOPPED":
            self._tasks.stop(report.task, "its attempt has another task")
