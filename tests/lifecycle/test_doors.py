"""What goes on beside submitting jobs: found by hostile days (`simulator.doors`), kept as it was."""

from __future__ import annotations

import pytest

from lambdas.core.errors import Throttled
from lambdas.services import relay, retention
from simulator.doors.open import DOORS
from simulator.trial import Trial
from simulator.world import World


@pytest.fixture
def world():
    made = World()
    made.environment()
    made.queue()
    made.definition()
    return made


def test_an_expired_job_leaves_nothing_behind_although_its_removal_was_throttled(
    world, monkeypatch
):
    refusals = [Throttled("the table is busy")] * 2

    def busy(*args):
        if refusals:
            raise refusals.pop()
        return retention.forget(*args)

    monkeypatch.setattr(relay, "forget", busy)
    jobs = [world.submit(), world.submit(arrayProperties={"size": 2})]
    world.run(10)
    assert all(world.state(job).status.ended for job in jobs)
    world.tables.jobs.expire(world.clock.now() + 91 * 86_400_000)
    world.run(10)
    assert list(world.tables.jobs.scan()) == []


def test_every_door_is_opened_and_comes_to_its_end():
    seen = set()
    for seed in range(40):
        trial = Trial(seed).run()
        seen |= {door.name for door in trial.doors}
        assert trial.clients.busy == 0
        if seen == {door.name for door in DOORS}:
            return
    pytest.fail(f"never opened: {seen}")


def test_a_door_can_be_left_out():
    seed = next(seed for seed in range(40) if Trial(seed).doors)
    door = f"door {Trial(seed).doors[0].name}"
    assert door in Trial(seed).parts
    assert door not in Trial(seed, without={door}).parts
