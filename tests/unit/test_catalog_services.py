"""Queues, environments, definitions and tags: AWS Batch's semantics through the services."""

from __future__ import annotations

import pytest

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.core.catalog import environment_key, revision_key
from lambdas.core.errors import ClientError, ResourceInUse, UnknownResource
from lambdas.core.job import Status
from lambdas.core.tables import Query
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, MINUTE, Outcome, World

ME = Author(CALLER)
STACK = Author("arn:aws:cloudformation:stack", declared_by="yard-control-plane")
MODEL = BatchModel()


@pytest.fixture
def world():
    made = World()
    made.environment()
    made.queue()
    made.definition()
    return made


def refusal(call, *args) -> str:
    with pytest.raises(ClientError) as caught:
        call(*args)
    return caught.value.message


def described(world, kind, **body):
    """The answer of a Describe call, held to AWS Batch's model."""
    service = getattr(world.platform, kind)
    operation = {
        "queues": "DescribeJobQueues",
        "environments": "DescribeComputeEnvironments",
        "definitions": "DescribeJobDefinitions",
    }[kind]
    answer = service.describe(body)
    assert MODEL.validate_response(operation, answer) == []
    return answer


def queue_of(world, name="default"):
    (found,) = described(world, "queues", jobQueues=[name])["jobQueues"]
    return found


def disable_and_delete_queue(world, name="default"):
    world.platform.queues.update({"jobQueue": name, "state": "DISABLED"}, ME)
    world.platform.queues.delete({"jobQueue": name}, ME)


