"""Whatever comes by event is settled: a job once, or told, counted and acknowledged; never a loop."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.handlers import intake as intake_handler
from lambdas.handlers import track as track_handler
from lambdas.services.catalog_entries import Author
from simulator.checks import violations
from simulator.fargate import Outcome
from tests.handlers.fuzzing import requests, spoil
from tests.handlers.fuzzing.deployment import deployed
from tests.handlers.fuzzing.profile import examples

BODY = {"jobName": "hello", "jobQueue": "default", "jobDefinition": "task"}
SETTLED: dict[str, Any] = {"batchItemFailures": []}
#: All that S3 takes but NUL, which no process can be given; up to 1,024 bytes.
KEYS = (
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
    | st.sampled_from(
        [
            *(
                "a+b%20c",
                "../../x",
                '{"a": 1}',
                "Ref::inputKey",
                "line\nbreak",
                "'\"\\",
                " ",
                "\x01",
            ),
            *("\U0001f326" * 250, "x" * 1017, "%", "a//b/", "null", "\u202e", "Ref::inputBucket"),
        ]
    )
).filter(lambda key: len(f"in/{key}".encode()) <= 1024)


@pytest.fixture(scope="module")
def deployment():
    with deployed() as made:
        yield made


def batch(*bodies: str) -> dict[str, Any]:
    arn = "arn:aws:sqs:us-east-1:123456789012:q"
    return {
        "Records": [
            {"messageId": f"m-{n}", "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn}
            for n, body in enumerate(bodies)
        ]
    }


def envelope(kind: str, source: str, detail: Any) -> dict[str, Any]:
    return {
        "id": "e-1",
        "detail-type": kind,
        "source": source,
        "account": "123456789012",
        "detail": detail,
    }


def jobs(world) -> list[dict[str, Any]]:
    items = [item for item in world.tables.jobs.scan() if item["sk"] == "STATE"]
    return [world.describe(item["id"]) for item in items]


def upload(key: str, **more: Any) -> dict[str, Any]:
    found = {"bucket": {"name": "in"}, "object": {"key": key, "size": 3, **more}}
    return envelope("Object Created", "aws.s3", found)


def rejected(world) -> int:
    return world.inboxes.depth(world.settings.rejected_queue)


@examples(200)
@given(
    text=spoil.spoilt(
        requests.submits("default", "task").map(lambda b: envelope("Submit Job", "a", b))
    )
    | st.text(max_size=30)
    | st.sampled_from(spoil.RAW)
)
@example(
    text=json.dumps({**envelope("x" * 300, "\U0001f600" * 300, {}), "id": "\U0001f600" * 90_000})
)
@example(text=json.dumps(envelope("Submit Job", "s" * 500_000, BODY)))
def test_any_submit_event_is_a_job_or_a_rejection(deployment, text):
    world = deployment.anew()
    for _ in range(2):
        assert intake_handler.handler(batch(text), None) == SETTLED
    made = len(jobs(world))
    assert (made, rejected(world)) in ((1, 0), (0, 2)), world.journal.lines
    assert world.journal.counts["EventsRejected"] == rejected(world)


@examples(150)
@given(text=spoil.spoilt(KEYS.map(upload)))
@example(
    text=json.dumps(
        envelope(
            "Object Created", "aws.s3", {"bucket": {"name": "b" * 5000}, "object": {"key": "k"}}
        )
    )
)
def test_any_upload_is_settled(deployment, text):
    world = deployment.anew()
    trigger = {"id": "t", "bucket": "in", "submitJob": BODY}
    world.platform.triggers.declare(trigger, Author("stack", "stack#t"))
    for _ in range(2):
        assert intake_handler.handler(batch(text), None) == SETTLED
    assert len(jobs(world)) <= 1


@examples(150)
@given(
    key=KEYS.map("in/{}".format),
    version=st.none() | requests.TEXT,
    sequencer=st.none() | st.from_regex(r"[0-9A-F]{0,18}", fullmatch=True),
)
def test_a_key_reaches_each_of_its_jobs_as_it_is(deployment, key, version, sequencer):
    """Two triggers match, a third does not; the upload is told three times."""
    world = deployment.anew()
    for name, prefix, suffix in (("one", "in/", ""), ("two", "", key[-1:]), ("no", "out/", "")):
        detail = {"id": name, "bucket": "in", "prefix": prefix, "suffix": suffix, "submitJob": BODY}
        world.platform.triggers.declare(detail, Author("stack", "stack#t"))
    said = {"version-id": version, "sequencer": sequencer}
    event = json.dumps(upload(key, **{n: v for n, v in said.items() if v is not None}))
    for bodies in ((event,), (event, event)):
        assert intake_handler.handler(batch(*bodies), None) == SETTLED
    made = jobs(world)
    assert len(made) == 2
    for job in made:
        assert job["parameters"]["inputKey"] == key
        told = {v["name"]: v["value"] for v in job["container"]["environment"]}
        assert told["BATCHYARD_INPUT_KEY"] == key
    assert rejected(world) == 0


TASK = {
    "taskArn": "arn:aws:ecs:us-east-1:123456789012:task/sim/1",
    "lastStatus": "STOPPED",
    "version": 3,
    "startedAt": "2026-01-01T00:00:01Z",
    "stoppedAt": "2026-01-01T00:00:02Z",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "containers": [
        {
            "name": "default",
            "exitCode": 1,
            "reason": "x",
            "networkInterfaces": [{"privateIpv4Address": "10.0.0.1"}],
        }
    ],
    "attachments": [{"details": [{"name": "privateIPv4Address", "value": "10.0.0.1"}]}],
}


@examples(250)
@given(
    detail=st.sampled_from(["STOPPED", "RUNNING", "PENDING", "NEW"]).map(
        lambda status: {**TASK, "lastStatus": status}
    ),
    data=st.data(),
)
def test_any_task_event_is_settled_and_breaks_nothing(deployment, detail, data):
    """Of the live attempt of a job, of nobody, and unreadable; twice, and among good ones."""
    world = deployment.anew(lambda _name, _attempt: Outcome(runs=600_000))
    job = world.submit()
    world.run(minutes=1)
    state = world.state(job)
    owner = data.draw(st.sampled_from([state.started_by, f"{job}/other", "me", "x/" * 2000]))
    task = data.draw(st.sampled_from([state.task, TASK["taskArn"]]))
    whole = envelope(
        "ECS Task State Change", "aws.ecs", {**detail, "startedBy": owner, "taskArn": task}
    )
    text = data.draw(spoil.spoilt(st.just(whole)) | st.sampled_from(spoil.RAW))
    for bodies in ((text,), (text, json.dumps(whole))):
        answer = track_handler.handler(batch(*bodies), None)
        assert answer == SETTLED, world.journal.lines[-1]
    assert violations(world) == []
    world.describe(job)
