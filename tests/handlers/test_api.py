"""The `api` function: what an AWS Batch client sends and gets, through the real handler."""

from __future__ import annotations

import json
from contextlib import nullcontext

import boto3
import pytest
from moto import mock_aws

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.adapters.aws.blobs import S3Blobs
from lambdas.adapters.aws.inboxes import SqsInboxes
from lambdas.adapters.aws.tables import DynamoTables
from lambdas.adapters.aws.tasks import EcsTasks
from lambdas.core.errors import Throttled
from lambdas.core.tables import CAPACITY, CATALOG, JOBS
from lambdas.handlers import api as handler_module
from lambdas.handlers import counted as counted_module
from lambdas.services.api import Api
from simulator.world import CALLER, World
from tests.handlers.http_events import Client, event
from tests.moto_tables import create_table

CONTAINER = {
    "image": "busybox",
    "command": ["echo", "hi"],
    "resourceRequirements": [
        {"type": "VCPU", "value": "0.25"},
        {"type": "MEMORY", "value": "512"},
    ],
}
DEFINITION = {
    "jobDefinitionName": "task",
    "type": "container",
    "platformCapabilities": ["FARGATE"],
    "containerProperties": CONTAINER,
}
JOB = {"jobName": "j", "jobQueue": "default", "jobDefinition": "task"}


#: Where a test runs: over the memory adapters, or over the AWS adapters and moto.
EVERYWHERE = pytest.mark.parametrize("where", ["memory", "moto"], indirect=True)


@pytest.fixture
def where(request):
    return getattr(request, "param", "memory")


@pytest.fixture
def world(where):
    made = World()
    with mock_aws() if where == "moto" else nullcontext():
        if where == "moto":
            on_aws(made)
        made.environment()
        made.queue()
        made.definition()
        yield made


def on_aws(world):
    """Give a world the AWS adapters for all that the API touches."""
    clients = {name: boto3.client(name) for name in ("dynamodb", "sqs", "ecs", "s3")}
    for schema in (JOBS, CATALOG, CAPACITY):
        create_table(clients["dynamodb"], schema.name, schema)
    clients["s3"].create_bucket(Bucket="blobs")
    clients["ecs"].create_cluster(clusterName="yard")
    world.tables = DynamoTables(
        clients["dynamodb"], jobs="jobs", catalog="catalog", capacity="capacity"
    )
    world.inboxes = SqsInboxes(clients["sqs"], tags={})
    world.tasks = EcsTasks(clients["ecs"], "yard")
    world.blobs = S3Blobs(clients["s3"], "blobs")


@pytest.fixture
def client(world, monkeypatch):
    services = world.platform
    api = Api(
        model=BatchModel(),
        environments=services.environments,
        queues=services.queues,
        definitions=services.definitions,
        policies=services.policies,
        tagging=services.tagging,
        submits=services.submit,
        jobs=services.jobs,
        bulk=services.bulk,
        explains=services.explain,
        snapshots=services.snapshot,
        queueing=services.queueing,
    )
    world.journal.flush = lambda: None
    monkeypatch.setattr(handler_module, "api", lambda: api)
    monkeypatch.setattr(handler_module, "journal", lambda: world.journal)
    monkeypatch.setattr(counted_module, "journal", lambda: world.journal)
    return Client(handler_module.handler)


def without(body, *names):
    return {name: value for name, value in body.items() if name not in names}


