"""What must hold of every single change, read off its record: the small print of the invariants.

Much that goes wrong is mended later, by `reconcile` or by chance, and leaves no trace in a world
that has come to rest. So each change of a table is held to what alone allows it, in the order in
which the changes were made.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from lambdas.core import outbox
from lambdas.core.job import JobState, Status, Waiting, family, state_of
from lambdas.core.scheduling import lane, rank
from lambdas.core.tables import Change, Key, Query
from lambdas.core.updates import OWED_WITHIN
from lambdas.services.bell import LOST_AFTER
from simulator.fargate import REMEMBERED
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a job: before, after, when (epoch ms), and how far clocks are off (ms)."""

    old: JobState | None
    new: JobState
    now: int
    slack: int

    @property
    def starts(self) -> bool:
        return self.new.status is Status.STARTING and not (
            self.old and self.old.status is Status.STARTING
        )

    @property
    def same_attempt(self) -> bool:
        return bool(self.old and self.old.run and self.old.run == self.new.run)


class Changes:
    """Takes every change of the jobs and the capacity table in order; `never` are the attempts
    (`startedBy`) of which it was said that they never had a task."""

    def __init__(self, world: World) -> None:
        self.never: set[str] = set()
        self._world = world
        self._ended: dict[str, int] = {}  #: attempts (`startedBy`), and when
        self._next: dict[str, int] = {}  #: of each array: the first index not handed out
        self._on_their_way: dict[str, set[str]] = defaultdict(set)  #: children by array
        self._cap: dict[str, int] = {}  #: of arrays: how many children may be under way at once
        self._edges: dict[tuple[str, int], set[str]] = defaultdict(set)  #: by dependent and page
        self._waiting: dict[str, set[str]] = defaultdict(set)  #: dependents by dependency
        self._late_edges: set[Key] = set()  #: written when their dependency had ended
        self._to_be_told: dict[str, set[str]] = {}  #: of these, those who waited when it ended

    def broken_by(self, change: Change) -> Iterator[str]:
        """What this change of the jobs table breaks, one sentence each."""
        kind, job = change.key.sk.partition("#")[0], change.key.pk.removeprefix("JOB#")
        match kind:
            case "STATE" if change.new:
                old = state_of(change.old) if change.old else None
                yield from self._of_job(old, state_of(change.new))
            case "EDGE":
                self._edge(change)
            case "PAGE" if change.old and change.new:
                yield from self._of_page(job, change)
            case "ATTEMPT" if change.old and change.new and change.old.get("stopped"):
                if change.old["run"] != change.new["run"]:
                    yield f"I7: job {job} forgets how {change.key.sk} ended"
            case "COUNT" if change.new:
                yield from _shrunk(change, "I5", "succeeded", "failed")

    def left_by(self, function: str, batch: Iterable[Change]) -> Iterator[str]:
        """I3: whoever is second sees both. An edge that came late is gone when it was looked at,
        or was put off."""
        if function != "relay":
            return
        late = {change.key for change in batch if change.old is None} & self._late_edges
        put_off = (
            {facts["job"] for facts in self._world.journal.events("effect put off")} if late else ()
        )
        for key in late:
            edge = self._world.tables.jobs.peek(key)
            if edge and edge["dependent"] not in put_off:
                yield f"I3: {edge['dependent']} waits for {edge['dependency']}, which had ended"

    def broken_in_capacity(self, change: Change) -> Iterator[str]:
        """The same of a change of the capacity table."""
        old, new = change.old or {}, change.new or {}
        if change.key.sk in ("LEDGER", "RELEASED"):
            yield from _shrunk(change, "I4", "taken", "released")
        if change.key.pk.startswith("LANES#") and change.new is None:
            yield from self._forgotten_lane(change)
        if change.key.sk == "BELL" and old.get("rung") and new["number"] != old["number"]:
            lasted = self._world.clock.now() - old["rung_at"]
            if lasted + 2 * self._world.faults.odds.skew < LOST_AFTER:
                yield f"{change.key.pk} is rung again {lasted} ms after it was rung"

    def _forgotten_lane(self, change: Change) -> Iterator[str]:
        """I8: nobody is parked where no tick looks."""
        tables, name = self._world.tables, change.key.sk
        parked = tables.jobs.query(Query(name, index="by_lane", limit=1)).items
        if parked and tables.capacity.get(change.key) is None:
            yield f"I8: lane {name} is forgotten, and {parked[0]['pk']} is parked in it"

    def twice(self) -> Iterator[str]:
        """I2: what was said never to have had a task has none, as far as anybody could know."""
        lost = self.forgotten()
        for arn, task in self._world.fargate.made.items():
            if task.request["startedBy"] in self.never - lost:
                yield f"I2: {task.request['startedBy']} was said to have no task, it has {arn}"

    def forgotten(self) -> set[str]:
        """Attempts (`startedBy`) that ended when ECS had forgotten their task."""
        lost = set()
        for task in self._world.fargate.made.values():
            ended = self._ended.get(task.request["startedBy"])
            if task.stopped and ended and ended >= task.stopped + REMEMBERED:
                lost.add(task.request["startedBy"])
        return lost

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────

    def _of_job(self, old: JobState | None, new: JobState) -> Iterator[str]:
        step = Step(old, new, self._world.clock.now(), self._world.faults.odds.skew)
        for rule in RULES:
            for said in rule(step):
                yield f"{said[:2]}: job {new.id} {said[4:]}"
        if old and old.status.live and not new.status.live:
            self._ended[old.started_by] = step.now
            if _never_had_a_task(old, new):
                self.never.add(old.started_by)
        yield from self._its_own_task(step)
        yield from self._tells_dependents(step)
        if new.size:
            yield from self._of_array(step)
        elif new.of:
            yield from self._of_child(step)

    def _its_own_task(self, step: Step) -> Iterator[str]:
        new, before = step.new, step.old.task if step.old else None
        if new.task is None or new.task == before:
            return
        task = self._world.fargate.made.get(new.task)
        if task and task.request["startedBy"] != new.started_by:
            yield f"I2: job {new.id} has the task of {task.request['startedBy']}"
        if before and step.same_attempt:
            yield f"I2: job {new.id} had task {before}, and has {new.task}"

    def _tells_dependents(self, step: Step) -> Iterator[str]:
        """Who waited when a job ended is told before it owes nothing more."""
        old, new = step.old, step.new
        if not new.status.ended:
            return
        told_by_now = self._to_be_told.setdefault(new.id, set(self._waiting[new.id]))
        settles = old and old.status.ended and old.due_at is not None and new.due_at is None
        if settles and (left := told_by_now & self._waiting[new.id]):
            yield f"I3: job {new.id} owes nothing more, and {sorted(left)} wait for it"

    def _of_array(self, step: Step) -> Iterator[str]:
        old, new = step.old, step.new
        self._next[new.id] = new.next
        self._cap[new.id] = new.parallel
        if old and new.next < old.next:
            yield f"I5: array {new.id} goes back from {old.next} to {new.next}"
        if old and old.stop and new.next > old.next:
            yield f"I3: array {new.id} was stopped, and hands out {old.next} to {new.next}"
        if new.status.ended and not (old and old.status.ended) and self._on_their_way[new.id]:
            yield f"I5: array {new.id} ends before {sorted(self._on_their_way[new.id])}"

    def _of_child(self, step: Step) -> Iterator[str]:
        new = step.new
        array, index = family(new.id)
        on_their_way = self._on_their_way[array]
        (on_their_way.discard if new.status.ended else on_their_way.add)(new.id)
        if step.old is None and 0 < self._cap.get(array, 0) < len(on_their_way):
            yield f"I4: {len(on_their_way)} children of {array} are under way at once"
        if step.old is None and (index or 0) >= self._next[array] and new.status.live:
            yield f"I5: child {new.id} starts before its turn"
        alone = new.kept  # its array waits index by index: it is put when its own turn comes
        if step.old is None and (index or 0) < self._next[array] and not (new.status.live or alone):
            yield f"I5: child {new.id} is withdrawn after its turn"

    # ── dependencies ──────────────────────────────────────────────────────────────────────────

    def _edge(self, change: Change) -> None:
        edge = change.new or change.old or {}
        known = self._edges[edge["dependent"], edge["page"]]
        (known.add if change.new else known.discard)(edge["dependency"])
        waiting = self._waiting[edge["dependency"]]
        (waiting.add if change.new else waiting.discard)(edge["dependent"])
        if edge["dependency"] in self._to_be_told and change.new:
            self._late_edges.add(change.key)

    def _of_page(self, job: str, change: Change) -> Iterator[str]:
        """A page counts the edges that name it."""
        number, left = int(change.key.sk.removeprefix("PAGE#")), (change.new or {})["open"]
        if left != (edges := len(self._edges[job, number])):
            yield f"I6: page {number} of job {job} says {left} open, and {edges} are"


