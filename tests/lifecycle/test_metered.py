"""Launches are metered: all jobs start in the end, and nothing wakes a tick that could claim none."""

from __future__ import annotations

from dataclasses import replace

from lambdas.core.job import Status
from simulator.checks import violations
from simulator.fargate import Outcome
from simulator.world import World

JOBS, RATE = 50, 5


def lived(lost: bool = False) -> tuple[World, list[str]]:
    """A world of more jobs than it may launch in some seconds; the first later bell may be lost."""
    one = World(lambda _n, _a: Outcome(runs=700))
    one.settings = replace(one.settings, launch_rate=RATE)
    one.platform = one.sandbox("api")
    one.environment(vcpus=100)
    one.queue()
    one.definition()
    jobs = [one.submit(f"j{number}") for number in range(JOBS)]
    if lost:
        one.settle()
        one.inboxes.remove(one.settings.effects_queue)
        one.inboxes.create("effects")
    one.run(minutes=10)
    return one, jobs


def test_one_tick_a_second_is_enough():
    one, jobs = lived()
    assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
    ends = [one.state(job).started or 0 for job in jobs]
    assert max(ends) - min(ends) <= 1000 * JOBS // RATE + 1000
    assert one.functions.invocations["schedule"] <= JOBS // RATE + 5
    assert violations(one) == []


def test_a_message_that_was_to_ring_later_and_is_lost_is_replaced():
    one, jobs = lived(lost=True)
    assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
    assert violations(one) == []
