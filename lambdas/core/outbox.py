"""What a job owes the world, read off its state.

`owed` looks at one state and names every effect that must have happened for it, or must happen
still; effects are values, so what a change *newly* owes is the difference of two states
(`newly_owed`: the stream's path), and what an overdue job owes is `owed` of it (`reconcile`'s and
the retry queue's path). Both paths carry out the same values, and every effect is idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lambdas.core.job import JobState, Status, Waiting, ecs_safe, family


@dataclass(frozen=True, slots=True)
class ExpandDependencies:
    """Write the next page of dependencies."""

    job: str
    page: int


@dataclass(frozen=True, slots=True)
class LeaveSubmitted:
    """Every page stands: go to PENDING, or to RUNNABLE when nothing is open."""

    job: str


@dataclass(frozen=True, slots=True)
class StartWait:
    """Start the execution that waits for dependencies or for the end of a backoff."""

    job: str
    attempt: int
    wait: int
    waiting: Waiting
    until: int | None

    @property
    def name(self) -> str:
        """The execution's name: closed names are refused for 90 days, so each wait has its own."""
        return f"{ecs_safe(self.job)}-{self.attempt}-{self.wait}"


@dataclass(frozen=True, slots=True)
class AnswerWait:
    """Answer the sleeping execution's token; `error` None is success."""

    job: str
    token: str
    error: str | None
    cause: str


@dataclass(frozen=True, slots=True)
class SendTicket:
    """Tell the queue's inbox to look at this job, and ring its cell's bell."""

    job: str
    queue: str
    ticket: int


@dataclass(frozen=True, slots=True)
class Launch:
    """Ask ECS to run this attempt's task (the `launch` function's, not `relay`'s)."""

    job: str
    run: str


@dataclass(frozen=True, slots=True)
class StopTask:
    """Ask ECS to stop this attempt's task."""

    job: str
    task: str
    reason: str


@dataclass(frozen=True, slots=True)
class ResolveDependents:
    """Tell every job that waits for this one how it ended."""

    job: str
    succeeded: bool
    fanned: int = 0  #: edges resolved so far: each round of a wide fan-out is an effect of its own
    settles: bool = field(default=True, compare=False)  #: it is all that is owed


@dataclass(frozen=True, slots=True)
class StopChildren:
    """Tell the children in flight of a stopped array; `swept` have been told so far."""

    array: str
    swept: int


@dataclass(frozen=True, slots=True)
class LookAtChildren:
    """Put the children of an array whose turn has come, from index `looked` on."""

    array: str
    looked: int


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """Tell those that wait for this very child, if there are any."""

    array: str
    index: int
    fanned: int = 0


@dataclass(frozen=True, slots=True)
class CloseArray:
    """End an array if its counters add up: each child's end asks, once a batch is enough."""

    array: str


@dataclass(frozen=True, slots=True)
class RingBell:
    """Capacity came free in this compute environment."""

    env: str


Effect = (
    ExpandDependencies
    | LeaveSubmitted
    | StartWait
    | AnswerWait
    | SendTicket
    | Launch
    | StopTask
    | ResolveDependents
    | StopChildren
    | LookAtChildren
    | ChildEnded
    | CloseArray
    | RingBell
)

#: The named failures that `wait` catches.
DEPENDENCY_FAILED = "DependencyFailed"
WITHDRAWN = "Withdrawn"

#: AWS Batch's words for a job whose dependency failed.
DEPENDENT_JOB_FAILED = "Dependent Job failed"


def owed(state: JobState) -> tuple[Effect, ...]:
    """Every effect this state calls for, in the order in which to carry them out."""
    match state.status:
        case Status.SUBMITTED:
            if state.expanded < state.pages:
                return (ExpandDependencies(state.id, state.expanded),)
            return (LeaveSubmitted(state.id),)
        case Status.PENDING:
            return _pending(state)
        case Status.RUNNABLE:
            return _runnable(state)
        case Status.STARTING | Status.RUNNING:
            return _live(state)
        case Status.SUCCEEDED | Status.FAILED:
            return _ended(state)


def newly_owed(old: JobState | None, new: JobState) -> tuple[Effect, ...]:
    """What a change of a job calls for that its state before did not, capacity it freed and the
    array it may complete included."""
    effects = owed(new)
    if effects and old:
        before = owed(old)
        effects = tuple(effect for effect in effects if effect not in before)
    if old and old.status.live and old.env and not new.status.live:
        effects += (RingBell(old.env),)
    if new.of and new.status.ended and not (old and old.status.ended):
        effects += (CloseArray(family(new.id)[0]),)
    return effects


def _pending(state: JobState) -> tuple[Effect, ...]:
    if state.token is None:
        return (StartWait(state.id, state.attempt, state.wait, Waiting.DEPENDENCIES, state.until),)
    if state.doomed:
        cause = f"{DEPENDENT_JOB_FAILED}: {state.doomed}"
        return (AnswerWait(state.id, state.token, DEPENDENCY_FAILED, cause),)
    if state.ready:
        return (AnswerWait(state.id, state.token, None, ""),)
    return ()


def _runnable(state: JobState) -> tuple[Effect, ...]:
    if state.waiting is Waiting.BACKOFF:
        return (StartWait(state.id, state.attempt, state.wait, Waiting.BACKOFF, state.until),)
    if state.waits_for_a_ticket:
        return (SendTicket(state.id, state.queue, state.ticket),)
    if state.next and state.stop:
        return (StopChildren(state.id, state.swept), CloseArray(state.id))
    if state.each and state.looked < state.size:
        return (LookAtChildren(state.id, state.looked), CloseArray(state.id))
    return (CloseArray(state.id),) if state.handed_out else ()


def _live(state: JobState) -> tuple[Effect, ...]:
    if state.task is None:
        return (Launch(state.id, state.run or ""),)
    if state.stop:
        return (StopTask(state.id, state.task, state.stop),)
    return ()


def _ended(state: JobState) -> tuple[Effect, ...]:
    effects: tuple[Effect, ...] = ()
    if state.token:
        effects += (AnswerWait(state.id, state.token, WITHDRAWN, state.status_reason or ""),)
    if state.fan:
        well, alone = state.status is Status.SUCCEEDED, state.waiting is None
        effects += (ResolveDependents(state.id, well, state.fanned, settles=alone),)
    if state.of:
        array, index = family(state.id)
        effects += (ChildEnded(array, index or 0, state.fanned),)
    return effects
