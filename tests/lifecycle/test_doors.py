"""What goes on beside submitting jobs: found by hostile days (`simulator.doors`), kept as it was."""

from __future__ import annotations

import pytest

from lambdas.core.errors import Throttled
from lambdas.services import relay, retention
from lambdas.services.definitions import DefinitionService
from simulator.doors.clients import Unanswered, declaration
from simulator.doors.door import CONTAINER
from simulator.doors.open import DOORS
from simulator.doors.stacks import asked
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


def test_a_definition_that_moved_is_retired_whole_although_its_delete_was_throttled(
    world, monkeypatch
):
    def request(kind, command, logical):
        container = {**CONTAINER, "command": [command]}
        detail = {
            "jobDefinitionName": "moved",
            "type": "container",
            "containerProperties": container,
        }
        detail["platformCapabilities"] = ["FARGATE"]
        return declaration(asked(kind, "JobDefinition", "moved", detail, logical))

    platform = world.sandbox("declare")
    request("Create", "one", "First").do(platform)
    request("Create", "two", "Second").do(platform)
    deregister, calls = DefinitionService.deregister, []

    def busy(self, body, author):
        calls.append(body)
        if len(calls) == 2:
            raise Throttled("the table is busy")
        return deregister(self, body, author)

    monkeypatch.setattr(DefinitionService, "deregister", busy)
    with pytest.raises(Unanswered):
        request("Delete", "two", "Second").do(platform)
    request("Delete", "two", "Second").do(platform)
    states = [item["detail"]["status"] for item in platform.catalog.revisions("moved")]
    assert states == ["INACTIVE", "INACTIVE"]


def test_an_environment_whose_write_the_sdk_repeated_is_answered_as_made(world, monkeypatch):
    table, write = world.tables.catalog, world.tables.catalog.write

    def twice(asked):
        write(asked)
        return write(asked)

    monkeypatch.setattr(table, "write", twice)
    assert world.environment("other") == "other"


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
