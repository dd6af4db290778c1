"""What a job did from its submission to its end, as the jobs table's changes tell it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from lambdas.core.job import JobState, Status, Waiting, state_of
from lambdas.core.ports import Clock
from lambdas.core.scheduling import Code
from lambdas.core.tables import Change
from simulator.workloads.model import Job


class Phase(StrEnum):
    """What a job does, or waits for, at a moment."""

    DEPENDENCIES = "dependencies"  #: other jobs
    TICKET = "scheduler"  #: for a scheduler to look at it
    CAPACITY = "capacity"  #: for room in an environment
    RATE = "launch rate"  #: for its turn among launches, and for its task
    BACKOFF = "backoff"  #: for the pause before a retry to end
    STARTING = "start-up"  #: for its task to run
    RUNNING = "running"
    ENDING = "bookkeeping"  #: stopped, and the platform is yet to say so


#: In the order of a job's life.
WAITS = (
    Phase.DEPENDENCIES,
    Phase.TICKET,
    Phase.CAPACITY,
    Phase.RATE,
    Phase.BACKOFF,
    Phase.STARTING,
    Phase.ENDING,
)
_RATE = frozenset({Code.RATE.value})


@dataclass(frozen=True, slots=True)
class Span:
    """A job's stay in one phase, from `begin` until `end` (ms after the beginning)."""

    phase: Phase
    begin: int
    end: int
    env: str = ""  #: the environment it waits or runs in, where one is known
    attempt: int = 0
    failed: bool = False  #: a run that failed

    @property
    def length(self) -> int:
        return self.end - self.begin


@dataclass(slots=True)
class Trace:
    """One job's spans, in their order and without gaps, and how it ended."""

    job: Job
    submitted: int
    spans: list[Span] = field(default_factory=list)
    ended: int | None = None
    succeeded: bool = False
    reason: str = ""

    @property
    def runs(self) -> list[Span]:
        return [span for span in self.spans if span.phase is Phase.RUNNING]


class Recorder:
    """Watches the jobs table; `traces` has one for each job of `jobs` that came to be.

    Sees to it that no job starts before all it waits for have succeeded (I6): `broken` tells.
    """

    def __init__(self, jobs: Sequence[Job], clock: Clock) -> None:
        self.traces: dict[int, Trace] = {}
        self.broken: list[str] = []
        self.unended = 0
        self.began = clock.now()
        self._jobs = jobs
        self._clock = clock
        self._since: dict[int, tuple[Phase, int, JobState]] = {}

    def on_invoked(self, function: str, error: BaseException | None) -> None:
        """Nobody's: what a function does is seen in what it writes."""

    def on_change(self, change: Change) -> None:
        if change.key.sk == "STATE" and change.new:
            state = state_of(change.new)
            self._moved(int(state.name.removeprefix("job-")), state)

    def _moved(self, place: int, state: JobState) -> None:
        now = self._clock.now() - self.began
        phase = phase_of(state)
        if place not in self.traces:
            begin = state.created - self.began
            self.traces[place] = Trace(self._jobs[place], begin)
            self.unended += 1
            self._since[place] = phase or Phase.TICKET, begin, state
            return
        if place not in self._since:
            return  # it has ended, and something it owed is done
        known, begin, before = self._since[place]
        if state.status is Status.STARTING and before.status is not Status.STARTING:
            self._may_start(place)
        if phase is known and state.attempt == before.attempt:
            self._since[place] = known, begin, state
            return
        begins = self._close(place, state, now)
        if phase is None:
            self._end(place, state, now)
        else:
            self._since[place] = phase, begins, state

    def _close(self, place: int, state: JobState, now: int) -> int:
        """Write down the phase that is over; when the next one began."""
        phase, begin, before = self._since[place]
        spans = self.traces[place].spans
        if before.status.live and not (state.status.live and state.run == before.run):
            spans += self._ran(place, state, now)
            return now
        end = max(self.traces[place].submitted, self._ends_at(state, now))
        _cut(spans, end)
        if end > begin:
            spans.append(Span(phase, begin, end, before.env or "", before.attempt))
        return end

    def _ends_at(self, state: JobState, now: int) -> int:
        """When the phase before this one was over: as the platform says, where it says so."""
        if state.status is Status.RUNNING and state.started is not None:
            return state.started - self.began
        if state.status is Status.STARTING and state.task is None and state.claimed is not None:
            return state.claimed - self.began
        return now

    def _ran(self, place: int, state: JobState, now: int) -> Iterator[Span]:
        """The rest of an attempt that is over: it may have run before anybody wrote it down."""
        phase, begin, before = self._since[place]
        of = before.env or "", before.attempt
        started = self._started(state) if phase is not Phase.RUNNING else begin
        _cut(self.traces[place].spans, begin if started is None else started)
        if phase is not Phase.RUNNING and (started or now) > begin:
            yield Span(phase, begin, started or now, *of)
        if started is None:
            return
        runs = self._jobs[place].goes_at(before.attempt).runs
        stopped = state.stopped - self.began if state.stopped else started + runs
        stopped = max(started, min(stopped, now))
        yield Span(Phase.RUNNING, started, stopped, *of, state.status is not Status.SUCCEEDED)
        if now > stopped:
            yield Span(Phase.ENDING, stopped, now, *of)

    def _started(self, state: JobState) -> int | None:
        return None if state.started is None else state.started - self.began

    def _end(self, place: int, state: JobState, now: int) -> None:
        trace = self.traces[place]
        trace.ended = now
        trace.succeeded = state.status is Status.SUCCEEDED
        trace.reason = state.status_reason or ""
        del self._since[place]
        self.unended -= 1

    def _may_start(self, place: int) -> None:
        for parent in self._jobs[place].parents:
            if not self.traces[parent].succeeded:
                names = self._jobs[place].name, self._jobs[parent].name
                self.broken.append(f"I6: {names[0]} starts, {names[1]} has not succeeded")


def _cut(spans: list[Span], at: int) -> None:
    """Let nothing last beyond this: a change is seen later than the moment that it tells of."""
    while spans and spans[-1].end > at:
        last = spans.pop()
        if last.begin < at:
            spans.append(replace(last, end=at))


def phase_of(state: JobState) -> Phase | None:
    """What a job in this state does, or waits for; None once it has ended."""
    if state.status.ended:
        return None
    if state.status in (Status.SUBMITTED, Status.PENDING):
        return Phase.DEPENDENCIES
    if state.status is Status.RUNNING:
        return Phase.RUNNING
    if state.status is Status.STARTING:
        return Phase.STARTING if state.task else Phase.RATE
    if state.waiting is Waiting.BACKOFF:
        return Phase.BACKOFF
    if state.why_code is None:
        return Phase.TICKET
    return Phase.RATE if state.why_code in _RATE else Phase.CAPACITY
