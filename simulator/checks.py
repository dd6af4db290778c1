"""The invariants of DESIGN section 2, as checks of a world: once it is quiet, and all the while."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from lambdas.core import arrays
from lambdas.core.dependencies import EACH, Wanted
from lambdas.core.errors import BatchyardError
from lambdas.core.extensions import LOSSES
from lambdas.core.job import (
    ARRAY_TRANSITIONS,
    TRANSITIONS,
    JobState,
    Status,
    child_id,
    ecs_safe,
    family,
    state_of,
)
from lambdas.core.tables import Change
from lambdas.services.shares import ShareUsage
from simulator.changes import Changes
from simulator.faults import Crash
from simulator.world import World


def violations(world: World, forgotten: Collection[str] = ()) -> list[str]:
    """Every invariant that does not hold in a world that is quiet, one sentence each; [] when all do.

    `forgotten` are attempts (`startedBy`) whose task nobody heard of before ECS forgot it: they do
    not count.
    """
    states = _states(world)
    return [
        *_one_task_an_attempt(world),
        *_one_live_task_a_job(world),
        *_exact_ledgers(world, states),
        *_exact_shares(world, states),
        *_bounded_attempts(world, states, forgotten),
        *_counters_add_up(world, states),
    ]


def unfinished(world: World) -> list[str]:
    """What is left over in a world where nothing should be: every job ended and nothing owed."""
    states = _states(world)
    return [
        *_all_ended(states),
        *_nothing_owed(states),
        *_no_edges(world),
        *_no_live_tasks(world),
        *(f"{pk}: its wait is still asleep" for pk in world.machine.asleep),
        *(f"I3: execution {name} has the name of another wait" for name in world.waits.clashes),
    ]


class Watch:
    """Sees every change as it happens. `found` are the violations, `story` every change by job."""

    def __init__(self, world: World) -> None:
        self.found: list[str] = []
        self.story: dict[str, list[str]] = defaultdict(list)
        self._world = world
        self._status: dict[str, Status] = {}
        self._waits_for: dict[str, tuple[Mapping[str, str], ...]] = {}
        self._wanted: dict[str, Wanted] = {}
        self._live: dict[str, str] = {}
        self._changes = Changes(world)
        self._environments = tuple(world.platform.catalog.snapshot().environments.values())

    def on_change(self, change: Change) -> None:
        job = change.key.pk.removeprefix("JOB#")
        self._tell(job, change)
        self.found += self._changes.broken_by(change)
        if change.key.sk == "SPEC" and change.new:
            self._waits_for[job] = tuple(change.new.get("depends_on") or ())
            said = change.new.get("extensions") or {}
            self._wanted[job] = Wanted(said.get("depends-on", Wanted.SUCCEEDED))
        if change.key.sk == "STATE" and change.new:
            self._moved(job, change.old, state_of(change.new))

    def on_capacity_change(self, change: Change) -> None:
        self.found += self._changes.broken_in_capacity(change)

    def on_delivered(self, function: str, batch: Iterable[Change]) -> None:
        self.found += self._changes.left_by(function, batch)

    def at_rest(self) -> list[str]:
        """Everything that was found, once the world has come to rest."""
        return [*self.found, *self._changes.twice()]

    def forgotten(self) -> set[str]:
        """Attempts (`startedBy`) that ended when ECS had forgotten their task: nobody can know how
        it went."""
        return self._changes.forgotten()

    def on_invoked(self, function: str, error: BaseException | None) -> None:
        if error and not isinstance(error, BatchyardError | Crash):
            self.found.append(f"{function} died of {error!r}")
        for env in self._environments:
            used = self._world.in_use(env.name)
            if used > env.max_milli_vcpus:
                self.found.append(f"I4: {env.name} has {used} in use of {env.max_milli_vcpus}")
        self._one_live_task()

    def _moved(self, job: str, old: Mapping[str, Any] | None, state: JobState) -> None:
        self._status[job] = state.status
        before = Status(old["status"]) if old else None
        allowed = ARRAY_TRANSITIONS if state.size else TRANSITIONS
        if before and before is not state.status and state.status not in allowed[before]:
            self.found.append(f"I1: job {job} went from {before} to {state.status}")
        if state.status is Status.STARTING and before is not Status.STARTING:
            wanted = self._wanted.get(family(job)[0], Wanted.SUCCEEDED)
            for dependency in self._awaited(job):
                status = self._status.get(dependency, self._status.get(family(dependency)[0]))
                if not (status and status.ended and wanted.met_by(status)):
                    self.found.append(f"I6: job {job} starts, {dependency} has not {wanted}")

    def _awaited(self, job: str) -> Iterator[str]:
        """What a job waits for, or a child of an array that waits index by index."""
        submitted, index = family(job)
        for dependency in self._waits_for.get(submitted, ()):
            kind = dependency.get("type")
            if kind == "SEQUENTIAL" and index:
                yield child_id(submitted, index - 1)
            elif kind == "N_TO_N" and index is not None:
                yield child_id(dependency["jobId"], index)
            elif not kind:
                yield dependency["jobId"]

    def _one_live_task(self) -> None:
        """I2: a job has at most one task that runs, at every moment."""
        for arn, task in self._world.tasks.tasks.items():
            if task.status == "STOPPED" or arn not in self._world.fargate.made:
                continue
            job = task.request["startedBy"].split("/")[0]
            other = self._live.get(job)
            known = self._world.tasks.tasks.get(other) if other else None
            if known and other != arn and known.status != "STOPPED":
                found = f"I2: job {job} has two live tasks, {other} and {arn}"
                if found not in self.found:
                    self.found.append(found)
            else:
                self._live[job] = arn

    def _tell(self, job: str, change: Change) -> None:
        old, new = change.old or {}, change.new or {}
        names = [n for n in sorted({*old, *new}) if old.get(n) != new.get(n) and n not in _DULL]
        told = ", ".join(f"{name} {old.get(name)} → {new.get(name)}" for name in names)
        self.story[job].append(f"{self._world.clock.now() - _EPOCH:>9} {change.key.sk}: {told}")


_DULL = frozenset({"pk", "sk", "schema", "list_key", "list_sort", "due_shard", "request"})
_EPOCH = 1_767_225_600_000


def _states(world: World) -> list[JobState]:
    return [state_of(item) for item in world.tables.jobs.scan() if item["sk"] == "STATE"]


def _one_task_an_attempt(world: World) -> Iterator[str]:
    """I2: an attempt has at most one ECS task."""
    made = Counter(task.request["startedBy"] for task in world.fargate.made.values())
    for started_by, tasks in made.items():
        if tasks > 1:
            yield f"I2: attempt {started_by} has {tasks} tasks"


def _one_live_task_a_job(world: World) -> Iterator[str]:
    """I2: a job has at most one task that runs."""
    live = Counter(
        task.request["startedBy"].split("/")[0]
        for arn, task in world.tasks.tasks.items()
        if task.status != "STOPPED" and arn in world.fargate.made
    )
    for job, tasks in live.items():
        if tasks > 1:
            yield f"I2: job {job} has {tasks} live tasks"


def _exact_ledgers(world: World, states: list[JobState]) -> Iterator[str]:
    """I4: a ledger is the sum over its live attempts, within its maximum."""
    held: dict[str, int] = defaultdict(int)
    for state in states:
        if state.status.live and state.env:
            held[state.env] += state.taken
    for env in world.platform.catalog.snapshot().environments.values():
        used = world.in_use(env.name)
        if used != held[env.name]:
            yield f"I4: {env.name} says {used} milli-vCPUs in use, its attempts hold {held[env.name]}"
        if used > env.max_milli_vcpus:
            yield f"I4: {env.name} has {used} milli-vCPUs in use of {env.max_milli_vcpus}"


def _exact_shares(world: World, states: list[JobState]) -> Iterator[str]:
    """I4 of shares: what a share runs is the sum over its live attempts."""
    held: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for state in states:
        if state.share and state.status.live:
            held[state.queue][state.share] += state.taken
    queues = world.platform.catalog.snapshot().queues.values()
    usage = ShareUsage(world.tables.capacity, world.platform.catalog)
    for name, (_, standing) in usage.of(queues, world.clock.now()).items():
        found = {share: told.usage.running for share, told in standing.items()}
        for share in sorted(found.keys() | held[name].keys()):
            if found.get(share, 0) != held[name].get(share, 0):
                yield (
                    f"I4: share {share} of {name} says {found.get(share, 0)} milli-vCPUs running, "
                    f"its attempts hold {held[name].get(share, 0)}"
                )


def _bounded_attempts(
    world: World, states: list[JobState], forgotten: Collection[str]
) -> Iterator[str]:
    """I7: attempts, and the tasks made for them, never pass the retry strategy."""
    made = (task.request["startedBy"] for task in world.fargate.made.values())
    tasks = Counter(name.split("/")[0] for name in made if name not in forgotten)
    for state in states:
        most = max(state.attempt, tasks[ecs_safe(state.id)])
        if most > state.attempts + state.lost:
            yield f"I7: job {state.id} made {most} attempts of {state.attempts}"
        if state.lost > LOSSES:
            yield f"I7: job {state.id} was spared {state.lost} losses of {LOSSES}"


def _counters_add_up(world: World, states: list[JobState]) -> Iterator[str]:
    """I5: an array's counters say what became of its children, and add up to its size."""
    ends = Counter((family(s.id)[0], s.status) for s in states if s.of and s.status.ended)
    for array in (state for state in states if state.size):
        keys = arrays.count_keys(array.id, array.size)
        counts = arrays.counts(world.tables.jobs.get_many(keys).values())
        found = (ends[array.id, Status.SUCCEEDED], ends[array.id, Status.FAILED])
        ahead = _cancelled_ahead(array, states)
        all_kept = world.settings.retention_days > 0  # else children expire before their array
        if all_kept and (counts.succeeded, counts.failed + ahead) != found:
            yield f"I5: array {array.id} counts {counts}, its children ended {found}"
        if array.each and not array.looked and not array.swept:
            continue  # it was withdrawn before the turn of any child came
        if array.status.ended and counts.ended + array.size - array.next != array.size:
            yield f"I5: array {array.id} of {array.size} ended with {counts} of {array.next}"


def _cancelled_ahead(array: JobState, states: list[JobState]) -> int:
    """Children that were cancelled and whose turn has not come: counted when it does."""
    mine = (family(state.id) for state in states if state.of)
    return sum(job == array.id and (index or 0) >= array.next for job, index in mine)


def _all_ended(states: list[JobState]) -> Iterator[str]:
    for state in states:
        if not state.status.ended:
            yield f"I3: job {state.id} is {state.status} still"


def _nothing_owed(states: list[JobState]) -> Iterator[str]:
    for state in states:
        if state.status.ended and state.due_at is not None:
            yield f"job {state.id} is {state.status} and owes something still"
        if state.lane is not None and state.status is not Status.RUNNABLE:
            yield f"job {state.id} is {state.status} in lane {state.lane}"


def _no_edges(world: World) -> Iterator[str]:
    for item in world.tables.jobs.scan():
        if item["sk"].startswith(("EDGE#", EACH)):
            yield f"I3: {item['dependent']} still waits for {item['dependency']}"


def _no_live_tasks(world: World) -> Iterator[str]:
    """I10: no task outlives its attempt."""
    for arn, task in world.tasks.tasks.items():
        if task.status != "STOPPED":
            yield f"I10: {arn} of {task.request['startedBy']} lives on"