@EVERYWHERE
class TestEveryOperation:
    def test_answers_as_the_service_model_says(self, client, world):
        environment = client.ok(
            "CreateComputeEnvironment",
            computeEnvironmentName="more",
            type="MANAGED",
            computeResources={"type": "FARGATE_SPOT", "maxvCpus": 4, "subnets": ["subnet-1"]},
            tags={"team": "a"},
        )
        queue = client.ok(
            "CreateJobQueue",
            jobQueueName="q2",
            priority=7,
            computeEnvironmentOrder=[
                {"order": 1, "computeEnvironment": environment["computeEnvironmentArn"]}
            ],
        )
        client.ok("UpdateComputeEnvironment", computeEnvironment="more", state="DISABLED")
        client.ok("UpdateJobQueue", jobQueue=queue["jobQueueArn"], priority=8)
        client.ok("DescribeComputeEnvironments")
        client.ok("DescribeJobQueues")
        assert client.ok("RegisterJobDefinition", **DEFINITION)["revision"] == 2
        client.ok("DescribeJobDefinitions", status="ACTIVE")
        job = client.ok("SubmitJob", **JOB)
        assert client.ok("DescribeJobs", jobs=[job["jobId"]])["jobs"][0]["status"] == "RUNNABLE"
        assert client.ok("ListJobs", jobQueue="default", jobStatus="RUNNABLE")["jobSummaryList"]
        assert client.ok("HoldJob", jobId=job["jobId"]) == {}
        assert client.ok("Explain", jobId=job["jobId"])["cause"] == "HELD"
        assert client.ok("ReleaseJob", jobId=job["jobId"]) == {}
        assert client.ok("PrioritizeJob", jobId=job["jobId"], schedulingPriority=7) == {}
        assert client.ok("DescribeJobs", jobs=[job["jobId"]])["jobs"][0]["schedulingPriority"] == 7
        client.ok("MoveJob", jobId=job["jobId"], jobQueue="default")
        assert client.ok("GetJobQueueSnapshot", jobQueue="default")["frontOfQueue"]["jobs"] == []
        assert client.ok("Explain", jobId=job["jobId"])["cause"] == "TICKET"
        client.ok("CancelJob", jobId=job["jobId"], reason="late")
        client.ok("TerminateJob", jobId=job["jobId"], reason="late")
        client.ok("DeregisterJobDefinition", jobDefinition="task:2")
        client.ok("UpdateJobQueue", jobQueue="q2", state="DISABLED")
        client.ok("DeleteJobQueue", jobQueue="q2")
        client.ok("DeleteComputeEnvironment", computeEnvironment="more")

    def test_of_scheduling_policies(self, client, world):
        fair = {"shareDistribution": [{"shareIdentifier": "blue", "weightFactor": 0.125}]}
        arn = client.ok("CreateSchedulingPolicy", name="fair", fairsharePolicy=fair)["arn"]
        client.ok("UpdateSchedulingPolicy", arn=arn, fairsharePolicy=fair)
        assert client.ok("ListSchedulingPolicies")["schedulingPolicies"] == [{"arn": arn}]
        (told,) = client.ok("DescribeSchedulingPolicies", arns=[arn])["schedulingPolicies"]
        assert told["fairsharePolicy"] == {**fair, "shareDecaySeconds": 0, "computeReservation": 0}
        order = [{"order": 1, "computeEnvironment": "fargate"}]
        shared = {"jobQueueName": "shared", "priority": 1, "computeEnvironmentOrder": order}
        client.ok("CreateJobQueue", **shared, schedulingPolicyArn=arn)
        job = client.ok("SubmitJob", **{**JOB, "jobQueue": "shared"}, shareIdentifier="blue")
        assert (
            client.ok("DescribeJobs", jobs=[job["jobId"]])["jobs"][0]["shareIdentifier"] == "blue"
        )
        assert "used by job queues" in client.refused("DeleteSchedulingPolicy", arn=arn)
        other = client.ok("CreateSchedulingPolicy", name="other")["arn"]
        client.ok("DeleteSchedulingPolicy", arn=other)

    def test_that_comes_later_says_so(self, client):
        assert "not supported" in client.refused(
            "CreateServiceEnvironment",
            serviceEnvironmentName="p",
            serviceEnvironmentType="SAGEMAKER_TRAINING",
            capacityLimits=[],
        )

    def test_repeats_no_variable_that_stands_in_the_wrong_place(self, client):
        wrong = {"environment": "KEY=hunter2"}
        sentence = client.refused("SubmitJob", **JOB, containerOverrides=wrong)
        assert sentence == "containerOverrides.environment is a text: a list is needed."

    def test_keeps_the_caller_on_what_it_changes(self, client, world):
        client.ok("RegisterJobDefinition", **DEFINITION)
        item = world.platform.catalog.definition_item("task:2")
        assert item["changed_by"] == CALLER


