"""Arrays whose children wait for single others: looking at them, and putting those whose turn it is.

The rules are in core/by_index.py; everything here is idempotent and bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress

from lambdas.core import by_index
from lambdas.core.dependencies import Wanted, of_others
from lambdas.core.errors import ConditionFailed, Throttled, TransactionRefused
from lambdas.core.job import JobState, Status, child_id, state_key, state_of
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Write
from lambdas.services.children import Children
from lambdas.services.specs import Specs


class ByIndex:
    def __init__(self, jobs: Table, specs: Specs, clock: Clock, retention_days: int) -> None:
        self._jobs = jobs
        self._specs = specs
        self._clock = clock
        self._retention = retention_days * 86_400
        self._children = Children(jobs)

    def look(self, array: str, start: int) -> None:
        """Put those of the next children whose turn has come, unless another looked at them."""
        state = self._waiting(array)
        if state is None or state.looked != start:
            return
        end = min(start + by_index.LOOK, state.size)
        waits = self._begin(state, range(start, end))
        looked = by_index.looked(state, state.size if waits else end, self._clock.now())
        with suppress(ConditionFailed):  # another looked at them, or it is stopped
            self._jobs.write(looked)

    def look_again(self, array: str) -> None:
        """Look at all its children once more, if it is RUNNABLE: else it will."""
        with suppress(ConditionFailed):
            self._jobs.write(by_index.look_again(array, self._clock.now()))

    def begin(self, array: str, indices: Sequence[int]) -> None:
        """What these children waited for has changed: put those whose turn has come."""
        state = self._waiting(array)
        if state is not None:
            self._begin(state, [index for index in indices if index < state.size])

    def sweep(self, state: JobState, most: int) -> None:
        """Put up to `most` children of a stopped array that never began, as FAILED."""
        now = self._clock.now()
        expires = now // 1000 + self._retention
        end = min(state.swept + most, state.size)
        kind, reason = state.stop_kind or "terminate", state.stop or ""
        for index in self._unborn(state.id, range(state.swept, end)):
            self._put(by_index.never_began(state, index, now, expires, kind, reason))
        self._jobs.write(by_index.swept_to(state, end))

    def _begin(self, state: JobState, indices: Sequence[int]) -> bool:
        """Whether no later child can have its turn: each waits for the one before it."""
        spec = self._specs.load(state.id)
        wanted = Wanted(spec.extensions.get("depends-on", Wanted.SUCCEEDED))
        others = [d["jobId"] for d in of_others(spec.depends_on) if d.get("type")]
        unborn = self._unborn(state.id, indices)
        asked = {index: by_index.sources(state, others, index) for index in unborn}
        found = self._children.states(job for jobs in asked.values() for job in jobs)
        held_up = False
        for index, jobs in asked.items():
            verdict = by_index.verdict((found.get(job) for job in jobs), wanted)
            if verdict is not None:
                self._put(self._birth(state, index, verdict))
            held_up |= verdict is None
        return held_up and state.sequential

    def _birth(self, state: JobState, index: int, runs: bool) -> Sequence[Write]:
        now = self._clock.now()
        if runs:
            return by_index.begin_alone(state, index, now)
        return by_index.never_began(state, index, now, now // 1000 + self._retention)

    def _unborn(self, array: str, indices: Iterable[int]) -> list[int]:
        keys = {index: state_key(child_id(array, index)) for index in indices}
        found = self._jobs.get_many(list(keys.values()))
        return [index for index, key in keys.items() if key not in found]

    def _put(self, writes: Sequence[Write]) -> None:
        try:
            self._jobs.transact(writes)
        except TransactionRefused as refused:
            if refused.conflicted and not refused.failed:
                raise Throttled("a child met another write in flight") from refused

    def _waiting(self, array: str) -> JobState | None:
        item = self._jobs.get(state_key(array))
        state = state_of(item) if item else None
        free = state is not None and state.status is Status.RUNNABLE and state.stop is None
        return state if free and state and state.each else None