def queue_body(name="q", *environments, **more):
    order = [
        {"order": n, "computeEnvironment": e} for n, e in enumerate(environments or ("fargate",))
    ]
    return {"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order, **more}


def environment_body(name="e", vcpus=4, **more):
    resources = {"type": "FARGATE", "maxvCpus": vcpus}
    return {
        "computeEnvironmentName": name,
        "type": "MANAGED",
        "computeResources": resources,
        **more,
    }


def definition_body(name="d", command="true", **more):
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    container = {"image": "busybox", "command": [command], "resourceRequirements": needs}
    return {
        "jobDefinitionName": name,
        "type": "container",
        "platformCapabilities": ["FARGATE"],
        "containerProperties": container,
        **more,
    }


class TestQueues:
    def test_are_valid_at_once_and_known_by_name_and_arn(self, world):
        found = queue_of(world)
        assert (found["status"], found["state"]) == ("VALID", "ENABLED")
        assert described(world, "queues", jobQueues=[found["jobQueueArn"]])["jobQueues"] == [found]

    def test_order_their_environments_by_number(self, world):
        world.environment("other")
        body = queue_body("q")
        body["computeEnvironmentOrder"] = [
            {"order": 9, "computeEnvironment": "fargate"},
            {"order": 2, "computeEnvironment": "other"},
        ]
        world.platform.queues.create(body, ME)
        assert world.platform.catalog.queue("q").environments == ("other", "fargate")

    def test_have_an_inbox_of_their_own(self, world):
        assert world.inbox("default") in world.inboxes.queues

    def test_exist_once(self, world):
        assert "Object already exists" in refusal(
            world.platform.queues.create, queue_body("default"), ME
        )

    def test_need_environments_that_exist(self, world):
        said = refusal(world.platform.queues.create, queue_body("q", "none"), ME)
        assert said == "Compute environment 'none' does not exist."

    def test_are_changed_in_place(self, world):
        world.platform.queues.update({"jobQueue": "default", "priority": 9}, ME)
        assert (queue_of(world)["priority"], queue_of(world)["state"]) == (9, "ENABLED")

    def test_that_are_unknown_are_left_out_of_descriptions(self, world):
        assert described(world, "queues", jobQueues=["none", "a/b", ""])["jobQueues"] == []

    def test_come_in_pages(self, world):
        for n in range(7):
            world.queue(f"q{n}")
        seen, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            page = described(world, "queues", maxResults=3, **more)
            seen += [q["jobQueueName"] for q in page["jobQueues"]]
            if (token := page.get("nextToken")) is None:
                break
        assert seen == ["default", *(f"q{n}" for n in range(7))]

    def test_remember_who_changed_them_last(self, world):
        world.platform.queues.update({"jobQueue": "default", "priority": 2}, Author("arn:other"))
        item = world.platform.catalog.queue_item("default")
        assert (item["changed_by"], item["changed_at"]) == ("arn:other", world.clock.now())


class TestDeletingAQueue:
    def test_needs_it_disabled(self, world):
        said = refusal(world.platform.queues.delete, {"jobQueue": "default"}, ME)
        assert "is ENABLED: disable it first" in said

    def test_lets_go_of_its_environments_at_once(self, world):
        disable_and_delete_queue(world)
        world.platform.environments.retire("fargate", ME)
        assert described(world, "environments")["computeEnvironments"] == []

    def test_takes_no_job_and_no_change_meanwhile(self, world):
        disable_and_delete_queue(world)
        assert queue_of(world)["status"] == "DELETING"
        with pytest.raises(ClientError):
            world.submit()
        change = {"jobQueue": "default", "state": "ENABLED"}
        assert "being deleted" in refusal(world.platform.queues.update, change, ME)
        assert "being deleted" in refusal(world.platform.queues.create, queue_body("default"), ME)

    def test_twice_is_no_error(self, world):
        disable_and_delete_queue(world)
        assert world.platform.queues.delete({"jobQueue": "default"}, ME) == {}

    def test_ends_its_jobs_and_then_it_is_gone(self):
        world = World(lambda _n, _a: Outcome(runs=60 * MINUTE))
        world.environment(vcpus=1)
        world.queue()
        world.definition()
        jobs = [world.submit() for _ in range(6)]
        world.run(minutes=1)
        live = [job for job in jobs if world.state(job).status.live]
        assert 0 < len(live) < 6
        inbox = world.inbox("default")
        disable_and_delete_queue(world)
        world.run(minutes=10)
        ended = [world.state(job) for job in jobs]
        assert {state.status for state in ended} == {Status.FAILED}
        assert {world.describe(job)["statusReason"] for job in jobs} == {"JobQueue deleted"}
        assert described(world, "queues")["jobQueues"] == []
        assert inbox not in world.inboxes.queues

    def test_waits_for_submits_that_read_the_queue_before(self, world):
        disable_and_delete_queue(world)
        deadline = world.clock.now() + 20 * MINUTE
        assert world.platform.queues.sweep(deadline) == 0
        world.clock.advance(5 * MINUTE - 1)
        assert world.platform.queues.sweep(deadline) == 0
        world.clock.advance(1)
        assert world.platform.queues.sweep(deadline) == 1

    def test_looks_again_for_as_long_when_a_job_was_not_seen_at_first(self, monkeypatch):
        world = World(lambda _n, _a: Outcome(runs=60 * MINUTE))
        world.environment(vcpus=1)
        world.queue()
        world.definition()
        job = world.submit()
        world.run(minutes=1)
        sweep, deadline = world.platform.queues.sweep, world.clock.now() + 30 * MINUTE
        query, nothing = world.tables.jobs.query, Query("nobody", index="by_queue")
        disable_and_delete_queue(world)
        with monkeypatch.context() as lagging:
            lagging.setattr(world.tables.jobs, "query", lambda _: query(nothing))
            assert sweep(deadline) == 0
        world.clock.advance(6 * MINUTE)
        assert sweep(deadline) == 0
        world.run(minutes=10)
        assert world.state(job).status is Status.FAILED
        assert described(world, "queues")["jobQueues"] == []


class TestEnvironments:
    def test_are_valid_at_once_and_known_by_name_and_arn(self, world):
        (found,) = described(world, "environments")["computeEnvironments"]
        assert (found["status"], found["state"]) == ("VALID", "ENABLED")
        arn = found["computeEnvironmentArn"]
        again = described(world, "environments", computeEnvironments=[arn])
        assert again["computeEnvironments"] == [found]

    def test_exist_once(self, world):
        assert "Object already exists" in refusal(
            world.platform.environments.create, environment_body("fargate"), ME
        )

    def test_are_changed_in_place(self, world):
        change = {"computeEnvironment": "fargate", "computeResources": {"maxvCpus": 3}}
        world.platform.environments.update(change, ME)
        found = world.platform.catalog.environment("fargate")
        assert (found.max_milli_vcpus, found.subnets) == (3000, ("subnet-1",))

    def test_with_more_room_are_looked_at_at_once(self):
        world = World(lambda _n, _a: Outcome(runs=60 * MINUTE))
        world.environment(vcpus=1)
        world.queue()
        world.definition()
        jobs = [world.submit() for _ in range(8)]
        world.run(minutes=1)
        change = {"computeEnvironment": "fargate", "computeResources": {"maxvCpus": 2}}
        world.platform.environments.update(change, ME)
        world.run(minutes=0.2, reconcile=False)
        assert all(world.state(job).status.live for job in jobs)

    def test_are_deleted_only_when_disabled_and_detached(self, world):
        delete = {"computeEnvironment": "fargate"}
        assert "is ENABLED" in refusal(world.platform.environments.delete, delete, ME)
        world.platform.environments.update({**delete, "state": "DISABLED"}, ME)
        said = refusal(world.platform.environments.delete, delete, ME)
        assert said.startswith("Cannot delete, found existing JobQueue relationship")
        disable_and_delete_queue(world)
        world.platform.environments.delete(delete, ME)
        assert "does not exist" in refusal(world.platform.environments.delete, delete, ME)

    def test_a_queue_attached_during_a_delete_is_never_left_without_it(self, world, monkeypatch):
        world.environment("e")
        world.platform.environments.update({"computeEnvironment": "e", "state": "DISABLED"}, ME)
        table, attached = world.tables.catalog, []
        write = table.write

        def attach_first(made):
            if made.key == environment_key("e") and not attached:
                attached.append(world.platform.queues.create(queue_body("late", "e"), ME))
            return write(made)

        monkeypatch.setattr(table, "write", attach_first)
        with pytest.raises(ResourceInUse):
            world.platform.environments.delete({"computeEnvironment": "e"}, ME)
        assert world.platform.catalog.environment("e").name == "e"


class TestDefinitions:
    def test_count_revisions_and_never_use_a_number_again(self, world):
        register = world.platform.definitions.register
        assert [register(definition_body(), ME)["revision"] for _ in range(2)] == [1, 2]
        world.platform.definitions.deregister({"jobDefinition": "d:2"}, ME)
        assert register(definition_body(), ME)["revision"] == 3

    def test_count_exactly_when_two_register_at_once(self, world, monkeypatch):
        table, transact = world.tables.catalog, world.tables.catalog.transact
        late = []

        def second_first(writes):
            if not late:
                late.append(None)
                late.append(world.platform.definitions.register(definition_body(), ME))
            return transact(writes)

        monkeypatch.setattr(table, "transact", second_first)
        first = world.platform.definitions.register(definition_body(), ME)
        assert sorted([first["revision"], late[1]["revision"]]) == [1, 2]

    def test_of_one_content_are_one_task_definition(self, world):
        before = len(world.tasks.definitions)
        for _ in range(3):
            world.platform.definitions.register(definition_body(), ME)
        assert len(world.tasks.definitions) == before + 1
        world.platform.definitions.register(definition_body(command="false"), ME)
        assert len(world.tasks.definitions) == before + 2

    def test_without_a_revision_are_the_latest_active_one(self, world):
        for _ in range(3):
            world.platform.definitions.register(definition_body(), ME)
        world.platform.definitions.deregister({"jobDefinition": "d:3"}, ME)
        arn = world.platform.arns.definition("d", 2)
        for ref in ("d", "d:2", arn, arn.rpartition(":")[0]):
            assert world.platform.catalog.definition(ref).revision == 2

    def test_that_are_deregistered_are_inactive_and_still_described(self, world):
        world.platform.definitions.register(definition_body(), ME)
        for _ in range(2):
            world.platform.definitions.deregister({"jobDefinition": "d:1"}, ME)
        (found,) = described(world, "definitions", jobDefinitions=["d:1"])["jobDefinitions"]
        assert found["status"] == "INACTIVE"
        with pytest.raises(UnknownResource, match="has no ACTIVE revision"):
            world.platform.catalog.definition("d")

    def test_are_deregistered_by_revision_only(self, world):
        said = refusal(world.platform.definitions.deregister, {"jobDefinition": "task"}, ME)
        assert "name:revision" in said

    def test_come_in_pages_by_name_newest_first(self, world):
        for name in ("a", "b"):
            for _ in range(3):
                world.platform.definitions.register(definition_body(name), ME)
        world.platform.definitions.deregister({"jobDefinition": "a:2"}, ME)
        seen, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            page = described(world, "definitions", maxResults=2, status="ACTIVE", **more)
            seen += [f"{d['jobDefinitionName']}:{d['revision']}" for d in page["jobDefinitions"]]
            if (token := page.get("nextToken")) is None:
                break
        assert seen == ["a:3", "a:1", "b:3", "b:2", "b:1", "task:1"]

    def test_are_listed_by_name_exactly(self, world):
        world.definition("task-two")
        found = described(world, "definitions", jobDefinitionName="task")["jobDefinitions"]
        assert [d["jobDefinitionName"] for d in found] == ["task"]

    def test_pages_of_one_name_end(self, world):
        for _ in range(5):
            world.platform.definitions.register(definition_body(), ME)
        first = described(world, "definitions", jobDefinitionName="d", maxResults=4)
        rest = described(world, "definitions", jobDefinitionName="d", nextToken=first["nextToken"])
        assert [d["revision"] for d in rest["jobDefinitions"]] == [1]
        assert "nextToken" not in rest

    def test_that_no_size_can_hold_leave_nothing_behind(self, world):
        body = definition_body()
        body["containerProperties"]["resourceRequirements"][0]["value"] = "64"
        before = len(world.tasks.definitions)
        assert "no Fargate size" in refusal(world.platform.definitions.register, body, ME)
        assert len(world.tasks.definitions) == before
        assert world.tables.catalog.get(revision_key("d", 1)) is None


class TestDeclaredInCode:
    def test_entries_are_marked_and_say_who_declares_them(self, world):
        world.platform.queues.declare(queue_body("high"), STACK, "https://sqs/high")
        item = world.platform.catalog.queue_item("high")
        assert (item["managed"], item["declared_by"]) == (True, "yard-control-plane")
        assert item["inbox"] == "https://sqs/high"

    def test_an_edit_stands_until_the_next_deploy(self, world):
        declare = (queue_body("high", priority=5), STACK, "https://sqs/high")
        world.platform.queues.declare(*declare)
        world.platform.queues.update({"jobQueue": "high", "priority": 6}, ME)
        assert queue_of(world, "high")["priority"] == 6
        assert world.platform.catalog.queue_item("high")["managed"] is True
        world.platform.queues.declare(*declare)
        assert queue_of(world, "high")["priority"] == 5

    def test_declaring_the_same_again_registers_no_revision(self, world):
        declare = world.platform.definitions.declare
        assert [declare(definition_body(), STACK)["revision"] for _ in range(3)] == [1, 1, 1]
        assert declare(definition_body(command="x"), STACK)["revision"] == 2

    def test_an_environment_is_changed_in_place(self, world):
        before = world.platform.environments.declare(environment_body("e", 4), STACK)
        uuid = world.platform.catalog.environment_item("e")["detail"]["uuid"]
        assert world.platform.environments.declare(environment_body("e", 8), STACK) == before
        item = world.platform.catalog.environment_item("e")
        assert item["detail"]["uuid"] == uuid
        assert world.platform.catalog.environment("e").max_milli_vcpus == 8000

    def test_what_code_drops_goes_and_what_is_gone_is_no_error(self, world):
        world.platform.environments.declare(environment_body("e"), STACK)
        world.platform.queues.declare(queue_body("q", "e"), STACK, "https://sqs/q")
        world.platform.definitions.declare(definition_body(), STACK)
        for _ in range(2):
            world.platform.queues.retire("q", STACK)
            world.platform.environments.retire("e", STACK)
            world.platform.definitions.retire("d", STACK)
        with pytest.raises(UnknownResource):
            world.platform.catalog.environment("e")
        with pytest.raises(UnknownResource):
            world.platform.catalog.definition("d")
        assert queue_of(world, "q")["status"] == "DELETING"


class TestTheSnapshot:
    def test_is_as_old_as_asked_for_at_most(self, world):
        store = world.platform.catalog
        store.snapshot()
        world.environment("later")
        world.clock.advance(5_000)
        assert "later" not in store.snapshot(10_000).environments
        assert "later" in store.snapshot().environments
