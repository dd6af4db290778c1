"""What was promised to who submitted: every job ends, as its program says or as a user asked."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from lambdas.core.arrays import CHILD_FAILED
from lambdas.core.job import JobState, Status, child_id, ecs_safe, state_key
from lambdas.services.children import Children
from simulator.plans import Plan
from simulator.world import World

DEPENDENCY = "Dependent Job failed"
TIMED_OUT = "Job attempt duration exceeded timeout"

Plans = Mapping[str, Plan]


def unmoved(world: World, plans: Plans) -> list[str]:
    """Nothing was lost and nothing refused: without `reconcile`, every job has ended."""
    states = {plan.id: world.state(plan.id) for plan in plans.values() if plan.id}
    return [
        f"I3: job {job} is {state.status}, waiting for reconcile"
        for job, state in states.items()
        if not state.status.ended
    ]


def broken_promises(world: World, plans: Plans, excused: Collection[str]) -> list[str]:
    """I3, I9: a submit that was answered became a job, and it ended as its program says.

    `excused` are the attempts (`startedBy`) that ECS refused for good, or took the host of.
    """
    jobs = {started_by.partition("/")[0] for started_by in excused}
    return [said for plan in plans.values() for said in _broken(world, plans, plan, jobs)]


def _broken(world: World, plans: Plans, plan: Plan, excused: Collection[str]) -> list[str]:
    if not plan.id:
        return [f"I9: {plan.name} was never accepted"]
    state = world.state(plan.id)
    wanted, why = _promised(world, plans, plan)
    if _excused(state, plan, excused):
        return []
    if state.status is not wanted or (why and state.status_reason != why):
        told = f"{state.status} ({state.status_reason})"
        return [f"I3: job {plan.id} ended {told}, its program says {wanted} ({why})"]
    return []


def _excused(state: JobState, plan: Plan, excused: Collection[str]) -> bool:
    """It failed because a user asked for it, or because of ECS alone."""
    if state.status is not Status.FAILED:
        return False
    if plan.on_the_stroke and state.status_reason in (TIMED_OUT, CHILD_FAILED):
        return True
    if plan.stopped and " by a user" in (state.status_reason or ""):
        return True
    if any(stop.child is not None for stop in plan.stopped) and state.status_reason == CHILD_FAILED:
        return True
    mine = ecs_safe(plan.id)
    return any(job == mine or job.startswith(f"{mine}_c") for job in excused)


def _promised(world: World, plans: Plans, plan: Plan) -> tuple[Status, str | None]:
    parents = [world.state(plans[name].id) for name in plan.depends_on if name not in plan.each]
    if not all(plan.wanted.met_by(parent.status) for parent in parents):
        return Status.FAILED, DEPENDENCY
    if not all(plan.wanted.met_by(status) for status in _before_each(world, plans, plan)):
        return Status.FAILED, CHILD_FAILED
    if plan.timeout and plan.runs > plan.timeout * 1000:
        return Status.FAILED, CHILD_FAILED if plan.size else TIMED_OUT
    succeeds = all(plan.failures < plan.attempts + lost for lost in _losses(world, plan))
    return (Status.SUCCEEDED if succeeds else Status.FAILED), None


def _before_each(world: World, plans: Plans, plan: Plan) -> list[Status]:
    """How those ended that single children wait for; of a sequential array all that can be said
    without its children: they may not all succeed and be waited for to fail."""
    children = [child_id(plans[name].id, i) for name in plan.each for i in range(plan.size)]
    found = Children(world.tables.jobs).states(children)
    before = [Status.SUCCEEDED] if plan.sequential and plan.size > 1 else []
    return [state.status for state in found.values()] + before


def _losses(world: World, plan: Plan) -> list[int]:
    """How many attempts did not count, of each job or child whose program fails at first."""
    failing = range(plan.size - plan.failing, plan.size)
    jobs = [child_id(plan.id, index) for index in failing] if plan.size else [plan.id]
    found = world.tables.jobs.get_many([state_key(job) for job in jobs])
    return [found.get(state_key(job), {}).get("lost", 0) for job in jobs]
