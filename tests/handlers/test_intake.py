"""The `intake` function, composed as it is on AWS: partial batches, rejections, repeats."""

from __future__ import annotations

import json

import boto3
import pytest

from lambdas import bootstrap
from lambdas.core.errors import Throttled
from lambdas.services.catalog_entries import Author
from tests.handlers.deployed import TRIGGER, deployed

JOB = {"jobName": "hello", "jobQueue": "default", "jobDefinition": "task"}


@pytest.fixture
def function(monkeypatch):
    with deployed(monkeypatch):
        from lambdas.handlers.intake import handler

        yield lambda *bodies: handler(_batch(bodies), None)


def _batch(bodies):
    records = [
        {
            "messageId": f"m-{number}",
            "receiptHandle": "r",
            "body": body if isinstance(body, str) else json.dumps(body),
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:123456789012:intake",
            "awsRegion": "us-east-1",
        }
        for number, body in enumerate(bodies)
    ]
    return {"Records": records}


def _asked(detail, event_id="e-1"):
    return {
        "id": event_id,
        "detail-type": "Submit Job",
        "source": "app",
        "account": "123456789012",
        "detail": detail,
    }


def _jobs():
    service = bootstrap.platform().jobs
    return service.list({"jobQueue": "default", "jobStatus": "RUNNABLE"})["jobSummaryList"]


def _rejected():
    queue = bootstrap.settings().rejected_queue
    answer = boto3.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [json.loads(m["Body"]) for m in answer.get("Messages", ())]


def test_good_and_bad_events_of_one_batch_are_all_settled(function):
    good, bad = _asked(JOB), _asked({**JOB, "jobQueue": "no-such"}, "e-2")
    assert function(good, "not json", bad) == {"batchItemFailures": []}
    assert [job["jobName"] for job in _jobs()] == ["hello"]
    reasons = [record["reason"] for record in _rejected()]
    assert len(reasons) == 2
    assert any("no-such" in reason for reason in reasons)


def test_a_batch_delivered_twice_makes_each_job_once(function):
    for _ in range(2):
        assert function(_asked(JOB, "e-1"), _asked(JOB, "e-2")) == {"batchItemFailures": []}
    assert len(_jobs()) == 2


def test_what_is_throttled_is_reported_and_nothing_else(function, monkeypatch):
    submit = bootstrap.platform().submit
    real = submit.submit

    def sometimes(body, caller, token):
        if body["jobName"] == "unlucky":
            raise Throttled("DynamoDB asks to be called later")
        return real(body, caller, token)

    monkeypatch.setattr(submit, "submit", sometimes)
    answer = function(_asked({**JOB, "jobName": "unlucky"}, "e-1"), _asked(JOB, "e-2"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-0"}]}
    assert len(_jobs()) == 1
    assert _rejected() == []


def test_an_upload_with_an_odd_key_becomes_a_job_that_knows_it(function):
    bootstrap.platform().triggers.declare(TRIGGER, Author("stack", "stack#T"))
    key = "weather/a+b%20ünï 🌦.csv"
    found = {"key": key, "size": 3, "etag": "abc", "sequencer": "01"}
    event = _asked({"bucket": {"name": "in"}, "object": found})
    event |= {"detail-type": "Object Created", "source": "aws.s3"}
    assert function(event, event) == {"batchItemFailures": []}
    (job,) = _jobs()
    detail = bootstrap.platform().jobs.describe({"jobs": [job["jobId"]]})["jobs"][0]
    told = {v["name"]: v["value"] for v in detail["container"]["environment"]}
    assert told["BATCHYARD_INPUT_KEY"] == key
