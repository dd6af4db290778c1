"""The invariants that have a bound in time, in a world that nothing troubles any more."""

from __future__ import annotations

from collections.abc import Iterator

from lambdas.core.arrays import room_for
from lambdas.core.catalog import Catalog
from lambdas.core.fitting import footprint
from lambdas.core.job import JobState, job_of_started_by, state_key, state_of
from lambdas.core.shape import Shape
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.children import Children
from simulator.world import World

#: How far apart a world is looked at (minutes): nothing that could start waits so long.
APART = 10

Place = tuple[str, int, int, int]


def with_room(world: World) -> set[Place]:
    """I8: what could start just now, and has not: the job, and how far it has come."""
    catalog = CatalogStore(world.tables.catalog, world.clock).snapshot()
    states = (state_of(i) for i in world.tables.jobs.scan() if i["sk"] == "STATE")
    return {
        (state.id, state.attempt, state.launches, state.next)
        for state in states
        if state.placeable and _has_room(world, catalog, state) and _has_turn(world, state)
    }


def outlived(world: World) -> Iterator[str]:
    """I10: tasks whose attempt is over, although every orphan has been looked for since."""
    for arn, task in world.tasks.tasks.items():
        named = job_of_started_by(task.request["startedBy"])
        if named is None or task.status == "STOPPED":
            continue
        item = world.tables.jobs.peek(state_key(named[0]))
        state = state_of(item) if item else None
        if state is None or state.run != named[1] or not state.status.live:
            yield f"I10: {arn} of {task.request['startedBy']} outlives its attempt"


def _has_turn(world: World, state: JobState) -> bool:
    """Not an array of which as many children are under way as may be."""
    if not state.parallel:
        return True
    return room_for(state, Children(world.tables.jobs).under_way([state])[state.id]) > 0


def _has_room(world: World, catalog: Catalog, state: JobState) -> bool:
    queue = catalog.queues.get(state.queue)
    for name in queue.environments if queue else ():
        env = catalog.environments.get(name)
        needs = footprint(Shape.parse(state.shape), env) if env and env.enabled else None
        if env and needs is not None and world.in_use(name) + needs <= env.max_milli_vcpus:
            return True
    return False
