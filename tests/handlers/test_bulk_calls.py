"""Calls for many jobs at once: an outcome for each, and the call succeeds."""

from __future__ import annotations

import pytest

from lambdas.core.errors import ClientError
from lambdas.core.job import Status
from lambdas.services.bulk import MOST_SUBMITS, SUBMITTING
from simulator.world import CALLER, MINUTE, Outcome, World
from tests.handlers.fuzzing.deployment import deployed

JOB = {"jobName": "j", "jobQueue": "default", "jobDefinition": "task"}
UNKNOWN = "11111111-1111-4111-8111-111111111111"


@pytest.fixture
def world() -> World:
    made = World(lambda _n, _a: Outcome(runs=MINUTE))
    made.environment()
    made.queue()
    made.definition()
    return made


def stop(world, kind, jobs, reason="enough"):
    return getattr(world.platform.bulk, kind)({"jobs": jobs, "reason": reason}, CALLER)


def submit(world, jobs, token=None):
    return world.platform.bulk.submit({"jobs": jobs}, CALLER, token)


class TestStoppingMany:
    def test_stops_each_and_counts_the_unknown_as_done(self, world):
        jobs = [world.submit() for _ in range(3)]
        answer = stop(world, "terminate", [*jobs, UNKNOWN])
        assert answer == {"successful": [*jobs, UNKNOWN], "errors": []}
        assert {world.state(job).status_reason for job in jobs} == {"enough"}

    def test_cancels_only_what_has_not_started(self, world):
        running = world.submit()
        world.run(minutes=0.1)
        waiting = world.submit()
        assert stop(world, "cancel", [running, waiting])["errors"] == []
        world.run(minutes=2)
        ends = [world.state(job).status for job in (running, waiting)]
        assert ends == [Status.SUCCEEDED, Status.FAILED]

    def test_tells_what_is_wrong_with_one_and_stops_the_others(self, world):
        job = world.submit()
        answer = stop(world, "terminate", [job, job], reason="")
        assert answer["successful"] == []
        (error,) = answer["errors"]
        assert (error["job"], error["code"]) == (job, "ClientException")
        assert "1 to 1024 characters" in error["message"]

    @pytest.mark.parametrize("jobs", [[], [UNKNOWN] * 51])
    def test_takes_1_to_50(self, world, jobs):
        with pytest.raises(ClientError, match="1 to 50 are allowed"):
            stop(world, "cancel", jobs)


class TestSubmittingMany:
    def test_makes_each_its_own_job_in_order(self, world):
        answer = submit(world, [{**JOB, "jobName": f"j{n}"} for n in range(30)])
        assert [told["index"] for told in answer["successful"]] == list(range(30))
        assert [told["jobName"] for told in answer["successful"]] == [f"j{n}" for n in range(30)]
        assert len({told["jobId"] for told in answer["successful"]}) == 30

    def test_tells_what_is_wrong_with_one_and_submits_the_others(self, world):
        answer = submit(world, [JOB, {**JOB, "jobQueue": "nowhere"}, JOB])
        assert [told["index"] for told in answer["successful"]] == [0, 2]
        (error,) = answer["errors"]
        assert (error["index"], error["code"]) == (1, "ClientException")
        assert "nowhere" in error["message"]

    def test_makes_no_job_twice_when_the_call_is_repeated(self, world):
        assert submit(world, [JOB, JOB], "token") == submit(world, [JOB, JOB], "token")

    def test_answers_in_time_with_what_it_had_no_time_for(self, world):
        submits = world.platform.bulk._submits.submit

        def slow(*asked):
            world.clock.advance(SUBMITTING // 4)
            return submits(*asked)

        world.platform.bulk._submits = type("Slow", (), {"submit": staticmethod(slow)})()
        answer = submit(world, [JOB] * 6)
        assert [told["index"] for told in answer["errors"]] == [4, 5]
        assert {told["code"] for told in answer["errors"]} == {"TooManyRequestsException"}

    @pytest.mark.parametrize("many", [0, MOST_SUBMITS + 1])
    def test_takes_1_to_1000(self, world, many):
        with pytest.raises(ClientError, match="1 to 1,000 are allowed"):
            submit(world, [JOB] * many)


def test_the_model_knows_them():
    with deployed() as made:
        paths = {"SubmitJobs": "/v1/submitjobs", "CancelJobs": "/v1/canceljobs"}
        assert {name: made.api.operation_of(path) for name, path in paths.items()} == {
            name: name for name in paths
        }