class TestRoutes:
    @pytest.mark.parametrize(
        ("path", "method"),
        [
            ("/v1/nosuchoperation", "POST"),
            ("/v1/SubmitJob", "POST"),
            ("/v1/submitjob", "GET"),
            ("/", "POST"),
            ("/v2/submitjob", "POST"),
            ("/v1/submitjob/", "POST"),
            ("/v1/tags/x", "PUT"),
            ("/v1/té\x00st/../..", "POST"),
            ("/v1/submitjob\n", "POST"),
            ("/v1/\nsubmitjob", "POST"),
            ("/v1/submitjob", "TRACE"),
        ],
    )
    def test_that_do_not_exist_are_404_in_awss_shape(self, client, path, method):
        reply = client.send(event(path, "{}", method))
        assert (reply.status, reply.code) == (404, "UnknownOperationException")
        assert reply.message == "There is no such operation."

    def test_a_caller_whom_the_gateway_does_not_name_is_refused(self, client):
        made = event("/v1/describejobqueues", "{}")
        del made["requestContext"]["authorizer"]
        reply = client.send(made)
        assert (reply.status, reply.code) == (403, "AccessDeniedException")


class TestBodies:
    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            ("{", "not valid JSON"),
            ("[1]", "must be a JSON object"),
            ('"text"', "must be a JSON object"),
            ("null", "must be a JSON object"),
            ('{"jobName": NaN}', "NaN is not a number in JSON"),
            ("[" * 100_000, "not valid JSON"),
            ('{"a":' * 50_000, "not valid JSON"),
            ('{"jobName": ' + "9" * 5_000 + "}", "not valid JSON"),
            ("\ufeff{}", "not valid JSON"),
        ],
    )
    def test_that_are_no_json_object_are_400(self, client, body, sentence):
        reply = client.raw(body)
        assert (reply.status, reply.code) == (400, "ClientException")
        assert sentence in reply.message

    def test_in_base64_are_read(self, client):
        assert client.raw(json.dumps(JOB), encoded=True).status == 200

    def test_that_are_no_text_are_400(self, client):
        made = event("/v1/submitjob", "/w==", isBase64Encoded=True)
        assert client.send(made).status == 400

    def test_of_five_megabytes_get_our_answer_and_larger_ones_413(self, client):
        padding = 5 * 1024 * 1024 - len('{"a":""}')
        assert client.raw('{"a":"' + "x" * padding + '"}').status == 400
        reply = client.raw('{"a":"' + "x" * (padding + 1) + '"}')
        assert reply.status == 413
        assert client.raw("é" * (3 * 1024 * 1024)).status == 413

    def test_that_are_empty_are_an_empty_request(self, client):
        assert client.send(event("/v1/describejobqueues")).status == 200


