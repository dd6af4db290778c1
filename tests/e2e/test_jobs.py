"""The life of a job on the embedded cloud, as a client of AWS Batch sees it."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime

import psutil
import pytest

from tests.e2e.yard import eventually

OUT_OF_MEMORY = "OutOfMemoryError: Container killed due to memory usage"


@pytest.fixture(scope="module", autouse=True)
def overlong(yard):
    """A job that outstays its time: submitted before all others, looked at after them."""
    return yard.submit("sleep 300", timeout={"attemptDurationSeconds": 60})


def test_a_plain_job_succeeds_and_starts_no_execution(yard):
    job = yard.ended(yard.submit("echo hello; echo world >&2"))
    assert job["status"] == "SUCCEEDED"
    assert job["container"]["exitCode"] == 0
    assert job["statusReason"] == "Essential container in task exited"
    assert job["createdAt"] <= job["startedAt"] <= job["stoppedAt"]
    assert len(job["attempts"]) == 1
    assert sorted(yard.lines(job["jobId"])) == ["hello", "world"]
    task = job["container"]["taskArn"].rsplit("/", 1)[-1]
    assert job["container"]["logStreamName"] == f"sh/default/{task}"
    assert yard.executions(job["jobId"]) == {}


def test_a_line_is_in_cloudwatch_logs_within_two_seconds(yard):
    job = yard.submit("date -u +at=%FT%T.%N; sleep 20")
    printed = yard.line(job, "at=")
    age = datetime.now(UTC) - datetime.fromisoformat(printed[:26]).replace(tzinfo=UTC)
    assert age.total_seconds() < 2
    assert yard.job(job)["status"] in ("STARTING", "RUNNING")
    yard.batch.terminate_job(jobId=job, reason="seen")
    yard.ended(job)


def test_a_failed_attempt_is_retried_with_backoff_by_step_functions(yard):
    job = yard.submit(
        'echo "attempt=$AWS_BATCH_JOB_ATTEMPT"; test "$AWS_BATCH_JOB_ATTEMPT" = 2 || exit 9',
        retryStrategy={"attempts": 3},
        tags={"batchyard:backoff": "2s x2 max 1m"},
    )
    ended = yard.ended(job)
    assert ended["status"] == "SUCCEEDED"
    assert [a["container"].get("exitCode") for a in ended["attempts"]] == [9, 0]
    first, second = ended["attempts"]
    assert second["startedAt"] - first["stoppedAt"] >= 2000
    (execution,) = eventually(lambda: _all_ended(yard.executions(job))).items()
    assert execution == (f"{job}-1-1", "SUCCEEDED")


def test_a_failed_job_keeps_its_exit_code_and_every_attempt(yard):
    job = yard.ended(yard.submit("exit 3", retryStrategy={"attempts": 2}))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 3)
    assert len({a["container"]["taskArn"] for a in job["attempts"]}) == 2


def test_evaluate_on_exit_ends_what_it_names(yard):
    rules = [{"onExitCode": "4*", "action": "EXIT"}, {"onReason": "*", "action": "RETRY"}]
    job = yard.submit("exit 42", retryStrategy={"attempts": 5, "evaluateOnExit": rules})
    ended = yard.ended(job)
    assert (ended["status"], len(ended["attempts"])) == ("FAILED", 1)


def test_a_job_starts_after_both_it_depends_on(yard):
    quick, slow = yard.submit("true"), yard.submit("sleep 2")
    last = yard.submit("true", dependsOn=[{"jobId": quick}, {"jobId": slow}])
    assert yard.until(last, "PENDING")["dependsOn"] == [{"jobId": quick}, {"jobId": slow}]
    ended = yard.ended(last)
    assert ended["status"] == "SUCCEEDED"
    assert ended["startedAt"] >= max(yard.job(j)["stoppedAt"] for j in (quick, slow))
    assert list(_all_ended(yard.executions(last)).values()) == ["SUCCEEDED"]


def test_what_depends_on_a_failed_job_fails_without_an_attempt(yard):
    bad = yard.submit("sleep 1; exit 1")
    job = yard.ended(yard.submit("true", dependsOn=[{"jobId": bad}]))
    assert (job["status"], job["statusReason"]) == ("FAILED", "Dependent Job failed")
    assert job["attempts"] == []


def test_a_job_that_takes_more_memory_than_it_asked_for_is_killed(yard):
    yard.define("hungry", ["python3", "-c", "x = bytearray(2 ** 30); print(len(x))"], memory=512)
    job = yard.ended(yard.submit(jobDefinition="hungry", containerOverrides=_own_command()))
    assert (job["status"], job["container"]["exitCode"]) == ("FAILED", 137)
    assert job["container"]["reason"] == OUT_OF_MEMORY
    assert yard.lines(job["jobId"]) == []


def test_a_cancelled_waiting_job_never_starts(yard):
    first = yard.submit("sleep 60")
    job = yard.submit("true", dependsOn=[{"jobId": first}])
    yard.until(job, "PENDING")
    yard.batch.cancel_job(jobId=job, reason="changed my mind")
    ended = yard.ended(job)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "changed my mind")
    assert ended["attempts"] == []
    yard.batch.terminate_job(jobId=first, reason="not needed")
    assert yard.ended(first)["status"] == "FAILED"


def test_cancelling_a_running_job_leaves_it_alone(yard):
    job = yard.submit("sleep 3")
    yard.until(job, "RUNNING")
    yard.batch.cancel_job(jobId=job, reason="too late")
    assert yard.ended(job)["status"] == "SUCCEEDED"


def test_a_terminated_job_hears_sigterm_and_leaves_no_process(yard):
    mark = str(uuid.uuid4().int)[:9]
    script = (
        "trap 'echo heard; exit 5' TERM; "
        f"setsid sleep 6{mark} & nohup sh -c 'sleep 7{mark}; :' >/dev/null 2>&1 & "
        "echo ready; while :; do sleep 0.1; done"
    )
    job = yard.submit(script, retryStrategy={"attempts": 3})
    yard.line(job, "ready")
    yard.until(job, "RUNNING")
    assert len(_processes(mark)) >= 3
    yard.batch.terminate_job(jobId=job, reason="enough")
    ended = yard.ended(job)
    assert (ended["status"], ended["statusReason"]) == ("FAILED", "enough")
    assert (ended["container"]["exitCode"], len(ended["attempts"])) == (5, 1)
    assert "heard" in yard.lines(job)
    assert _processes(mark) == []


def test_parameters_and_environment_reach_the_command(yard):
    yard.define(
        "greet",
        ["sh", "-c", 'echo "$0, $1; $A $B"', "Ref::greeting", "Ref::whom"],
        parameters={"greeting": "hello", "whom": "nobody"},
        container={"environment": [{"name": "A", "value": "a"}, {"name": "B", "value": "b"}]},
    )
    overrides = {"environment": [{"name": "B", "value": "β ' \" $B"}]}
    job = yard.submit(
        jobDefinition="greet",
        parameters={"whom": "world; echo no"},
        containerOverrides=_own_command() | overrides,
    )
    assert yard.ended(job)["status"] == "SUCCEEDED"
    assert yard.lines(job) == ["hello, world; echo no; a β ' \" $B"]


def test_a_job_is_told_what_aws_batch_tells(yard):
    job = yard.submit("env | grep ^AWS_BATCH | sort")
    yard.ended(job)
    assert yard.lines(job) == [
        "AWS_BATCH_CE_NAME=fargate",
        "AWS_BATCH_JOB_ATTEMPT=1",
        f"AWS_BATCH_JOB_ID={job}",
        "AWS_BATCH_JQ_NAME=default",
    ]


def test_overrides_that_run_task_would_not_take_are_staged(yard):
    big = "x" * 12_000
    overrides = {"environment": [{"name": "BIG", "value": big}]}
    job = yard.submit("echo length=${#BIG}", containerOverrides=overrides)
    ended = yard.ended(job)
    assert yard.line(job, "length=") == "12000"
    assert {"name": "BIG", "value": big} in ended["container"]["environment"]


def test_the_high_queue_overtakes_the_low_one(yard):
    """In an environment of its own with room for one job, which is taken."""
    low, high = _crowded(yard)

    def submit(queue: str, script: str = "true") -> str:
        whole = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
        return str(
            yard.submit(script, jobQueue=queue, containerOverrides={"resourceRequirements": whole})
        )

    submit(low, "sleep 3")
    lows = [submit(low) for _ in range(3)]
    reasons = eventually(lambda: _reasons(yard, lows))
    assert set(reasons) == {"crowded: needs 1 vCPU, 1 vCPU of 1 vCPU taken"}
    first = yard.ended(submit(high))
    started = [yard.ended(job)["startedAt"] for job in lows]
    assert first["status"] == "SUCCEEDED"
    assert first["startedAt"] < min(started)
    assert started == sorted(started)
    assert yard.in_use("crowded") == 0


def test_a_job_that_outstays_its_time_is_stopped(yard, overlong):
    """Last in this file: the shortest time-out is a minute."""
    started = yard.job(overlong)["startedAt"] / 1000
    time.sleep(max(0.0, started + 61 - time.time()))
    yard.reconcile()
    job = yard.ended(overlong)
    assert (job["status"], job["statusReason"]) == (
        "FAILED",
        "Job attempt duration exceeded timeout",
    )


def _crowded(yard) -> tuple[str, str]:
    """Two queues, low and high, over an environment with room for one job."""
    yard.batch.create_compute_environment(
        computeEnvironmentName="crowded",
        type="MANAGED",
        computeResources={
            "type": "FARGATE",
            "maxvCpus": 1,
            "subnets": yard.platform.parameters["subnets"].split(","),
            "securityGroupIds": [yard.platform.parameters["security-groups"]],
        },
    )
    order = [{"order": 1, "computeEnvironment": "crowded"}]
    for name, priority in (("crowd-low", 1), ("crowd-high", 9)):
        yard.batch.create_job_queue(
            jobQueueName=name, priority=priority, computeEnvironmentOrder=order
        )
    return "crowd-low", "crowd-high"


def _reasons(yard, jobs: list[str]) -> list[str]:
    """Why each of these jobs waits, once all of them know."""
    told = [yard.job(job) for job in jobs]
    assert {job["status"] for job in told} == {"RUNNABLE"}
    reasons = [job.get("statusReason", "") for job in told]
    return reasons if all(reasons) else []


def _own_command() -> dict[str, object]:
    """Overrides that leave the definition's command alone."""
    return {"command": []}


def _processes(mark: str) -> list[psutil.Process]:
    """The living processes that have `mark` in their command line."""
    return [
        p for p in psutil.process_iter(["cmdline"]) if mark in " ".join(p.info["cmdline"] or ())
    ]


def _all_ended(executions: dict[str, str]) -> dict[str, str]:
    return {} if "RUNNING" in executions.values() else executions
