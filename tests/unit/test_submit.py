"""SubmitJob: everything is checked, and a job is made whole, once, or not at all."""

import json

import pytest

from lambdas.core.errors import (
    ClientError,
    ResourceInUse,
    Throttled,
    TokenReused,
    TooManyRequests,
    TransactionRefused,
    UnknownResource,
)
from lambdas.core.job import Status, due_shard, spec_key
from lambdas.core.resolve import is_job_id
from lambdas.core.tables import Query
from lambdas.core.updates import OWED_WITHIN
from lambdas.services.catalog_entries import Author
from lambdas.services.specs import SPEC_LIMIT
from simulator.world import CALLER, Outcome, World

UNKNOWN = "11111111-1111-4111-8111-111111111111"
OTHER = "arn:aws:iam::123456789012:user/other"


@pytest.fixture
def one():
    made = World()
    made.environment()
    made.queue()
    made.definition()
    return made


def submit(one, caller=CALLER, token=None, **more):
    body = {"jobName": "job", "jobQueue": "default", "jobDefinition": "task", **more}
    return one.platform.submit.submit(body, caller, token)


def refusal(one, kind=ClientError, **more):
    one.tables.jobs.drain()
    with pytest.raises(kind) as refused:
        submit(one, **more)
    assert one.tables.jobs.drain() == [], "half-made"
    return refused.value.message


def jobs(one):
    """The ids of all jobs that stand in the queue's list."""
    found = []
    for shard in range(8):
        page = one.tables.jobs.query(Query(f"default#waiting#{shard}", index="by_queue"))
        found += [item["pk"].removeprefix("JOB#") for item in page.items]
    return found


class TestAPlainJob:
    def test_is_answered_with_name_id_and_arn(self, one):
        answer = submit(one)
        job = answer["jobId"]
        assert is_job_id(job)
        assert answer == {
            "jobId": job,
            "jobName": "job",
            "jobArn": f"arn:aws:batch:us-east-1:123456789012:job/{job}",
        }

    def test_is_born_runnable_with_a_ticket_owed(self, one):
        job = submit(one)["jobId"]
        state = one.state(job)
        assert (state.status, state.ticket) == (Status.RUNNABLE, 1)
        assert state.due_at == one.clock.now() + OWED_WITHIN
        assert state.due_shard == due_shard(job)

    def test_remembers_who_asked_for_what(self, one):
        job = submit(one, tags={"team": "blue"})["jobId"]
        spec = one.platform.specs.load(job)
        assert (spec.caller, spec.tags) == (CALLER, {"team": "blue"})
        assert spec.definition.endswith(":job-definition/task:1")

    def test_costs_little_to_keep(self, one):
        job = submit(one)["jobId"]
        for sk in ("STATE", "SPEC"):
            item = next(
                i for i in one.tables.jobs.query(Query(f"JOB#{job}")).items if i["sk"] == sk
            )
            assert len(json.dumps(item)) <= 1024, sk

    def test_takes_queue_and_definition_by_arn(self, one):
        arns = "arn:aws:batch:us-east-1:123456789012"
        answer = submit(
            one, jobQueue=f"{arns}:job-queue/default", jobDefinition=f"{arns}:job-definition/task:1"
        )
        assert one.state(answer["jobId"]).queue == "default"


class TestOnce:
    def test_without_a_token_every_call_is_a_job(self, one):
        assert submit(one)["jobId"] != submit(one)["jobId"]

    def test_the_same_token_is_the_same_job(self, one):
        assert submit(one, token="t") == submit(one, token="t")
        assert len(jobs(one)) == 1

    def test_the_tag_wins_over_the_sdks_token(self, one):
        tags = {"batchyard:client-token": "order-7"}
        first = submit(one, token="a", tags=tags)
        assert submit(one, token="b", tags=tags) == first

    def test_another_request_with_the_same_token_is_refused(self, one):
        job = submit(one, token="t")["jobId"]
        told = refusal(one, TokenReused, token="t", jobName="other")
        assert job in told
        assert jobs(one) == [job]

    def test_tokens_are_the_callers_own(self, one):
        assert submit(one, token="t")["jobId"] != submit(one, OTHER, token="t")["jobId"]

    def test_a_repeat_is_answered_even_when_the_queue_closed_since(self, one):
        first = submit(one, token="t")
        one.platform.queues.update({"jobQueue": "default", "state": "DISABLED"}, Author(CALLER))
        assert submit(one, token="t") == first

    def test_a_repeat_means_the_same_revision(self, one):
        first = submit(one, token="t")
        one.definition(parameters={"new": "revision"})
        assert submit(one, token="t") == first
        assert one.state(first["jobId"]).definition == "task:1"

    def test_a_repeat_after_an_answer_that_was_lost(self, one, monkeypatch):
        transact = one.tables.jobs.transact

        def lost(writes):
            transact(writes)
            raise Throttled("written, but who knows")

        monkeypatch.setattr(one.tables.jobs, "transact", lost)
        with pytest.raises(Throttled):
            submit(one, token="t")
        monkeypatch.undo()
        (job,) = jobs(one)
        assert submit(one, token="t")["jobId"] == job

    def test_two_calls_in_flight_are_tried_again(self, one, monkeypatch):
        transact, refusals = one.tables.jobs.transact, [1, 1]

        def contended(writes):
            if refusals:
                refusals.pop()
                raise TransactionRefused(conflicted=[0])
            transact(writes)

        monkeypatch.setattr(one.tables.jobs, "transact", contended)
        job = submit(one, token="t")["jobId"]
        assert jobs(one) == [job]

    def test_endless_conflict_asks_the_caller_to_come_back(self, one, monkeypatch):
        def contended(_writes):
            raise TransactionRefused(conflicted=[0])

        monkeypatch.setattr(one.tables.jobs, "transact", contended)
        with pytest.raises(TooManyRequests):
            submit(one, token="t")


