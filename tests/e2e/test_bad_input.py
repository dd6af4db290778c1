"""Bad input over real HTTP: a refusal in one sentence that names what is wrong, and no job."""

from __future__ import annotations

import json
import uuid

import pytest

from tests.e2e.wire import is_a_sentence

MIB = 1024 * 1024
HOSTILE = (
    "' OR 1=1 --",
    "../../etc/passwd",
    "a\x00b",
    "<script>",
    "${jndi:ldap://x}",
    "é\U0001f600",
    "\u202e",
    "%s%n",
    "x" * 2_000,
    "",
)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"{", ("JSON",)),
        (b"\xff\xfe", ("JSON",)),
        (b"[]", ("object",)),
        (b'"text"', ("object",)),
        (b"[" * 100_000, ("JSON",)),
        (b'{"jobName": NaN}', ("JSON",)),
        (b"{}", ("jobName",)),
    ],
)
def test_a_body_that_is_no_request(send, body, words):
    send("/v1/submitjob", body).refuses(*words)


CHANGES = [
    ({"jobNam": "x"}, "jobNam"),
    ({"jobName": 7}, "jobName"),
    ({"jobName": None}, "jobName"),
    ({"dependsOn": {}}, "dependsOn"),
    ({"dependsOn": ["x"]}, "dependsOn"),
    ({"retryStrategy": {"attempts": 11}}, "attempts"),
    ({"retryStrategy": {"attempts": "3"}}, "attempts"),
    ({"timeout": {"attemptDurationSeconds": 59}}, "60"),
    ({"timeout": {"attemptDurationSeconds": 10**30}}, "attemptDurationSeconds"),
    ({"jobQueue": "nowhere"}, "nowhere"),
    ({"jobDefinition": "nothing"}, "nothing"),
    ({"jobDefinition": "sh:99"}, "sh:99"),
    ({"jobDefinition": "sh:x"}, "sh:x"),
    ({"dependsOn": [{"jobId": "00000000-0000-8000-8000-000000000000"}]}, "dependsOn"),
    ({"dependsOn": [{"jobId": "no id"}]}, "no id"),
    ({"arrayProperties": {"size": 10_000_001}}, "arrayProperties.size"),
    ({"shareIdentifier": "a"}, "shareIdentifier"),
    ({"tags": {f"k{n}": "v" for n in range(51)}}, "tags"),
    ({"tags": {"aws:x": "y"}}, "aws:"),
    ({"tags": {"batchyard:backoff": "soon"}}, "batchyard:backoff"),
    ({"tags": {"batchyard:unknown": "x"}}, "batchyard:unknown"),
    (
        {"containerOverrides": {"resourceRequirements": [{"type": "VCPU", "value": "300"}]}},
        "300 vCPU",
    ),
    (
        {"containerOverrides": {"resourceRequirements": [{"type": "MEMORY", "value": "-1"}]}},
        "MEMORY",
    ),
    (
        {"containerOverrides": {"environment": [{"name": "A", "value": "\ud800"}]}},
        "surrogate",
    ),
]


@pytest.mark.parametrize(("change", "word"), CHANGES, ids=[f"{c}"[:50] for c, _ in CHANGES])
def test_a_value_that_is_not_allowed_is_named(yard, send, change, word):
    request = {**yard.request(), "jobName": f"bad-{uuid.uuid4().hex[:8]}"}
    send("/v1/submitjob", request | change).refuses(word)
    assert yard.named(request["jobName"]) == []


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
@pytest.mark.parametrize("member", ["jobName", "jobQueue", "jobDefinition"])
def test_hostile_text_in_a_name_is_refused(yard, send, member, text):
    send("/v1/submitjob", yard.request() | {member: text}).refuses()


def test_hostile_text_in_values_reaches_the_job_as_it_is(yard):
    """A NUL cannot stand in an environment; all else can."""
    texts = [text for text in HOSTILE if "\x00" not in text]
    texts = [*texts, "line\nbreak", "$(id)`id`", "--help"]
    environment = [{"name": f"V{n}", "value": text} for n, text in enumerate(texts)]
    yard.define("values", ["python3", "-c", "Ref::program", "Ref::one"])
    program = "import json, os, sys\nprint(json.dumps([sys.argv[1], *map(os.environ.get, %r)]))"
    job = yard.submit(
        jobDefinition="values",
        containerOverrides={"environment": environment, "command": []},
        parameters={
            "program": program % [v["name"] for v in environment],
            "one": "Ref::program '\";\n${IFS}",
        },
    )
    assert yard.ended(job)["status"] == "SUCCEEDED", yard.lines(job)
    assert json.loads(yard.lines(job)[0]) == ["Ref::program '\";\n${IFS}", *texts]


def test_a_job_that_waits_for_itself(yard, send):
    """Only who knows an id beforehand can ask for it: the owner of the client token."""
    request = yard.request(tags={"batchyard:client-token": uuid.uuid4().hex})
    job = yard.batch.submit_job(**request)["jobId"]
    send("/v1/submitjob", request | {"dependsOn": [{"jobId": job}]}).refuses(job)


def test_a_disabled_queue_and_an_inactive_definition(yard, send):
    order = [{"order": 1, "computeEnvironment": "fargate"}]
    name = f"off-{uuid.uuid4().hex[:8]}"
    yard.batch.create_job_queue(
        jobQueueName=name, priority=1, state="DISABLED", computeEnvironmentOrder=order
    )
    send("/v1/submitjob", yard.request(jobQueue=name)).refuses(name, "DISABLED")
    arn = yard.define(name, ["true"])
    yard.batch.deregister_job_definition(jobDefinition=arn)
    send("/v1/submitjob", yard.request(jobDefinition=arn)).refuses(name, "INACTIVE")


def test_an_oversized_body(yard, send):
    big = {"parameters": {"a": "x" * 6 * MIB}}
    reply = send("/v1/submitjob", yard.request() | big)
    assert reply.status == 413
    is_a_sentence(reply.body["message"])


def test_a_request_of_a_megabyte_is_a_job(yard):
    """Too large for an item, and kept all the same."""
    parameters = {"unused": "x" * MIB}
    job = yard.ended(yard.submit("true", parameters=parameters))
    assert job["status"] == "SUCCEEDED"
    assert job["parameters"] == parameters


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/describejobs", {"jobs": ["x"] * 101}),
        ("/v1/listjobs", {}),
        ("/v1/listjobs", {"jobQueue": "default", "nextToken": "bogus"}),
        ("/v1/listjobs", {"jobQueue": "default", "maxResults": 0}),
        ("/v1/canceljob", {"jobId": "00000000-0000-8000-8000-000000000000", "reason": "r"}),
        ("/v1/terminatejob", {"jobId": "x", "reason": ""}),
        ("/v1/registerjobdefinition", {"jobDefinitionName": "x y", "type": "container"}),
        ("/v1/registerjobdefinition", {"jobDefinitionName": "x", "type": "multinode"}),
        ("/v1/createjobqueue", {"jobQueueName": "q", "priority": -1}),
        ("/v1/deletecomputeenvironment", {"computeEnvironment": "fargate"}),
        ("/v1/submitservicejob", {}),
    ],
)
def test_other_operations_refuse_as_plainly(send, path, body):
    send(path, body).refuses()


def test_a_path_that_is_no_operation(send):
    for path in ("/v1/nothing", "/v1/", "/v2/submitjob", "/", "/v1/../v1/submitjob"):
        assert send(path).status in (403, 404)
