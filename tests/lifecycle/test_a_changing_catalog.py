"""Queues and environments that come while others are at work."""

from __future__ import annotations

from lambdas.core.job import Status
from simulator.world import World


def test_a_queue_made_a_moment_ago_is_served_at_once():
    """Who rings may know the catalog of some seconds ago; a queue that is not in it is looked for."""
    one = World()
    one.environment()
    one.queue()
    one.definition()
    one.submit()
    one.settle()
    one.environment("other")
    one.queue("late", 50, "other")
    job = one.submit(jobQueue="late")
    one.settle()
    assert one.state(job).status is not Status.RUNNABLE
