"""DescribeJobs, ListJobs, CancelJob and TerminateJob, as an AWS Batch client meets them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.core.errors import (
    ClientError,
    ConditionFailed,
    InvalidRequest,
    TooManyRequests,
    UnknownResource,
)
from lambdas.core.extensions import LOSSES
from lambdas.core.job import Status
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, MINUTE, Outcome, World

UNKNOWN = "11111111-1111-4111-8111-111111111111"
ARNS = "arn:aws:batch:us-east-1:123456789012"
MODEL = BatchModel()


def world(program=None, vcpus=16):
    made = World(program)
    made.environment(vcpus=vcpus)
    made.queue()
    made.definition()
    return made


def long_running(_name, _attempt):
    return Outcome(runs=60 * MINUTE)


def describe(one, *jobs):
    answer = one.platform.jobs.describe({"jobs": list(jobs)})
    assert MODEL.validate_response("DescribeJobs", answer) == []
    return answer["jobs"]


def listing(one, **body):
    answer = one.platform.jobs.list({"jobQueue": "default", **body})
    assert MODEL.validate_response("ListJobs", answer) == []
    return answer


def ids(answer):
    return [job["jobId"] for job in answer["jobSummaryList"]]


class TestDescribe:
    def test_a_new_job(self):
        one = world()
        job = one.submit(tags={"team": "blue"})
        (detail,) = describe(one, job)
        container = detail.pop("container")
        assert detail == {
            "jobArn": f"{ARNS}:job/{job}",
            "jobId": job,
            "jobName": "job",
            "jobQueue": f"{ARNS}:job-queue/default",
            "jobDefinition": f"{ARNS}:job-definition/task:1",
            "status": "RUNNABLE",
            "createdAt": one.clock.now(),
            "startedAt": 0,
            "attempts": [],
            "retryStrategy": {"attempts": 1, "evaluateOnExit": []},
            "dependsOn": [],
            "parameters": {},
            "tags": {"team": "blue"},
            "propagateTags": False,
            "platformCapabilities": ["FARGATE"],
            "isCancelled": False,
            "isTerminated": False,
        }
        assert container["image"] == "busybox"
        assert container["command"] == ["true"]
        assert container["volumes"] == []
        assert "exitCode" not in container

    def test_a_job_that_succeeded(self):
        one = world()
        job = one.submit()
        one.run(minutes=1)
        (detail,) = describe(one, job)
        (attempt,) = detail["attempts"]
        task = one.state(job).task
        stream = f"task/default/{task.rsplit('/', 1)[1]}"
        assert detail["status"] == "SUCCEEDED"
        assert detail["statusReason"] == "Essential container in task exited"
        assert detail["startedAt"] < detail["stoppedAt"]
        assert detail["container"]["exitCode"] == 0
        assert detail["container"]["taskArn"] == task
        assert detail["container"]["logStreamName"] == stream
        assert attempt["container"] == {
            "networkInterfaces": [],
            "exitCode": 0,
            "taskArn": task,
            "logStreamName": stream,
        }
        assert attempt["startedAt"] == detail["startedAt"]
        assert attempt["stoppedAt"] == detail["stoppedAt"]

    def test_a_running_job_has_its_stream_and_no_attempt_yet(self):
        one = world(long_running)
        job = one.submit()
        one.run(minutes=1)
        (detail,) = describe(one, job)
        assert detail["status"] == "RUNNING"
        assert detail["startedAt"] > 0
        assert detail["container"]["logStreamName"].startswith("task/default/")
        assert detail["attempts"] == []

    def test_every_attempt_is_told_in_order(self):
        one = world(lambda _n, attempt: Outcome(exit_code=3 - attempt))
        job = one.submit(retryStrategy={"attempts": 5})
        one.run(minutes=5)
        (detail,) = describe(one, job)
        assert [a["container"]["exitCode"] for a in detail["attempts"]] == [2, 1, 0]
        assert len({a["container"]["taskArn"] for a in detail["attempts"]}) == 3

    def test_between_two_attempts_the_last_one_is_told(self):
        one = world(lambda _n, _a: Outcome(exit_code=7))
        job = one.submit(retryStrategy={"attempts": 2}, tags={"batchyard:backoff": "1h"})
        one.run(minutes=5)
        (detail,) = describe(one, job)
        assert detail["status"] == "RUNNABLE"
        assert [a["container"]["exitCode"] for a in detail["attempts"]] == [7]
        assert detail["container"]["exitCode"] == 7
        assert detail["startedAt"] == 0
        assert "waiting for a pause" in detail["statusReason"]

    def test_a_waiting_job_says_why_with_numbers(self):
        one = world(long_running, vcpus=1)
        jobs = [one.submit() for _ in range(5)]
        one.run(minutes=1)
        waiting = [d for d in describe(one, *jobs) if d["status"] == "RUNNABLE"]
        assert [d["statusReason"] for d in waiting] == [
            "fargate: needs 0.25 vCPUs, 1 vCPU of 1 vCPU taken"
        ]

    def test_what_was_asked_for_is_shown_resolved(self):
        one = world()
        one.definition("echo", parameters={"who": "world"}, timeout={"attemptDurationSeconds": 90})
        first = one.submit()
        job = one.submit(
            jobDefinition="echo",
            containerOverrides={
                "command": ["echo", "Ref::who"],
                "environment": [{"name": "A", "value": "1"}],
            },
            dependsOn=[{"jobId": first}],
            schedulingPriorityOverride=7,
        )
        (detail,) = describe(one, job)
        assert detail["container"]["command"] == ["echo", "world"]
        assert detail["container"]["environment"] == [{"name": "A", "value": "1"}]
        assert detail["parameters"] == {"who": "world"}
        assert detail["timeout"] == {"attemptDurationSeconds": 90}
        assert detail["dependsOn"] == [{"jobId": first}]
        assert detail["schedulingPriority"] == 7

    def test_changed_tags_are_the_jobs_tags(self):
        one = world()
        job = one.submit(tags={"a": "1"})
        arn = f"{ARNS}:job/{job}"
        one.platform.tagging.tag({"resourceArn": arn, "tags": {"b": "2"}}, Author(CALLER))
        assert describe(one, job)[0]["tags"] == {"a": "1", "b": "2"}

    def test_unknown_ids_are_left_out(self):
        one = world()
        job = one.submit()
        found = describe(one, UNKNOWN, job, "nonsense", f"{ARNS}:job/{UNKNOWN}", "")
        assert [d["jobId"] for d in found] == [job]

    def test_arns_are_ids_too_but_not_another_accounts(self):
        one = world()
        job = one.submit()
        assert len(describe(one, f"{ARNS}:job/{job}", job)) == 1
        assert describe(one, f"arn:aws:batch:us-east-1:999999999999:job/{job}") == []

    def test_more_than_100_are_refused(self):
        with pytest.raises(InvalidRequest, match="at most 100"):
            world().platform.jobs.describe({"jobs": [UNKNOWN] * 101})


class TestList:
    def test_running_jobs_are_the_default(self):
        one = world(lambda name, _a: Outcome(runs=60 * MINUTE if name == "long" else 1_000))
        long = one.submit("long")
        one.submit("short")
        one.run(minutes=1)
        assert ids(listing(one)) == [long]

    @pytest.mark.parametrize("status", list(Status))
    def test_only_the_status_asked_for(self, status):
        one = world(lambda name, _a: Outcome(exit_code=int(name == "bad")))
        one.submit("good")
        one.submit("bad")
        one.run(minutes=1)
        one.submit("new")
        found = listing(one, jobStatus=status.value)["jobSummaryList"]
        names = {"SUCCEEDED": ["good"], "FAILED": ["bad"], "RUNNABLE": ["new"]}
        assert [job["jobName"] for job in found] == names.get(status.value, [])

    def test_pages_hold_every_job_once_newest_first(self):
        one = world()
        made = []
        for number in range(45):
            one.clock.advance(number % 3)
            made.append(one.submit())
        pages, token = [], None
        while True:
            more = {"nextToken": token} if token else {}
            answer = listing(one, jobStatus="RUNNABLE", maxResults=10, **more)
            pages.append(ids(answer))
            token = answer.get("nextToken")
            if token is None:
                break
        listed = [job for page in pages for job in page]
        assert sorted(listed) == sorted(made)
        assert [len(page) for page in pages][:4] == [10] * 4
        created = [one.state(job).created for job in listed]
        assert created == sorted(created, reverse=True)

    def test_a_summary_tells_how_a_job_ended(self):
        one = world(lambda _n, _a: Outcome(exit_code=9))
        job = one.submit()
        one.run(minutes=1)
        (summary,) = listing(one, jobStatus="FAILED")["jobSummaryList"]
        assert summary["jobId"] == job
        assert summary["container"] == {"exitCode": 9}
        assert summary["statusReason"] == "Essential container in task exited"
        assert summary["jobDefinition"] == f"{ARNS}:job-definition/task:1"
        assert summary["createdAt"] <= summary["startedAt"] < summary["stoppedAt"]
        assert "isCancelled" not in summary

    @pytest.mark.parametrize(
        ("pattern", "expected"),
        [
            ("blue", ["Blue"]),
            ("BL*", ["black", "Blue"]),
            ("*", ["red", "black", "Blue"]),
            ("b", []),
        ],
    )
    def test_job_names_in_any_case_and_any_status(self, pattern, expected):
        one = world()
        for name in ("Blue", "black", "red"):
            one.submit(name)
            one.run(minutes=1 if name == "Blue" else 0, reconcile=False)
            one.clock.advance(1)
        answer = listing(one, filters=[{"name": "JOB_NAME", "values": [pattern]}])
        assert [job["jobName"] for job in answer["jobSummaryList"]] == expected

    @pytest.mark.parametrize(
        ("pattern", "found"),
        [
            ("task", 2),
            ("Task", 0),
            ("ta*", 2),
            (f"{ARNS}:job-definition/task:1", 1),
            (f"{ARNS}:job-definition/task:3", 0),
            ("arn:aws:batch:us-east-1:999999999999:job-definition/task:1", 0),
        ],
    )
    def test_definitions_by_name_or_revision(self, pattern, found):
        one = world()
        one.submit()
        one.definition(parameters={"a": "1"})
        one.submit()
        answer = listing(one, filters=[{"name": "JOB_DEFINITION", "values": [pattern]}])
        assert len(answer["jobSummaryList"]) == found

    def test_before_and_after_leave_the_moment_itself_out(self):
        one = world()
        made = []
        for _ in range(3):
            made.append(one.submit())
            one.clock.advance(10)
        moment = str(one.state(made[1]).created)
        before = listing(one, filters=[{"name": "BEFORE_CREATED_AT", "values": [moment]}])
        after = listing(one, filters=[{"name": "AFTER_CREATED_AT", "values": [moment]}])
        assert (ids(before), ids(after)) == ([made[0]], [made[2]])

    @pytest.mark.parametrize(
        "body",
        [
            {"jobQueue": ""},
            {"arrayJobId": UNKNOWN},
            {"jobStatus": "DONE"},
            {"maxResults": 0},
            {"maxResults": 1001},
            {"nextToken": "bm9uc2Vuc2U="},
            {"nextToken": "ü"},
            {"jobQueue": "nowhere"},
            {"filters": [{"name": "COLOUR", "values": ["blue"]}]},
            {"filters": [{"name": "JOB_NAME", "values": []}]},
            {"filters": [{"name": "BEFORE_CREATED_AT", "values": ["yesterday"]}]},
            {"filters": [{"name": "JOB_NAME", "values": ["a"]}] * 2},
        ],
    )
    def test_what_makes_no_sense_is_refused_in_a_sentence(self, body):
        with pytest.raises(ClientError) as refused:
            listing(world(), **body)
        assert refused.value.message.endswith(".")

    def test_a_plain_job_has_no_children(self):
        one = world()
        job = one.submit()
        assert one.platform.jobs.list({"arrayJobId": job}) == {"jobSummaryList": []}


class TestCancel:
    def test_a_waiting_job_fails_with_the_reason(self):
        one = world()
        job = one.submit()
        one.cancel(job, "no longer needed")
        (detail,) = describe(one, job)
        assert (detail["status"], detail["statusReason"]) == ("FAILED", "no longer needed")
        assert (detail["isCancelled"], detail["isTerminated"]) == (True, False)
        assert detail["stoppedAt"] == one.clock.now()
        assert detail["attempts"] == []
        one.run(minutes=1)
        assert one.tasks.tasks == {}
        assert listing(one, jobStatus="FAILED")["jobSummaryList"][0]["isCancelled"] is True

    def test_a_job_waiting_for_others_fails_and_the_others_go_on(self):
        one = world()
        first = one.submit()
        job = one.submit(dependsOn=[{"jobId": first}])
        one.settle()
        one.cancel(job, "changed my mind")
        one.run(minutes=2)
        assert one.state(job).status is Status.FAILED
        assert one.state(first).status is Status.SUCCEEDED

    def test_a_job_that_runs_is_left_alone(self):
        one = world(long_running)
        job = one.submit()
        one.run(minutes=1)
        one.cancel(job, "too late")
        one.run(minutes=1)
        assert one.state(job).status is Status.RUNNING
        assert describe(one, job)[0]["isCancelled"] is False


class TestTerminate:
    def test_a_running_job_is_stopped_and_not_retried(self):
        one = world(long_running)
        job = one.submit(retryStrategy={"attempts": 3})
        one.run(minutes=1)
        one.terminate(job, "enough")
        assert describe(one, job)[0]["isTerminated"] is True
        one.run(minutes=1)
        (detail,) = describe(one, job)
        assert (detail["status"], detail["statusReason"]) == ("FAILED", "enough")
        assert len(detail["attempts"]) == 1
        assert one.in_use("fargate") == 0

    def test_the_first_reason_stands(self):
        one = world(long_running)
        job = one.submit()
        one.run(minutes=1)
        one.terminate(job, "first")
        one.terminate(job, "second")
        one.run(minutes=1)
        assert one.state(job).status_reason == "first"

    def test_a_waiting_job_fails_at_once(self):
        one = world()
        job = one.submit()
        one.terminate(f"{ARNS}:job/{job}", "never mind")
        (detail,) = describe(one, job)
        assert (detail["status"], detail["isTerminated"]) == ("FAILED", True)

    def test_an_ended_job_stays_as_it_is(self):
        one = world()
        job = one.submit()
        one.run(minutes=1)
        one.terminate(job, "too late")
        (detail,) = describe(one, job)
        assert (detail["status"], detail["isTerminated"]) == ("SUCCEEDED", False)

    @pytest.mark.parametrize("job", [UNKNOWN, "nonsense", "", "../x", f"{ARNS}:job/{UNKNOWN}"])
    def test_an_unknown_job_is_named(self, job):
        with pytest.raises(UnknownResource, match="does not exist"):
            world().terminate(job, "reason")

    @pytest.mark.parametrize("reason", ["", "x" * 1025])
    def test_a_reason_is_needed(self, reason):
        one = world()
        with pytest.raises(InvalidRequest, match="1 to 1024 characters"):
            one.terminate(one.submit(), reason)

    def test_a_job_that_starts_meanwhile_is_stopped_where_it_is_then(self, monkeypatch):
        one = world(long_running)
        job = one.submit()
        write, moved = one.tables.jobs.write, []

        def overtaken(update):
            if not moved:
                moved.append(True)
                monkeypatch.undo()
                one.run(minutes=1)
                raise ConditionFailed()
            return write(update)

        monkeypatch.setattr(one.tables.jobs, "write", overtaken)
        one.terminate(job, "enough")
        assert one.state(job).stop == "enough"
        one.run(minutes=1)
        assert one.state(job).status is Status.FAILED

    def test_one_that_never_stands_still_asks_the_caller_to_come_back(self, monkeypatch):
        one = world()
        job = one.submit()

        def never(_update):
            raise ConditionFailed()

        monkeypatch.setattr(one.tables.jobs, "write", never)
        with pytest.raises(TooManyRequests):
            one.terminate(job, "enough")


outcomes = st.builds(
    Outcome,
    runs=st.integers(0, 90_000),
    exit_code=st.none() | st.integers(0, 255),
    reason=st.none() | st.text(max_size=300),
    stop_code=st.sampled_from([None, "SpotInterruption", "TaskFailedToStart"]),
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(outcomes, min_size=1, max_size=4),
    st.integers(1, 4),
    st.sampled_from(["", "cancel", "terminate"]),
    st.integers(0, 120),
    st.booleans(),
)
def test_whatever_happens_to_a_job_its_description_is_one(fates, attempts, stop, seconds, paused):
    """Every state that a job passes through is a JobDetail and a JobSummary by botocore's word."""
    one = world(lambda _name, attempt: fates[min(attempt, len(fates)) - 1])
    tags = {"batchyard:backoff": "30s"} if paused else {}
    job = one.submit(retryStrategy={"attempts": attempts}, tags=tags)
    for moment in range(0, 240, 20):
        (detail,) = describe(one, job)
        assert ids(listing(one, jobStatus=detail["status"])) == [job]
        if stop and moment <= seconds < moment + 20:
            getattr(one, stop)(job, "enough")
        one.run(minutes=1 / 3)
    one.run(minutes=30)
    (detail,) = describe(one, job)
    assert detail["status"] in ("SUCCEEDED", "FAILED")
    spared = one.state(job).lost
    assert spared <= LOSSES
    assert len(detail["attempts"]) <= attempts + spared
    assert detail["statusReason"]
