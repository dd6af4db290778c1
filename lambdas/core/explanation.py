"""Why a job waits, from facts about it as they are now: one cause, one sentence with numbers.

A tick writes a reason down when it parks a job (core.scheduling); numbers grow old. `explain` takes
what was read of the job, its queue's environments and its dependencies a moment ago, and says what
holds it now. What only a tick can know (a share's or a resource's limit, a reservation) is told in
the tick's own words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from lambdas.core.catalog import Environment
from lambdas.core.fitting import footprint, infeasible, vcpus
from lambdas.core.job import JobState, Status, Waiting
from lambdas.core.scheduling import Code, Room
from lambdas.core.shape import Shape


class Cause(StrEnum):
    """What holds a job, beside the scheduler's own codes (`scheduling.Code`)."""

    ENDED = "ENDED"  #: nothing: it has ended
    STARTED = "STARTED"  #: nothing: an attempt is live, or each child has had its turn
    STOPPING = "STOPPING"  #: it was cancelled or terminated
    HELD = "HELD"  #: a user holds it back
    DEPENDENCIES = "DEPENDENCIES"  #: other jobs have not ended yet
    BACKOFF = "BACKOFF"  #: the pause before the next attempt
    TICKET = "TICKET"  #: the scheduler has not looked at it yet
    TURN = "TURN"  #: there is room, the next tick decides


#: Codes of a tick that the numbers of the environments explain; any other is told as it was parked.
_BY_ROOM = frozenset({Code.CAPACITY, Code.ENVIRONMENTS, Code.INFEASIBLE})


@dataclass(frozen=True, slots=True)
class Awaited:
    """A dependency that has not ended: its id and its status as a client sees it."""

    job: str
    status: Status


@dataclass(frozen=True, slots=True)
class Place:
    """How many jobs of its queue wait before a job; `exact` unless only the first were counted."""

    ahead: int
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What was read about one job. `environments` are its queue's in order, DISABLED ones among
    them; `awaited` the open ones of `dependencies` jobs that it waits for."""

    state: JobState
    now: int
    environments: Sequence[Environment] = ()
    rooms: Mapping[str, Room] = field(default_factory=dict)
    place: Place | None = None
    dependencies: int = 0
    awaited: Sequence[Awaited] = ()


@dataclass(frozen=True, slots=True)
class Fit:
    """How a job stands to one environment; `needs` is None when it can never hold the job, all
    amounts are milli-vCPUs."""

    environment: str
    enabled: bool
    needs: int | None
    taken: int
    maximum: int
    told: str

    @property
    def has_room(self) -> bool:
        return self.enabled and self.needs is not None and self.needs <= self.maximum - self.taken


@dataclass(frozen=True, slots=True)
class Reason:
    """The answer: `cause` is a Cause or a scheduler's code, `until` epoch ms when time ends it."""

    cause: str
    sentence: str
    fits: tuple[Fit, ...] = ()
    until: int | None = None


def explain(facts: Facts) -> Reason:
    """What holds the job of these facts."""
    state = facts.state
    if state.status.ended:
        told = f": {state.status_reason}" if state.status_reason else ""
        return Reason(Cause.ENDED, f"it has {state.status.value}{told}")
    if state.status.live or state.handed_out:
        return Reason(Cause.STARTED, _started(state))
    if state.stop is not None:
        return Reason(Cause.STOPPING, f"it is being stopped: {state.stop}")
    if state.held is not None:
        return Reason(Cause.HELD, _held(state, facts.now))
    if state.status in (Status.SUBMITTED, Status.PENDING):
        return Reason(Cause.DEPENDENCIES, _dependencies(facts))
    if state.waiting is Waiting.BACKOFF:
        return Reason(Cause.BACKOFF, _backoff(state, facts.now), until=state.until)
    return _runnable(facts)


def _started(state: JobState) -> str:
    if state.size:
        return f"each of its {state.size:,} children has had its turn"
    return f"attempt {state.attempt} of {state.attempts} is {state.status.value} in {state.env}"


def _held(state: JobState, now: int) -> str:
    since = max(0, now - (state.held or now)) // 1000
    return f"it has been held for {since:,} s, and waits to be released"


def _dependencies(facts: Facts) -> str:
    if not facts.awaited:
        return f"all {facts.dependencies:,} jobs it waits for have ended: its release is on the way"
    first = facts.awaited[0]
    told = f"it waits for {len(facts.awaited):,} of {facts.dependencies:,} jobs"
    return f"{told}: {first.job} is {first.status.value}" + (
        f", and {len(facts.awaited) - 1:,} more" if len(facts.awaited) > 1 else ""
    )


def _backoff(state: JobState, now: int) -> str:
    why = state.why if state.launches else f"attempt {state.attempt} of {state.attempts} failed"
    left = max(0, (state.until or now) - now)
    return f"{why}; it is tried again in {-(-left // 1000):,} s"


def _runnable(facts: Facts) -> Reason:
    state = facts.state
    fits = tuple(_fit(state, env, facts.rooms.get(env.name)) for env in facts.environments)
    if state.lane is None:
        return Reason(Cause.TICKET, "the scheduler has not looked at it yet", fits)
    if state.why_code not in _BY_ROOM:
        return Reason(str(state.why_code), _placed(facts, str(state.why)), fits)
    code, told = _by_room(state, fits)
    return Reason(code, _placed(facts, told), fits)


def _by_room(state: JobState, fits: Sequence[Fit]) -> tuple[str, str]:
    """What the environments say, without the tick's judgement."""
    usable = [fit for fit in fits if fit.enabled]
    if not usable:
        names = ", ".join(f"{fit.environment} is DISABLED" for fit in fits) or "it has none"
        return Code.ENVIRONMENTS, f"no usable compute environment in queue {state.queue}: {names}"
    told = "; ".join(fit.told for fit in usable if fit.needs is not None)
    if not told:
        return Code.INFEASIBLE, "; ".join(fit.told for fit in usable)
    return (Cause.TURN if any(fit.has_room for fit in usable) else Code.CAPACITY), told


def _fit(state: JobState, env: Environment, room: Room | None) -> Fit:
    room = room or Room(env.max_milli_vcpus, 0)
    shape = Shape.parse(state.shape)
    needs = footprint(shape, env)
    told = infeasible(shape, [env]) or (
        f"{env.name}: needs {vcpus(needs or 0)}, "
        f"{room.taken / 1000:g} of {vcpus(room.maximum)} taken"
    )
    return Fit(env.name, env.enabled, needs, room.taken, room.maximum, told)


def _placed(facts: Facts, told: str) -> str:
    if facts.place is None:
        return told
    more = "" if facts.place.exact else "at least "
    before = f"{more}{facts.place.ahead:,} waiting before it" if facts.place.ahead else "the next"
    return f"{told}; {before} in queue {facts.state.queue}"