class TestRefusals:
    def test_an_unknown_queue(self, one):
        assert "'nowhere'" in refusal(one, UnknownResource, jobQueue="nowhere")

    def test_a_disabled_queue(self, one):
        one.platform.queues.update({"jobQueue": "default", "state": "DISABLED"}, Author(CALLER))
        assert "DISABLED" in refusal(one, ResourceInUse)

    def test_an_unknown_definition(self, one):
        assert "'nothing'" in refusal(one, UnknownResource, jobDefinition="nothing")

    def test_a_deregistered_revision(self, one):
        one.platform.definitions.deregister({"jobDefinition": "task:1"}, Author(CALLER))
        assert "INACTIVE" in refusal(one, ResourceInUse, jobDefinition="task:1")

    def test_a_share_in_a_queue_without_a_policy(self, one):
        assert "no scheduling policy" in refusal(one, shareIdentifier="blue")

    def test_what_the_queue_could_never_hold_with_the_numbers(self, one):
        asked = [{"type": "VCPU", "value": "32"}]
        told = refusal(one, containerOverrides={"resourceRequirements": asked})
        assert "needs 32 vCPUs" in told
        assert "maxvCpus is 16" in told

    def test_an_unknown_dependency(self, one):
        job = submit(one)["jobId"]
        told = refusal(one, UnknownResource, dependsOn=[{"jobId": job}, {"jobId": UNKNOWN}])
        assert UNKNOWN in told
        assert job not in told

    def test_a_dependency_on_itself(self, one):
        job = submit(one, token="first")["jobId"]
        with pytest.raises(ClientError):
            submit(one, token="first", dependsOn=[{"jobId": job}])

    def test_text_that_is_no_text(self, one):
        assert "no Unicode character" in refusal(one, parameters={"a": "\udc00"})


class TestDependencies:
    def test_a_job_that_waits_is_born_submitted_with_its_pages_owed(self, one):
        first = [submit(one)["jobId"] for _ in range(26)]
        job = submit(one, dependsOn=[{"jobId": j} for j in first])["jobId"]
        state = one.state(job)
        assert (state.status, state.pages, state.ticket) == (Status.SUBMITTED, 2, 0)
        assert state.due_at is not None

    def test_it_waits_for_all_and_then_runs(self, one):
        first = [submit(one)["jobId"] for _ in range(3)]
        job = submit(one, dependsOn=[{"jobId": j} for j in first])["jobId"]
        one.run(minutes=3)
        assert one.state(job).status is Status.SUCCEEDED
        assert one.state(job).started > max(one.state(j).stopped for j in first)


class TestLongRequests:
    def test_overrides_that_run_task_would_refuse_are_staged(self, one):
        job = submit(one, containerOverrides={"command": ["echo", "x" * 10_000]})["jobId"]
        spec = one.platform.specs.load(job)
        plain = one.platform.specs.load(submit(one)["jobId"])
        assert spec.overrides == {}
        assert spec.task_definition != plain.task_definition
        one.run(minutes=1)
        (request,) = [
            t.request for t in one.tasks.tasks.values() if spec.job in t.request["startedBy"]
        ]
        assert "command" not in request["overrides"]["containerOverrides"][0]
        assert one.state(job).status is Status.SUCCEEDED

    def test_equal_long_requests_share_one_task_definition(self, one):
        asked = {"environment": [{"name": "BIG", "value": "x" * 9_000}]}
        ids = [submit(one, containerOverrides=asked)["jobId"] for _ in range(2)]
        assert len({one.platform.specs.load(job).task_definition for job in ids}) == 1

    def test_what_even_a_task_definition_can_not_hold_is_refused(self, one):
        told = refusal(one, containerOverrides={"command": ["x" * 70_000]})
        assert "at most 61,440 characters are allowed" in told

    def test_a_request_too_large_for_an_item_is_kept_with_the_blobs(self, one):
        parameters = {f"p{n}": "x" * 1_000 for n in range(150)}
        job = submit(one, parameters=parameters, token="t")["jobId"]
        item = one.tables.jobs.get(spec_key(job))
        assert len(json.dumps(item)) < 1_024 < SPEC_LIMIT
        assert one.platform.specs.load(job).parameters == parameters
        assert one.describe(job)["parameters"] == parameters
        assert submit(one, parameters=parameters, token="t")["jobId"] == job
        one.run(minutes=1)
        assert one.state(job).status is Status.SUCCEEDED


def test_backoff_holds_a_retry_back(one):
    one.program = lambda _name, attempt: Outcome(exit_code=1 if attempt == 1 else 0)
    job = submit(one, retryStrategy={"attempts": 2}, tags={"batchyard:backoff": "2m"})["jobId"]
    one.run(minutes=1)
    assert one.state(job).status is Status.RUNNABLE
    one.run(minutes=3)
    assert (one.state(job).status, one.state(job).attempt) == (Status.SUCCEEDED, 2)
