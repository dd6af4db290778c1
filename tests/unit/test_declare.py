"""Resources declared in code: applied as the API would, adopted, changed in place, let go."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.adapters.aws.batch_model import batch_model
from lambdas.core.errors import Throttled, UnknownResource
from lambdas.core.triggers import Upload
from lambdas.services.catalog_entries import Author
from lambdas.services.declare import DeclareService, Outcome, answer_of, failed
from lambdas.services.declared import kinds
from lambdas.services.triggers import TriggerService
from simulator.world import CALLER, World

STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/batchyard-workload/1"
API = Author(CALLER)
BODY = {"jobName": "hello", "jobQueue": "default", "jobDefinition": "task"}
CONTAINER = {
    "image": "busybox",
    "command": ["true"],
    "resourceRequirements": [
        {"type": "VCPU", "value": "0.25"},
        {"type": "MEMORY", "value": "512"},
    ],
}


class Deploy:
    """A deployment in memory, and a CloudFormation that asks for resources."""

    def __init__(self) -> None:
        self.world = World()
        platform = self.world.platform
        self.queues, self.environments = platform.queues, platform.environments
        self.definitions, self.catalog = platform.definitions, platform.catalog
        self.triggers = TriggerService(self.world.tables.catalog)
        self.service = DeclareService(
            kinds=kinds(
                table=self.world.tables.catalog,
                store=self.catalog,
                environments=self.environments,
                queues=self.queues,
                definitions=self.definitions,
                triggers=self.triggers,
                journal=self.world.journal,
            ),
            model=batch_model(),
            journal=self.world.journal,
        )

    def ask(
        self,
        kind: str,
        name: str,
        detail: Any,
        request: str = "Create",
        logical: str = "Logical",
        known: str | None = None,
        **more: Any,
    ) -> Outcome:
        text = detail if isinstance(detail, str) else json.dumps(detail)
        event = {
            "RequestType": request,
            "StackId": STACK,
            "RequestId": "r-1",
            "LogicalResourceId": logical,
            "ResourceProperties": {"Kind": kind, "Name": name, "Detail": text, **more},
        }
        if known:
            event["PhysicalResourceId"] = known
        return self.service.apply(event)

    def environment(self, name: str = "fargate", request: str = "Create", vcpus: int = 16, **more):
        detail = {
            "computeEnvironmentName": name,
            "type": "MANAGED",
            "state": "ENABLED",
            "computeResources": {
                "type": "FARGATE",
                "maxvCpus": vcpus,
                "subnets": ["subnet-1"],
                "securityGroupIds": ["sg-1"],
            },
        }
        return self.ask("ComputeEnvironment", name, detail, request, **more)

    def queue(self, name: str = "high", request: str = "Create", priority: int = 9, **more):
        detail = {
            "jobQueueName": name,
            "priority": priority,
            "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "fargate"}],
        }
        return self.ask("JobQueue", name, detail, request, **{"Inbox": f"memory://{name}", **more})

    def definition(self, request: str = "Create", command: str = "true", **more):
        detail = {
            "jobDefinitionName": "task",
            "type": "container",
            "platformCapabilities": ["FARGATE"],
            "containerProperties": {**CONTAINER, "command": [command]},
        }
        return self.ask("JobDefinition", "task", detail, request, **more)

    def trigger(self, request: str = "Create", bucket: str = "in", job: Any = BODY, **more):
        detail = {"id": "t", "bucket": bucket, "prefix": "weather/", "suffix": "", "submitJob": job}
        return self.ask("S3Trigger", "t", detail, request, **more)

    def fired(self, bucket: str = "in") -> list[str]:
        return [t.id for t in self.triggers.of(Upload(bucket=bucket, key="weather/a.csv"))]


@pytest.fixture
def deploy() -> Deploy:
    return Deploy()


def test_a_queue_and_its_environment_are_made_and_marked_as_managed(deploy):
    assert deploy.environment().failure is None
    outcome = deploy.queue()
    assert (outcome.resource, outcome.failure) == ("JobQueue/high", None)
    assert outcome.data["Arn"].endswith(":job-queue/high")
    item = deploy.catalog.queue_item("high")
    assert (item["managed"], item["declared_by"]) == (True, f"{STACK}#Logical")
    assert item["inbox"] == "memory://high"


def test_an_update_is_in_place_and_code_wins_over_an_edit(deploy):
    deploy.environment()
    deploy.queue(priority=9)
    deploy.queues.update({"jobQueue": "high", "priority": 50, "state": "DISABLED"}, API)
    outcome = deploy.queue(request="Update", priority=10, known="JobQueue/high")
    assert outcome.resource == "JobQueue/high"
    queue = deploy.catalog.queue("high")
    assert (queue.priority, queue.enabled) == (10, True)
    assert deploy.environment(request="Update", vcpus=64).failure is None
    assert deploy.catalog.environment("fargate").max_milli_vcpus == 64_000


def test_a_create_adopts_what_exists(deploy):
    deploy.world.environment(vcpus=4)
    assert deploy.environment(vcpus=16).failure is None
    item = deploy.catalog.environment_item("fargate")
    assert (item["declared_by"], item["version"]) == (f"{STACK}#Logical", 2)


def test_a_create_told_twice_changes_nothing_the_second_time(deploy):
    first = deploy.definition()
    assert deploy.definition() == first
    assert deploy.catalog.last_revision("task") == 1


def test_a_definition_gets_a_new_revision_only_when_it_differs(deploy):
    assert deploy.definition().data["Revision"] == "1"
    assert deploy.definition("Update", command="false").data["Revision"] == "2"
    assert deploy.definition("Update", command="false").data["Revision"] == "2"


def test_a_deleted_queue_is_disabled_and_goes_when_its_jobs_have_ended(deploy):
    deploy.environment()
    deploy.queue()
    outcome = deploy.queue(request="Delete", known="JobQueue/high")
    assert (outcome.resource, outcome.failure) == ("JobQueue/high", None)
    (detail,) = deploy.queues.describe({"jobQueues": ["high"]})["jobQueues"]
    assert (detail["state"], detail["status"]) == ("DISABLED", "DELETING")


def test_a_stack_is_deleted_in_order_and_twice(deploy):
    deploy.environment()
    deploy.queue()
    deploy.definition()
    deploy.trigger()
    for _ in range(2):
        for ask in (deploy.trigger, deploy.definition, deploy.queue, deploy.environment):
            assert ask(request="Delete", known="x").failure is None
    assert deploy.fired() == []
    with pytest.raises(UnknownResource):
        deploy.catalog.definition("task")
    with pytest.raises(UnknownResource):
        deploy.catalog.environment("fargate")


def test_queues_that_an_edit_put_on_an_environment_are_taken_off_before_it_goes(deploy):
    deploy.environment()
    deploy.environment("other")
    deploy.world.queue("mine", 1, "fargate", "other")
    assert deploy.environment(request="Delete").failure is None
    assert deploy.catalog.queue("mine").environments == ("other",)
    with pytest.raises(UnknownResource):
        deploy.catalog.environment("fargate")


def test_an_environment_that_is_a_queues_only_one_stays_disabled_and_fails_no_stack(deploy):
    deploy.environment()
    deploy.world.queue("mine", 1, "fargate")
    assert deploy.environment(request="Delete").failure is None
    assert deploy.catalog.environment("fargate").enabled is False
    assert deploy.world.journal.events("left as it is")


def test_a_delete_of_what_another_resource_took_over_lets_it_be(deploy):
    """A construct that moved has a new logical id: it is created first, then the old one deleted."""
    deploy.environment(logical="Old")
    deploy.environment(logical="New")
    deploy.environment(request="Delete", logical="Old")
    assert deploy.catalog.environment("fargate").enabled
    for logical in ("Old", "New"):
        deploy.definition(logical=logical)
    deploy.definition("Delete", logical="Old")
    assert deploy.catalog.definition("task").active


def test_the_rollback_of_a_failed_create_deletes_nothing_of_the_apis(deploy):
    deploy.world.environment()
    deploy.world.queue("mine", 1, "fargate")
    assert deploy.queue("mine", priority=-1).failure
    assert deploy.queue("mine", request="Delete", priority=-1).failure is None
    assert deploy.catalog.queue("mine").enabled


@pytest.mark.parametrize(
    ("kind", "name", "detail", "said"),
    [
        ("Teapot", "a", {}, "Kind is 'Teapot': one of ComputeEnvironment, JobDefinition"),
        ("JobQueue", "a", "{", "Detail is no JSON object"),
        ("JobQueue", "a", "[]", "Detail is no JSON object"),
        ("JobQueue", "a", {"jobQueueName": "a"}, "priority is required"),
        ("JobQueue", "a", {"jobQueueName": "a", "prio": 3}, "'prio' is not a field"),
        ("JobQueue", "a", {"jobQueueName": "b", "priority": 1}, "Detail names it 'b'"),
        ("S3Trigger", "t", {"id": "t", "bucket": "in"}, "is required"),
        ("S3Trigger", "t", {"id": "t", "bucket": "in", "submitJob": BODY, "x": 1}, "no x"),
        ("S3Trigger", "t", {"id": "t", "submitJob": BODY}, "Detail.bucket"),
        (
            "S3Trigger",
            "t",
            {"id": "t", "bucket": "in", "submitJob": {**BODY, "y": 1}},
            "'y' is not",
        ),
    ],
)
def test_a_wrong_declaration_fails_with_a_sentence_and_its_delete_succeeds(
    deploy, kind, name, detail, said
):
    outcome = deploy.ask(kind, name, detail, Inbox="memory://a")
    assert said in (outcome.failure or "")
    gone = deploy.ask(kind, name, detail, "Delete", known=outcome.resource)
    assert (gone.failure, gone.resource) == (None, outcome.resource)


def test_a_failed_update_keeps_the_resources_id_so_that_nothing_is_replaced(deploy):
    deploy.environment()
    deploy.queue()
    outcome = deploy.queue("other name!", request="Update", known="JobQueue/high")
    assert outcome.failure
    assert outcome.resource == "JobQueue/high"


# ── triggers ──────────────────────────────────────────────────────────────────────────────────


def test_a_trigger_fires_from_its_create_to_its_delete(deploy):
    assert deploy.trigger().resource == "S3Trigger/in#t"
    assert deploy.fired() == ["t"]
    deploy.trigger("Delete", known="S3Trigger/in#t")
    assert deploy.fired() == []


def test_a_trigger_of_another_bucket_is_another_resource(deploy):
    deploy.trigger()
    moved = deploy.trigger("Update", bucket="other", known="S3Trigger/in#t")
    assert moved.resource == "S3Trigger/other#t"
    deploy.trigger("Delete", bucket="in", known="S3Trigger/in#t")
    assert (deploy.fired("in"), deploy.fired("other")) == ([], ["t"])


@pytest.mark.parametrize(
    ("place", "refused"),
    [
        ({"parameters": {"outputBucket": "in"}}, True),
        ({"parameters": {"outputBucket": "in", "outputPrefix": "weather/done/"}}, True),
        ({"parameters": {"outputBucket": "in", "outputPrefix": "wea"}}, True),
        ({"parameters": {"outputBucket": "in", "outputPrefix": "done/"}}, False),
        ({"parameters": {"outputBucket": "out"}}, False),
        ({"environment": {"OUTPUT_BUCKET": "in"}}, True),
        ({"environment": {"OUTPUT_BUCKET": "in", "OUTPUT_PREFIX": "done/"}}, False),
    ],
)
def test_a_trigger_that_could_fire_itself_is_refused(deploy, place, refused):
    environment = [{"name": k, "value": v} for k, v in place.get("environment", {}).items()]
    parameters = place.get("parameters", {})
    job = {**BODY, "parameters": parameters, "containerOverrides": {"environment": environment}}
    failure = deploy.trigger(job=job).failure or ""
    assert ("could fire itself" in failure) is refused


def test_a_trigger_whose_uploads_would_all_be_one_job_is_refused(deploy):
    job = {**BODY, "tags": {"batchyard:client-token": "always"}}
    assert "the same job" in (deploy.trigger(job=job).failure or "")


# ── answers ───────────────────────────────────────────────────────────────────────────────────


def test_what_goes_wrong_for_now_fails_a_delete_with_a_sentence(deploy, monkeypatch):
    deploy.trigger()

    def busy(*_):
        raise Throttled("DynamoDB asks to be called later")

    monkeypatch.setattr(deploy.triggers, "retire", busy)
    assert "called later" in (deploy.trigger("Delete").failure or "")


def test_a_request_without_anything_is_answered(deploy):
    outcome = deploy.service.apply({})
    answer = answer_of({}, outcome)
    assert answer["Status"] == "FAILED"
    assert answer["PhysicalResourceId"]


def test_an_answer_is_within_what_cloudformation_reads(deploy):
    event = {"StackId": STACK, "RequestId": "r", "LogicalResourceId": "L"}
    answer = answer_of(event, failed(event, RuntimeError("x" * 10_000)))
    assert len(json.dumps(answer)) < 4096
    assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == (
        STACK,
        "r",
        "L",
    )
