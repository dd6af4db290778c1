"""The invariants of DESIGN section 2, as checks of a world's tables once it is quiet."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from lambdas.core.job import JobState, state_of
from simulator.world import World


def violations(world: World) -> list[str]:
    """Every invariant that does not hold, one sentence each; [] when all do."""
    states = [state_of(item) for item in world.tables.jobs.scan() if item["sk"] == "STATE"]
    return [
        *_one_task_an_attempt(world),
        *_one_live_task_a_job(world),
        *_exact_ledgers(world, states),
        *_bounded_attempts(states),
    ]


def _one_task_an_attempt(world: World) -> Iterator[str]:
    """I2: an attempt has at most one ECS task."""
    made = Counter(task.request["startedBy"] for task in world.tasks.tasks.values())
    for started_by, tasks in made.items():
        if tasks > 1:
            yield f"I2: attempt {started_by} has {tasks} tasks"


def _one_live_task_a_job(world: World) -> Iterator[str]:
    """I2: a job has at most one task that runs."""
    live = Counter(
        task.request["startedBy"].split("/")[0]
        for task in world.tasks.tasks.values()
        if task.status != "STOPPED"
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


def _bounded_attempts(states: list[JobState]) -> Iterator[str]:
    """I7: attempts never pass the retry strategy."""
    for state in states:
        if state.attempt > state.attempts:
            yield f"I7: job {state.id} made {state.attempt} attempts of {state.attempts}"
