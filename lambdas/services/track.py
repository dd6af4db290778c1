"""Tracking: what ECS says of tasks, written down as what became of attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from lambdas.core import transitions
from lambdas.core.errors import ConditionFailed
from lambdas.core.job import JobState, Status, job_of, job_of_started_by, state_key, state_of
from lambdas.core.ports import Clock, Journal, Table, TaskReport, Tasks
from lambdas.services.endings import Endings

#: Attempts ended in one transaction: three writes each at most, and one for each environment and share.
TOGETHER = 20


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

    def on_reports(self, reports: Sequence[TaskReport]) -> list[TaskReport]:
        """Record what a batch of reports says; those that could not be, for now.

        A task that has ended needs no word of its start, and attempts that ended are written down
        together; what stands in the way of one does not hold up the others.
        """
        ended = {report.task for report in reports if report.status == "STOPPED"}
        telling = [r for r in reports if r.status == "STOPPED" or r.task not in ended]
        states = self._states(telling)
        done = self._conclude_together(telling, states)
        alone = (report for report in telling if report.task not in done)
        return [
            report for report in alone if not self._attempted(partial(self._record, report, states))
        ]

    def on_report(self, report: TaskReport) -> None:
        """Record what one report says. Tasks that are not ours are none of our business."""
        named = job_of_started_by(report.started_by)
        if named is None:
            return
        self._tell(report, *named, self._states([report]).get(named[0]))

    def _tell(self, report: TaskReport, job: str, run: str, state: JobState | None) -> None:
        """Record what a report says of attempt `run` of a job that was read after it came."""
        if state is None or state.run != run or not state.status.live:
            self._stop_orphan(job, run, report)
        elif state.task is not None and state.task != report.task:
            self._stop_twin(state, report)
        elif report.status == "STOPPED":
            self._endings.conclude(state, report)
        elif report.status == "RUNNING":
            self._record_start(state, report)

    def _states(self, reports: Iterable[TaskReport]) -> dict[str, JobState]:
        """The jobs that these reports name, those that there are, by id."""
        named = filter(None, (job_of_started_by(report.started_by) for report in reports))
        keys = list(dict.fromkeys(state_key(job) for job, _ in named))
        found = self._jobs.get_many(keys) if keys else {}
        return {job_of(key): state_of(item) for key, item in found.items()}

    def _conclude_together(
        self, reports: Sequence[TaskReport], states: Mapping[str, JobState]
    ) -> set[str]:
        """End attempts a transaction at a time; the tasks of those that were ended."""
        done: set[str] = set()
        ending = _ending(reports, states)
        for first in range(0, len(ending), TOGETHER):
            part = ending[first : first + TOGETHER]
            if len(part) > 1 and self._attempted(partial(self._endings.conclude_together, part)):
                done |= {report.task for _, report in part}
        return done

    def _record(self, report: TaskReport, states: Mapping[str, JobState]) -> bool:
        named = job_of_started_by(report.started_by)
        if named:
            self._tell(report, *named, states.get(named[0]))
        return True

    def _attempted(self, do: Callable[[], bool]) -> bool:
        """Whether it was done; what goes wrong is told, and left for another time."""
        try:
            return do()
        except Exception as error:
            self._journal.warn("report put off", error=repr(error))
            return False

    def _record_start(self, state: JobState, report: TaskReport) -> None:
        """Write the start down; again when a wish to stop, or another's lease, came in between."""
        now, run = self._clock.now(), state.run
        for _ in range(3):
            if state.status is not Status.STARTING or state.run != run:
                return
            try:
                started = report.started or now
                self._jobs.write(transitions.running(state, report.task, started, now))
                return
            except ConditionFailed as refused:
                state = state_of(refused.item) if refused.item else state
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


def _ending(
    reports: Iterable[TaskReport], states: Mapping[str, JobState]
) -> list[tuple[JobState, TaskReport]]:
    """The live attempts whose own task has stopped, each with its last report."""
    found = {}
    for report in reports:
        named = job_of_started_by(report.started_by) if report.status == "STOPPED" else None
        state = states.get(named[0]) if named else None
        if named and state and _is_its_own(state, named[1], report):
            found[state.id] = (state, report)
    return list(found.values())


def _is_its_own(state: JobState, run: str, report: TaskReport) -> bool:
    """The report is of this job's live attempt, and of no other task."""
    return state.run == run and state.status.live and state.task in (None, report.task)