def _never_had_a_task(old: JobState, new: JobState) -> bool:
    """An attempt is over, and does not count; or it does, and no task is named."""
    return new.attempt < old.attempt or (new.status.ended and new.task is None)


# ── rules of one change of one job: the invariant, and a sentence that follows the job's name ─────


def _what_is_owed_is_written_down(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if new.due_at is None and new.status.live:
        yield f"I3: is {new.status} and nobody will look at it"
    if old and old.status.ended and old.fan == new.fan:
        return
    before = outbox.owed(old) if old else ()
    soon = step.now + OWED_WITHIN + step.slack
    for effect in outbox.owed(new):
        if isinstance(effect, outbox.ChildEnded):
            continue  # those that wait for a child ask for themselves, in time
        patient = isinstance(effect, outbox.CloseArray | outbox.AnswerWait)
        late = new.due_at is None or (new.due_at > soon and not patient)
        if late and effect not in before:
            yield f"I3: owes {type(effect).__name__} and is due at {new.due_at} only"


def _an_attempt_begins_when_it_may(step: Step) -> Iterator[str]:
    if not step.starts or step.old is None:
        return
    if step.old.waiting:
        yield f"I6: starts while it waits ({step.old.waiting})"
    if step.old.stop:
        yield "I3: starts although its end was asked for"
    if step.new.attempt != step.old.attempt + 1:
        yield f"I7: begins attempt {step.new.attempt} after attempt {step.old.attempt}"


def _a_wish_to_stop_stands(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if old is None or old.stop is None:
        return
    if new.status.live and step.same_attempt and new.stop != old.stop:
        yield f"I3: was to stop for {old.stop!r}, now for {new.stop!r}"
    if old.status.live and new.status is Status.RUNNABLE:
        yield "I3: is tried again although its end was asked for"


def _an_attempt_has_its_time(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if not new.timeout:
        return
    ends = (new.started or step.now) + new.timeout * 1000
    begins = new.status is Status.RUNNING and old is not None and old.status is Status.STARTING
    if begins and new.due_at is not None and new.due_at > ends:
        yield "I3: is not looked at when its time is up"
    if new.stop_kind == "timeout" and old and old.stop is None and step.now + step.slack < ends:
        yield f"I3: is stopped {ends - step.now} ms before its time is up"


def _numbers_only_grow(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if old and (new.created != old.created or new.ticket < old.ticket or new.wait < old.wait):
        yield f"I9: goes back to ticket {new.ticket} and wait {new.wait}"


def _what_has_ended_stays(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if old is None or not old.status.ended:
        return
    for name in _LASTING:
        if getattr(old, name) != getattr(new, name):
            yield f"I1: has ended, and {name} goes from {getattr(old, name)} to {getattr(new, name)}"


def _a_debt_is_not_put_off(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if old is None or new.due_at is None or old.due_at == new.due_at:
        return
    late = new.due_at - step.now - OWED_WITHIN - step.slack
    if late > 0 and any(isinstance(effect, _PROMPT) for effect in outbox.owed(new)):
        yield f"I3: puts off what it owes by {late} ms"


_LASTING = (
    *("status", "attempt", "run", "task", "started", "stopped", "exit", "reason"),
    *(
        "status_reason",
        "stop",
        "stop_kind",
        "doomed",
        "expanded",
        "pages",
        "lane",
        "ticket",
        "wait",
    ),
)

#: What is paid at once, or within two minutes.
_PROMPT = (
    outbox.SendTicket | outbox.Launch | outbox.LeaveSubmitted | outbox.ExpandDependencies
) | outbox.ResolveDependents


def _only_who_may_start_stands_in_a_lane(step: Step) -> Iterator[str]:
    new = step.new
    if new.lane is None:
        return
    if new.due_at is not None:
        yield "I8: is parked, and looked at as if it owed something"
    if not new.placeable:
        yield f"I8: is {new.status} ({new.waiting}, {new.stop}) in lane {new.lane}"
    elif (new.lane, new.rank) != (lane(new), rank(new)):
        yield f"I8: stands in lane {new.lane} at {new.rank}, not at {rank(new)}"


def _a_wait_ends_when_it_is_over(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if old is None or new.status is not Status.RUNNABLE:
        return
    backoff = old.waiting is Waiting.BACKOFF and new.waiting is None
    if backoff and step.now < (old.until or 0):
        yield f"I6: is back {(old.until or 0) - step.now} ms before its backoff ends"
    if old.status in (Status.SUBMITTED, Status.PENDING) and not old.ready:
        yield "I6: is RUNNABLE while something is open"
    if old.status in (Status.SUBMITTED, Status.PENDING) and old.doomed:
        yield f"I6: is RUNNABLE although {old.doomed} failed"


def _a_wait_is_of_a_job_that_waits(step: Step) -> Iterator[str]:
    old, new = step.old, step.new
    if new.token and not (old and old.token == new.token):
        if new.status is not Status.PENDING:
            yield f"I3: is {new.status} and an execution sleeps on it"
        if old and old.token:
            yield "I3: forgets the execution that slept on it"
    if new.doomed and not (old and old.doomed) and new.status.live:
        yield "I6: is doomed when it runs"
    if max(new.expanded, new.closed) > new.pages:
        yield f"I6: counts {new.expanded} and {new.closed} of {new.pages} pages"


RULES: tuple[Callable[[Step], Iterable[str]], ...] = (
    _what_is_owed_is_written_down,
    _an_attempt_begins_when_it_may,
    _a_wish_to_stop_stands,
    _an_attempt_has_its_time,
    _only_who_may_start_stands_in_a_lane,
    _a_wait_ends_when_it_is_over,
    _a_wait_is_of_a_job_that_waits,
    _numbers_only_grow,
    _what_has_ended_stays,
    _a_debt_is_not_put_off,
)


def _shrunk(change: Change, invariant: str, *names: str) -> Iterator[str]:
    """Counters only grow."""
    old, new = change.old or {}, change.new or {}
    for name in names:
        if new.get(name, 0) < old.get(name, 0):
            yield f"{invariant}: {change.key.pk} goes back from {old[name]} {name} to {new[name]}"