@EVERYWHERE
class TestWrongRequests:
    """The issue's list of bad input: always 400, with a sentence that names field and value."""

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"jobNam": "x"}, "'jobNam' is not a field of the request: did you mean 'jobName'?"),
            ({"jobName": 5}, "jobName is 5: a string is needed."),
            ({"jobName": None}, "jobName is null: a string is needed."),
            ({"jobName": ""}, "jobName is ''"),
            ({"jobName": "x" * 129}, "1 to 128"),
            ({"jobName": "-x"}, "jobName is '-x'"),
            ({"jobName": "a/../b"}, "jobName is 'a/../b'"),
            ({"jobName": "<script>"}, "jobName"),
            ({"jobName": "\ud800"}, "jobName"),
            ({"jobName": "a\u0000b"}, "NUL"),
            ({"jobQueue": "none"}, "Job queue 'none' does not exist."),
            ({"jobQueue": ""}, "Job queue '' does not exist."),
            ({"jobQueue": "x" * 5000}, "does not exist"),
            ({"jobQueue": "a#b/../{{}}"}, "does not exist"),
            ({"jobQueue": "arn:aws:batch:eu-west-1:1:job-queue/default"}, "does not exist"),
            ({"jobDefinition": "none"}, "Job definition 'none' has no ACTIVE revision."),
            ({"jobDefinition": "task:99"}, "Job definition 'task:99' does not exist."),
            ({"jobDefinition": "task:0"}, "does not exist"),
            ({"jobDefinition": "task:" + "9" * 500}, "does not exist"),
            ({"jobDefinition": ":"}, "':'"),
            ({"retryStrategy": {"attempts": 0}}, "retryStrategy.attempts is 0: 1 to 10"),
            ({"retryStrategy": {"attempts": 11}}, "retryStrategy.attempts is 11"),
            ({"retryStrategy": {"attempts": True}}, "a whole number is needed"),
            ({"retryStrategy": {"attempts": 2**40}}, "retryStrategy.attempts"),
            (
                {"retryStrategy": {"evaluateOnExit": [{"action": "EXIT", "onExitCode": "1"}]}},
                "retryStrategy.attempts is required",
            ),
            (
                {
                    "retryStrategy": {
                        "attempts": 2,
                        "evaluateOnExit": [{"action": "STAY", "onExitCode": "1"}],
                    }
                },
                "retryStrategy.evaluateOnExit[0].action is 'STAY'",
            ),
            ({"timeout": {"attemptDurationSeconds": 59}}, "60 or more"),
            ({"tags": {"aws:x": "y"}}, "aws:"),
            ({"tags": {"k": "x" * 257}}, "tags['k']"),
            ({"tags": {f"k{n}": "" for n in range(51)}}, "at most 50"),
            ({"tags": {"<b>": "x"}}, "tags: the key is '<b>'"),
            (
                {"containerOverrides": {"environment": [{"name": "AWS_BATCH_X", "value": "1"}]}},
                "AWS_BATCH",
            ),
            (
                {
                    "containerOverrides": {
                        "resourceRequirements": [{"type": "MEMORY", "value": "3"}]
                    }
                },
                "at least 4",
            ),
            (
                {
                    "containerOverrides": {
                        "resourceRequirements": [{"type": "VCPU", "value": "1e3"}]
                    }
                },
                "VCPU",
            ),
            (
                {"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "33"}]}},
                "33",
            ),
            ({"dependsOn": [{"jobId": "6e7f9e1e-0000-4000-8000-000000000000"}]}, "6e7f9e1e"),
            ({"dependsOn": [{"jobId": "../../x"}]}, "../../x"),
            ({"arrayProperties": {"size": -1}}, "arrayProperties"),
        ],
    )
    def test_of_submit_job_name_the_field_and_make_no_job(self, client, world, change, sentence):
        assert sentence in client.refused("SubmitJob", **{**JOB, **change})
        assert world.platform.jobs.list({"jobQueue": "default", "jobStatus": "RUNNABLE"}) == {
            "jobSummaryList": []
        }

    def test_a_disabled_queue_takes_no_job(self, client):
        client.ok("UpdateJobQueue", jobQueue="default", state="DISABLED")
        assert "default" in client.refused("SubmitJob", **JOB)

    @pytest.mark.parametrize("name", ["jobName", "jobQueue", "jobDefinition"])
    def test_a_required_field_that_is_missing_is_named(self, client, name):
        assert client.refused("SubmitJob", **without(JOB, name)) == f"{name} is required."

    @pytest.mark.parametrize("operation", ["DescribeJobQueues", "DescribeComputeEnvironments"])
    @pytest.mark.parametrize("token", ["x", "%%%", "AAAA", "é", "x" * 10_000, "////"])
    def test_a_token_of_ours_is_needed_to_go_on(self, client, operation, token):
        assert "nextToken is" in client.refused(operation, nextToken=token)


class TestFailures:
    def test_of_ours_are_500_without_internals_and_logged(self, client, world, monkeypatch):
        def broken(body):
            raise RuntimeError("secret detail")

        monkeypatch.setattr(world.platform.catalog, "items", lambda *_: broken(None))
        reply = client.call("DescribeJobQueues")
        assert (reply.status, reply.code) == (500, "ServerException")
        assert "secret" not in json.dumps(reply.body)
        assert "secret detail" in world.journal.events("api failed")[0]["error"]

    def test_throttling_is_429(self, client, world, monkeypatch):
        def throttled(*_):
            raise Throttled

        monkeypatch.setattr(world.platform.catalog, "items", throttled)
        reply = client.call("DescribeJobQueues")
        assert (reply.status, reply.code) == (429, "TooManyRequestsException")


@EVERYWHERE
class TestClientTokens:
    def test_the_sdks_repeat_of_one_call_makes_one_job(self, client):
        headers = {"amz-sdk-invocation-id": "3f1c"}
        first = client.call("SubmitJob", headers, **JOB).body["jobId"]
        assert client.call("SubmitJob", headers, **JOB).body["jobId"] == first

    def test_two_calls_make_two_jobs(self, client):
        assert client.ok("SubmitJob", **JOB)["jobId"] != client.ok("SubmitJob", **JOB)["jobId"]

    def test_the_jobs_own_token_wins(self, client):
        job = {**JOB, "tags": {"batchyard:client-token": "mine"}}
        one = client.call("SubmitJob", {"amz-sdk-invocation-id": "1"}, **job).body["jobId"]
        assert client.call("SubmitJob", {"amz-sdk-invocation-id": "2"}, **job).body["jobId"] == one


