"""Ending attempts: one transaction for the job and the capacity it gives back."""

from __future__ import annotations

from lambdas.core import arrays, capacity, transitions
from lambdas.core.conclude import Kind, conclude
from lambdas.core.errors import Throttled, TransactionRefused
from lambdas.core.job import JobState, Status, state_key, state_of
from lambdas.core.ports import Clock, Journal, Tables, TaskReport
from lambdas.core.tables import CAPACITY, JOBS, TableSchema, Write
from lambdas.services.specs import Specs

#: How often an end is decided again because the job changed meanwhile.
_TRIES = 4

#: The pause after a proven non-launch doubles from the first to the last (ms).
PAUSE_FIRST = 15_000
PAUSE_LAST = 10 * 60_000


class Endings:
    """Carries out what `core.conclude` decides about an attempt."""

    def __init__(
        self,
        *,
        tables: Tables,
        specs: Specs,
        clock: Clock,
        journal: Journal,
        retention_days: int,
    ) -> None:
        self._tables = tables
        self._specs = specs
        self._clock = clock
        self._journal = journal
        self._retention_days = retention_days

    def conclude(self, state: JobState, report: TaskReport) -> bool:
        """End the attempt as its task ended: succeed, retry or fail. False when it was over.

        A wish to stop, or a first dependent, that came since `state` was read changes what the
        end must say: then it is decided again.
        """
        now: JobState | None = state
        for _ in range(_TRIES):
            if now is None:
                return False
            if self._conclude(now, report):
                return True
            now = self._live(now)
        raise Throttled(f"job {state.id} changes faster than its attempt can be ended")

    def _conclude(self, state: JobState, report: TaskReport) -> bool:
        spec = self._specs.load(state.id)
        now = self._clock.now()
        end = conclude(state, spec.retry, spec.extensions, report, now)
        writes: list[Write]
        match end.kind:
            case Kind.SUCCEEDED:
                done = transitions.succeeded(state, end.outcome, self._expires(now))
                writes = [done, *arrays.counted(state, Status.SUCCEEDED)]
            case Kind.FAILED:
                done = transitions.failed(state, end.outcome, self._expires(now))
                writes = [done, *arrays.counted(state, Status.FAILED)]
            case Kind.RETRY:
                writes = [*transitions.retry(state, end.outcome, end.until, now)]
        ended = self._end(state, writes)
        if ended:
            self._journal.note(
                "attempt ended",
                job=state.id,
                attempt=state.attempt,
                outcome=end.kind.value,
                why=end.reason,
            )
            self._journal.count(f"Attempts{end.kind.value.title()}")
        return ended

    def unlaunched(self, state: JobState, why: str) -> bool:
        """The attempt never was: RUNNABLE again after a pause; FAILED when a stop was wished."""
        now = self._clock.now()
        pause = min(PAUSE_FIRST * 2**state.launches, PAUSE_LAST)
        if self._end(state, [transitions.unlaunched(state, why, now + pause, now)]):
            self._journal.note("not launched", job=state.id, why=why, pause_ms=pause)
            return True
        if state.stop is None or state.task is not None:
            return False
        outcome = {"stopped": now, "status_reason": state.stop}
        failed = transitions.failed(state, outcome, self._expires(now))
        return self._end(state, [failed, *arrays.counted(state, Status.FAILED)])

    def _live(self, state: JobState) -> JobState | None:
        """The job as it stands, if this attempt is live still."""
        item = self._tables.jobs.get(state_key(state.id))
        now = state_of(item) if item else None
        return now if now and now.run == state.run and now.status.live else None

    def _end(self, state: JobState, writes: list[Write]) -> bool:
        """Write the end and the release together; False when the attempt had ended already."""
        together: list[tuple[TableSchema, Write]] = [(JOBS, write) for write in writes]
        if state.taken and state.env and state.run:
            release = capacity.release(state.env, state.run, state.taken)
            together.append((CAPACITY, release))
        try:
            self._tables.transact(together)
        except TransactionRefused as refused:
            if refused.failed:
                return False
            raise Throttled("an attempt's end met another write in flight") from refused
        return True

    def _expires(self, now: int) -> int:
        return now // 1000 + self._retention_days * 86_400
