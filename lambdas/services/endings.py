"""Ending attempts: one transaction for the jobs and the capacity they give back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lambdas.core import arrays, capacity, shares, transitions
from lambdas.core.conclude import Conclusion, Kind, conclude
from lambdas.core.errors import Throttled, TransactionRefused
from lambdas.core.job import JobState, Status, family, state_key, state_of
from lambdas.core.ports import Clock, Journal, Tables, TaskReport
from lambdas.core.spec import JobSpec
from lambdas.core.tables import CAPACITY, JOBS, Key, TableSchema, Update, Write
from lambdas.services.specs import Specs

#: How often an end is decided again because the job changed meanwhile.
_TRIES = 4

#: The pause after a proven non-launch doubles from the first to the last (ms).
PAUSE_FIRST = 15_000
PAUSE_LAST = 10 * 60_000


@dataclass(frozen=True, slots=True)
class _End:
    """One attempt's end: the writes it makes of its own, and what decided."""

    state: JobState
    writes: list[Update]
    verdict: Conclusion | None = None


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
            end = self._end_of(now, report, self._specs.load(now.id))
            if self._write([end]):
                return True
            now = self._live(now)
        raise Throttled(f"job {state.id} changes faster than its attempt can be ended")

    def conclude_together(self, ended: Sequence[tuple[JobState, TaskReport]]) -> bool:
        """End several attempts in one transaction, which releases their capacity and counts their
        arrays' children in fewer writes. False when nothing was written: each is ended alone then.
        """
        specs = self._specs.load_many([state.id for state, _ in ended])
        try:
            beside = dict(family(state.id) for state, _ in ended)
            ends = [
                self._end_of(s, report, specs[family(s.id)[0]], beside[family(s.id)[0]])
                for s, report in ended
            ]
        except LookupError:
            return False  # one has lost its request: it must not hold up the others
        return self._write(ends)

    def _end_of(
        self, state: JobState, report: TaskReport, spec: JobSpec, beside: int | None = None
    ) -> _End:
        """What ends this attempt; a child is counted where that with index `beside` is."""
        now = self._clock.now()
        end = conclude(state, spec.retry, spec.extensions, report, now)
        writes: list[Update]
        match end.kind:
            case Kind.SUCCEEDED:
                done = transitions.succeeded(state, end.outcome, self._expires(now))
                writes = [done, *arrays.counted(state, Status.SUCCEEDED, beside)]
            case Kind.FAILED:
                done = transitions.failed(state, end.outcome, self._expires(now))
                writes = [done, *arrays.counted(state, Status.FAILED, beside)]
            case Kind.RETRY:
                writes = [*transitions.retry(state, end.outcome, end.until, now, end.spared)]
        return _End(state, writes, end)

    def unlaunched(self, state: JobState, why: str) -> bool:
        """The attempt never was: RUNNABLE again after a pause; FAILED when a stop was wished."""
        now = self._clock.now()
        pause = min(PAUSE_FIRST * 2**state.launches, PAUSE_LAST)
        back = transitions.unlaunched(state, why, now + pause, now)
        if self._write([_End(state, [back])]):
            self._journal.note("not launched", job=state.id, why=why, pause_ms=pause)
            return True
        if state.stop is None or state.task is not None:
            return False
        outcome = {"stopped": now, "status_reason": state.stop}
        failed = transitions.failed(state, outcome, self._expires(now))
        return self._write([_End(state, [failed, *arrays.counted(state, Status.FAILED)])])

    def _live(self, state: JobState) -> JobState | None:
        """The job as it stands, if this attempt is live still."""
        item = self._tables.jobs.get(state_key(state.id))
        now = state_of(item) if item else None
        return now if now and now.run == state.run and now.status.live else None

    def _write(self, ends: Sequence[_End]) -> bool:
        """Write ends and releases together; False when one of the attempts had ended already."""
        writes = [(JOBS, write) for write in _added_up(w for end in ends for w in end.writes)]
        try:
            self._tables.transact([*writes, *_releases([end.state for end in ends])])
        except TransactionRefused as refused:
            if refused.failed:
                return False
            raise Throttled("an attempt's end met another write in flight") from refused
        for end in ends:
            self._tell(end)
        return True

    def _tell(self, end: _End) -> None:
        if end.verdict is None:
            return
        kind, state = end.verdict.kind, end.state
        self._journal.note(
            "attempt ended",
            job=state.id,
            attempt=state.attempt,
            outcome=kind.value,
            why=end.verdict.reason,
        )
        self._journal.count(f"Attempts{kind.value.title()}")
        if end.verdict.failure:
            self._journal.count(f"Failures{end.verdict.failure.title().replace('-', '')}")

    def _expires(self, now: int) -> int:
        return now // 1000 + self._retention_days * 86_400


def _releases(states: Sequence[JobState]) -> list[tuple[TableSchema, Write]]:
    """What the attempts took, given back: one write an environment, and one a share."""
    holders = [state for state in states if state.taken and state.env and state.run]
    by_env: dict[str, list[JobState]] = defaultdict(list)
    by_share: dict[tuple[str, str], list[JobState]] = defaultdict(list)
    for state in holders:
        by_env[state.env or ""].append(state)
        if state.share:
            by_share[state.queue, state.share].append(state)
    of_shares: list[tuple[TableSchema, Write]] = [
        (CAPACITY, shares.release(*key, of[0].run or "", sum(state.taken for state in of)))
        for key, of in by_share.items()
    ]
    return of_shares + [
        (CAPACITY, capacity.release(env, of[0].run or "", sum(state.taken for state in of)))
        for env, of in by_env.items()
    ]


def _added_up(writes: Iterable[Update]) -> list[Update]:
    """The same writes, with what only adds to one item made one: a transaction names an item once."""
    adds: dict[Key, Counter[str]] = defaultdict(Counter)
    others = []
    for write in writes:
        if write.put or write.drop or write.when:
            others.append(write)
        else:
            adds[write.key].update(write.add)
    return [*others, *(Update(key, add=dict(amounts)) for key, amounts in adds.items())]