@EVERYWHERE
class TestTags:
    def arn(self, client, operation, member, field):
        return client.ok(operation)[member][0][field]

    @pytest.mark.parametrize(
        ("operation", "member", "field"),
        [
            ("DescribeJobQueues", "jobQueues", "jobQueueArn"),
            ("DescribeComputeEnvironments", "computeEnvironments", "computeEnvironmentArn"),
            ("DescribeJobDefinitions", "jobDefinitions", "jobDefinitionArn"),
        ],
    )
    def test_of_catalog_entries_are_added_listed_and_taken_away(
        self, client, operation, member, field
    ):
        arn = self.arn(client, operation, member, field)
        assert client.tags("POST", arn, {"tags": {"a b": "1", "c": "2", "d": ""}}).status == 200
        assert client.untag(arn, "a b", "d", "never").status == 200
        assert client.tags("GET", arn).body == {"tags": {"c": "2"}}
        assert client.ok(operation)[member][0]["tags"] == {"c": "2"}

    def test_of_a_job_are_seen_by_describe_jobs(self, client):
        job = client.ok("SubmitJob", **JOB, tags={"was": "there"})
        assert client.tags("POST", job["jobArn"], {"tags": {"new": "one"}}).status == 200
        assert client.tags("GET", job["jobArn"]).body["tags"] == {"was": "there", "new": "one"}
        assert client.untag(job["jobArn"], "was").status == 200
        detail = client.ok("DescribeJobs", jobs=[job["jobId"]])["jobs"][0]
        assert detail["tags"] == {"new": "one"}

    def test_an_arn_that_is_still_encoded_is_read_too(self, client):
        job = client.ok("SubmitJob", **JOB)
        encoded = job["jobArn"].replace(":", "%3A").replace("/", "%2F")
        assert client.tags("GET", encoded).status == 200

    def test_of_ours_are_not_changed_on_a_job_and_checked_on_a_definition(self, client):
        job = client.ok("SubmitJob", **JOB, tags={"batchyard:backoff": "10s"})["jobArn"]
        task = self.arn(client, "DescribeJobDefinitions", "jobDefinitions", "jobDefinitionArn")
        ours = {"tags": {"batchyard:backoff": "20s"}}
        for reply in (client.tags("POST", job, ours), client.untag(job, "batchyard:backoff")):
            assert (reply.status, "cannot be changed" in reply.message) == (400, True)
        assert client.tags("GET", job).body["tags"] == {"batchyard:backoff": "10s"}
        assert client.tags("POST", task, ours).status == 200
        assert client.tags("POST", task, {"tags": {"batchyard:backoff": "soon"}}).status == 400

    @pytest.mark.parametrize(
        ("arn", "sentence"),
        [
            ("x", "resourceArn is 'x'"),
            ("arn:aws:batch:us-east-1:123456789012:job/", "resourceArn"),
            ("arn:aws:batch:us-east-1:123456789012:job/6e7f:0", "child jobs cannot be tagged"),
            ("arn:aws:batch:us-east-1:123456789012:job/6e7f", "does not exist"),
            ("arn:aws:batch:us-east-1:123456789012:job-queue/none", "does not exist"),
            ("arn:aws:batch:us-east-1:123456789012:job-definition/task", "resourceArn"),
            ("arn:aws:batch:us-east-1:123456789012:secret/x", "resourceArn"),
            ("arn:aws:batch:us-east-1:999999999999:job-queue/default", "resourceArn"),
            ("é" * 3000, "resourceArn"),
        ],
    )
    def test_of_nothing_here_are_400(self, client, arn, sentence):
        reply = client.tags("GET", arn)
        assert reply.status == 400
        assert sentence in reply.message

    def test_beyond_fifty_are_refused(self, client):
        arn = self.arn(client, "DescribeJobQueues", "jobQueues", "jobQueueArn")
        client.tags("POST", arn, {"tags": {f"k{n}": "" for n in range(50)}})
        reply = client.tags("POST", arn, {"tags": {"one": "more"}})
        assert (reply.status, "at most 50" in reply.message) == (400, True)
