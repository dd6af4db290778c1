"""Array jobs on the embedded cloud, as a client of AWS Batch sees them."""

from __future__ import annotations

from tests.e2e.yard import eventually


def children(yard, job: str, status: str) -> list[int]:
    pages = yard.batch.get_paginator("list_jobs").paginate(arrayJobId=job, jobStatus=status)
    return [e["arrayProperties"]["index"] for page in pages for e in page["jobSummaryList"]]


def test_every_child_runs_with_its_index(yard):
    script = 'echo "$AWS_BATCH_JOB_ARRAY_INDEX of $AWS_BATCH_JOB_ARRAY_SIZE"'
    job = yard.submit(script, arrayProperties={"size": 12})
    ended = yard.ended(job)
    assert ended["status"] == "SUCCEEDED"
    assert ended["arrayProperties"]["size"] == 12
    assert ended["arrayProperties"]["statusSummary"]["SUCCEEDED"] == 12
    assert children(yard, job, "SUCCEEDED") == list(range(12))
    said = [line for index in range(12) for line in yard.lines(f"{job}:{index}")]
    assert said == [f"{index} of 12" for index in range(12)]


def test_one_failed_child_fails_its_array_and_what_waits_for_it(yard):
    script = 'test "$AWS_BATCH_JOB_ARRAY_INDEX" != 1'
    job = yard.submit(script, arrayProperties={"size": 3})
    after = yard.submit("true", dependsOn=[{"jobId": job}])
    ended = yard.ended(job)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "Array Child Job failed")
    assert yard.ended(after)["statusReason"] == "Dependent Job failed"
    assert yard.job(f"{job}:1")["container"]["exitCode"] == 1
    assert yard.job(f"{job}:2")["status"] == "SUCCEEDED"


def test_a_terminated_array_stops_its_children(yard):
    job = yard.submit("sleep 300", arrayProperties={"size": 4})
    eventually(lambda: len(children(yard, job, "RUNNING")) > 1)
    assert yard.job(job)["status"] == "PENDING"
    yard.batch.terminate_job(jobId=job, reason="enough")
    ended = yard.ended(job)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "enough")
    assert children(yard, job, "FAILED") == [0, 1, 2, 3]
