"""What the endpoint answers over real HTTP is what the service model says; web pages get nothing."""

from __future__ import annotations

import http.client
import uuid

import pytest
from botocore.session import Session

from tests.e2e.wire import is_a_sentence
from tests.e2e.yard import eventually

# ── answers ───────────────────────────────────────────────────────────────────────────────────


def test_every_answer_about_jobs_is_as_the_model_says(yard, send):
    """In each status a job can have: member by member, with no member that the model lacks."""
    model = Session().get_service_model("batch")
    slow = yard.submit("sleep 5", tags={"team": "a"}, timeout={"attemptDurationSeconds": 90})
    jobs = [
        slow,
        yard.submit("true", dependsOn=[{"jobId": slow}]),
        yard.submit("exit 1", retryStrategy={"attempts": 2}),
        yard.submit("true", parameters={"a": "b"}, propagateTags=True),
    ]
    seen = set()

    def look() -> bool:
        reply = send("/v1/describejobs", {"jobs": jobs})
        _conforms(model.operation_model("DescribeJobs").output_shape, reply.body)
        told = [job["status"] for job in reply.body["jobs"]]
        assert len(told) == len(jobs)
        seen.update(told)
        return all(status in ("SUCCEEDED", "FAILED") for status in told)

    eventually(look)
    assert {"RUNNING", "PENDING", "SUCCEEDED", "FAILED"} <= seen
    for status in sorted(seen | {"SUBMITTED", "STARTING"}):
        reply = send("/v1/listjobs", {"jobQueue": "default", "jobStatus": status})
        assert reply.status == 200
        _conforms(model.operation_model("ListJobs").output_shape, reply.body)


def test_every_answer_about_the_catalog_is_as_the_model_says(send):
    model = Session().get_service_model("batch")
    for name in ("DescribeJobDefinitions", "DescribeJobQueues", "DescribeComputeEnvironments"):
        reply = send(f"/v1/{name.lower()}")
        assert reply.status == 200
        _conforms(model.operation_model(name).output_shape, reply.body)


def test_a_list_is_read_page_by_page(yard):
    name = f"page-{uuid.uuid4().hex[:8]}"
    jobs = {yard.submit("true", jobName=name) for _ in range(5)}
    pages = yard.batch.get_paginator("list_jobs").paginate(
        jobQueue="default",
        filters=[{"name": "JOB_NAME", "values": [name]}],
        PaginationConfig={"PageSize": 2},
    )
    found = [[job["jobId"] for job in page["jobSummaryList"]] for page in pages]
    assert [len(page) for page in found if page] == [2, 2, 1]
    assert {job for page in found for job in page} == jobs


def test_tags_come_back_as_they_were_given(yard):
    arn = yard.define("tagged", ["true"], tags={"a": "1"})
    yard.batch.tag_resource(resourceArn=arn, tags={"b b": "ü/+=@:"})
    assert yard.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"a": "1", "b b": "ü/+=@:"}
    yard.batch.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert yard.batch.list_tags_for_resource(resourceArn=arn)["tags"] == {"b b": "ü/+=@:"}


# ── what a web page can send ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("headers", "status", "word"),
    [
        ({"origin": "https://example.com"}, 403, "Origin"),
        ({"origin": "null"}, 403, "Origin"),
        ({"host": "evil.example:80"}, 403, "Host"),
        ({"host": "localhost"}, 403, "Host"),
        ({"sec_fetch_site": "cross-site"}, 403, "Sec-Fetch-Site"),
        ({"content_type": "text/plain"}, 415, "Content-Type"),
        ({"content_type": "application/x-www-form-urlencoded"}, 415, "Content-Type"),
        ({"content_type": ""}, 415, "Content-Type"),
    ],
)
def test_what_a_web_page_can_send_is_refused(yard, send, headers, status, word):
    request = yard.request()
    reply = send("/v1/submitjob", request, **headers)
    assert (reply.status, word in reply.body["message"]) == (status, True)
    is_a_sentence(reply.body["message"])
    assert yard.named(request["jobName"]) == []


def test_the_other_services_refuse_web_pages_too(yard):
    address = yard.platform.aws_endpoint.removeprefix("http://")
    link = http.client.HTTPConnection(address, timeout=30)
    link.request("GET", "/", headers={"Origin": "https://example.com"})
    assert link.getresponse().status == 403


# ── parts ─────────────────────────────────────────────────────────────────────────────────────


def _conforms(shape, value, where: str = "") -> None:
    """`value` has the types of `shape`, every member that it requires and none besides."""
    kinds = {"string": str, "integer": int, "long": int, "float": float, "boolean": bool}
    match shape.type_name:
        case "structure":
            assert isinstance(value, dict), where
            assert not set(value) - set(shape.members), where
            assert not set(shape.required_members) - set(value), where
            for name, given in value.items():
                _conforms(shape.members[name], given, f"{where}.{name}")
        case "list":
            assert isinstance(value, list), where
            for given in value:
                _conforms(shape.member, given, f"{where}[]")
        case "map":
            assert isinstance(value, dict), where
            for name, given in value.items():
                _conforms(shape.value, given, f"{where}[{name}]")
        case kind:
            assert type(value) is kinds[kind], f"{where}: {value!r}"
            enum = getattr(shape, "enum", ())
            assert not enum or value in enum, f"{where}: {value!r}"
