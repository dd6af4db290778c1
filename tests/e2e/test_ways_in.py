"""How jobs come in: each way makes the job it should, and makes it once."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import botocore.exceptions
import botocore.httpsession
import pytest

from tests.e2e.yard import eventually

ODD_KEY = "told/a b+c & %41 'q' \"Q\" $HOME; é日本\U0001f600 (1)*.csv"


# ── the AWS Batch API ─────────────────────────────────────────────────────────────────────────


def test_an_answer_that_was_lost_makes_no_second_job(yard):
    """The SDK tries again by itself, with the invocation id of the first try."""
    request, client = yard.request(), yard.client("batch")
    tries = []

    def lose_the_first_answer(request, **_):
        tries.append(request.headers["amz-sdk-invocation-id"])
        if len(tries) == 1:
            assert botocore.httpsession.URLLib3Session().send(request).status_code == 200
            raise botocore.exceptions.ConnectionClosedError(endpoint_url=request.url)

    client.meta.events.register("before-send.batch.SubmitJob", lose_the_first_answer)
    job = client.submit_job(**request)["jobId"]
    assert len(tries) == 2
    assert len(set(tries)) == 1
    yard.ended(job)
    assert yard.named(request["jobName"]) == [job]


def test_one_client_token_makes_one_job(yard):
    request = yard.request(tags={"batchyard:client-token": uuid.uuid4().hex})
    jobs = {yard.batch.submit_job(**request)["jobId"] for _ in range(3)}
    assert yard.named(request["jobName"]) == list(jobs)
    with pytest.raises(yard.batch.exceptions.ClientException, match="use a new token"):
        yard.batch.submit_job(**request | {"jobName": "another"})


def test_two_calls_without_a_token_are_two_jobs(yard):
    request = yard.request()
    assert len({yard.batch.submit_job(**request)["jobId"] for _ in range(2)}) == 2


def test_the_aws_cli_submits_and_describes(yard):
    name = f"cli-{uuid.uuid4().hex[:8]}"
    told = ["--job-name", name, "--job-queue", "default", "--job-definition", "sh"]
    overrides = json.dumps({"command": ["echo", "from the cli"]})
    answer = yard.cli("batch", "submit-job", *told, "--container-overrides", overrides)
    yard.ended(answer["jobId"])
    (job,) = yard.cli("batch", "describe-jobs", "--jobs", answer["jobId"])["jobs"]
    assert (job["jobName"], job["status"]) == (name, "SUCCEEDED")
    assert yard.lines(job["jobId"]) == ["from the cli"]


# ── events ────────────────────────────────────────────────────────────────────────────────────


def test_the_aws_cli_puts_an_event_that_becomes_a_job(yard):
    request = yard.request("echo from an event")
    entry = _entry(yard, request)
    yard.cli("events", "put-events", "--entries", json.dumps([entry]))
    job = yard.arrived(request["jobName"])
    assert yard.ended(job)["status"] == "SUCCEEDED"
    assert yard.lines(job) == ["from an event"]


def test_the_same_event_twice_is_one_job(yard):
    request = yard.request()
    rule = {"EventBusName": yard.platform.event_bus}
    with _overheard(yard, {"detail": {"jobName": [request["jobName"]]}}, **rule) as heard:
        yard.client("events").put_events(Entries=[_entry(yard, request)])
        job = yard.arrived(request["jobName"])
        _deliver_again(yard, eventually(heard))
    assert yard.named(request["jobName"]) == [job]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"jobQueue": "nowhere"}, "nowhere"),
        ({"jobDefinition": "nothing"}, "nothing"),
        ({"jobName": 'x"; rm -rf /'}, "jobName"),
        ({"jobName": None}, "jobName"),
        ({"containerOverrides": {"comand": ["true"]}}, "comand"),
        ({"timeout": {"attemptDurationSeconds": 1}}, "60"),
    ],
)
def test_an_event_that_can_make_no_job_is_kept_with_the_reason(yard, change, reason):
    request = {**yard.request(), **change}
    answer = yard.client("events").put_events(Entries=[_entry(yard, request)])
    record = _rejected(yard, answer["Entries"][0]["EventId"])
    assert reason in record["reason"]
    assert record["code"] == "ClientException"
    assert json.loads(record["event"])["detail"] == request


# ── uploads ───────────────────────────────────────────────────────────────────────────────────


def test_an_upload_starts_a_job_that_knows_its_exact_key(yard):
    body = uuid.uuid4().hex
    name = "told-a-b-c-41-q-Q-HOME-1-csv"
    before = yard.named(name)
    bucket = yard.platform.input_bucket
    yard.client("s3").put_object(Bucket=bucket, Key=ODD_KEY, Body=body.encode())
    (job,) = eventually(lambda: [j for j in yard.named(name) if j not in before], 20)
    assert yard.ended(job)["status"] == "SUCCEEDED", yard.lines(job)
    assert yard.lines(job) == [f"key={ODD_KEY}", f"body={body}"]


def test_the_same_upload_event_twice_is_one_job(yard):
    word = uuid.uuid4().hex
    with _overheard(yard, {"source": ["aws.s3"]}) as heard:
        bucket = yard.platform.input_bucket
        yard.client("s3").put_object(Bucket=bucket, Key=f"told/{word}", Body=b"x")
        job = yard.arrived(f"told-{word}")
        _deliver_again(yard, eventually(heard))
    assert yard.named(f"told-{word}") == [job]
    yard.client("s3").put_object(Bucket=bucket, Key=f"told/{word}", Body=b"y")
    eventually(lambda: len(yard.named(f"told-{word}")) == 2)


def test_an_upload_elsewhere_starts_nothing(yard):
    word = uuid.uuid4().hex
    with _overheard(yard, {"source": ["aws.s3"]}) as heard:
        bucket = yard.platform.input_bucket
        yard.client("s3").put_object(Bucket=bucket, Key=f"untold/{word}", Body=b"x")
        eventually(heard)
    assert yard.named(f"told-{word}") == []


# ── parts ─────────────────────────────────────────────────────────────────────────────────────


def _entry(yard, request) -> dict[str, str]:
    return {
        "EventBusName": yard.platform.event_bus,
        "Source": "my.app",
        "DetailType": "Submit Job",
        "Detail": json.dumps(request),
    }


@contextmanager
def _overheard(yard, pattern, **rule) -> Iterator:
    """A second target for events that match: what `heard()` gives is the newest such event."""
    name = f"heard-{uuid.uuid4().hex[:8]}"
    events, sqs = yard.client("events"), yard.sqs
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{yard.platform.region}:{yard.platform.account}:{name}"
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), **rule)
    events.put_targets(Rule=name, Targets=[{"Id": "heard", "Arn": arn}], **rule)

    def heard() -> str | None:
        told = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", ())
        return told[-1]["Body"] if told else None

    yield heard
    events.remove_targets(Rule=name, Ids=["heard"], **rule)
    events.delete_rule(Name=name, **rule)
    sqs.delete_queue(QueueUrl=queue)


def _deliver_again(yard, event: str) -> None:
    """Put an event onto the intake queue as EventBridge does, and wait until it was taken."""
    queue = yard.platform.parameters["intake-queue"]
    yard.sqs.send_message(QueueUrl=queue, MessageBody=event)
    counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def taken() -> bool:
        told = yard.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(counts))
        return all(told["Attributes"][name] == "0" for name in counts)

    eventually(taken)


def _rejected(yard, event: str) -> dict[str, str]:
    """The record of a rejected event, off the queue of rejected events."""
    queue = yard.platform.parameters["rejected-queue"]
    records: dict[str, dict[str, str]] = {}

    def look() -> dict[str, str] | None:
        told = yard.sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        for message in told.get("Messages", ()):
            record = json.loads(message["Body"])
            records[record["event_id"]] = record
            yard.sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return records.get(event)

    found: dict[str, str] = eventually(look, 20, lambda: f"{list(records)}")
    return found
