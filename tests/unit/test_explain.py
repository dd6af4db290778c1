"""Explain: why a job waits, told with the numbers of this moment."""

import pytest

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.core.errors import UnknownResource
from lambdas.core.explanation import Awaited, Cause, Facts, Place, explain
from lambdas.core.job import JobState, Status, Waiting
from lambdas.core.shape import Shape
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, MINUTE, Outcome, World

MODEL = BatchModel()


def world(vcpus=1, runs=10 * MINUTE):
    made = World(lambda _name, _attempt: Outcome(runs=runs))
    made.environment(vcpus=vcpus)
    made.queue()
    made.definition()
    return made


def full():
    """A world whose one vCPU is taken for the next minutes."""
    one = world(vcpus=1)
    for _ in range(4):
        one.submit()
    one.run(minutes=1)
    return one


def told(one, job):
    answer = one.platform.explain.explain({"jobId": job})
    assert MODEL.validate_response("Explain", answer) == []
    return answer


def asking(milli_vcpus, memory):
    wanted = [
        {"type": "VCPU", "value": f"{milli_vcpus / 1000:g}"},
        {"type": "MEMORY", "value": str(memory)},
    ]
    return {"containerOverrides": {"resourceRequirements": wanted}}


class TestAJobThatWaitsForRoom:
    def test_is_told_what_it_needs_and_what_is_taken(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        answer = told(one, job)
        assert answer["status"] == "RUNNABLE"
        assert answer["cause"] == "CAPACITY"
        assert answer["reason"] == (
            "fargate: needs 0.25 vCPUs, 1 of 1 vCPU taken; the next in queue default"
        )
        (env,) = answer["environments"]
        assert (env["neededVcpus"], env["takenVcpus"], env["maxvCpus"]) == (0.25, 1.0, 1.0)

    def test_is_told_its_place_in_the_line_over_all_lanes(self):
        one = full()
        first = one.submit(**asking(500, 1024))
        one.run(minutes=1)
        second = one.submit()
        one.run(minutes=1)
        assert told(one, first)["jobsAhead"] == 0
        answer = told(one, second)
        assert (answer["jobsAhead"], answer["jobsAheadExact"]) == (1, True)
        assert answer["reason"].endswith("; 1 waiting before it in queue default")

    def test_is_told_the_numbers_of_now_not_those_of_its_parking(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        one.paused.add("schedule")
        one.run(minutes=15)
        answer = told(one, job)
        assert answer["cause"] == "TURN"
        assert "0 of 1 vCPU taken" in answer["reason"]

    def test_a_disabled_environment_is_named(self):
        one = world()
        one.platform.environments.update(
            {"computeEnvironment": "fargate", "state": "DISABLED"}, Author(CALLER)
        )
        job = one.submit()
        one.run(minutes=1)
        answer = told(one, job)
        assert answer["cause"] == "ENVIRONMENTS"
        assert "fargate is DISABLED" in answer["reason"]

    def test_what_an_environment_was_made_too_small_for_is_told(self):
        one = world(vcpus=4)
        for _ in range(2):
            one.submit(**asking(2000, 4096))
        one.run(minutes=1)
        job = one.submit(**asking(2000, 4096))
        one.run(minutes=1)
        one.platform.environments.update(
            {"computeEnvironment": "fargate", "computeResources": {"maxvCpus": 1}}, Author(CALLER)
        )
        answer = told(one, job)
        assert answer["cause"] == "INFEASIBLE"
        assert "needs 2 vCPUs (2 vCPU, 4,096 MiB), its maxvCpus is 1" in answer["reason"]

    def test_before_the_scheduler_looked_its_ticket_is_on_the_way(self):
        one = world()
        assert told(one, one.submit())["cause"] == "TICKET"


class TestOtherReasons:
    def test_open_dependencies_are_named_with_their_status(self):
        one = world(vcpus=1)
        first = one.submit()
        one.run(minutes=1)
        job = one.submit(dependsOn=[{"jobId": first}])
        one.settle()
        answer = told(one, job)
        assert answer["cause"] == "DEPENDENCIES"
        assert answer["reason"] == f"it waits for 1 of 1 jobs: {first} is RUNNING"
        assert answer["dependencies"] == [{"jobId": first, "status": "RUNNING"}]

    def test_a_job_that_runs_or_ran_waits_for_nothing(self):
        one = world()
        job = one.submit()
        one.run(minutes=1)
        assert told(one, job)["reason"] == "attempt 1 of 1 is RUNNING in fargate"
        one.run(minutes=15)
        assert told(one, job)["cause"] == "ENDED"

    def test_a_child_waits_behind_its_array_and_its_elder_siblings(self):
        one = world(vcpus=1)
        array = one.submit(arrayProperties={"size": 10})
        one.run(minutes=1)
        answer = told(one, f"{array}:7")
        assert (answer["jobId"], answer["cause"]) == (f"{array}:7", "CAPACITY")
        assert answer["jobsAhead"] == 3  # 4, 5 and 6
        assert told(one, f"{array}:0")["cause"] == "STARTED"

    def test_what_is_not_there_is_refused(self):
        one = world()
        with pytest.raises(UnknownResource, match="does not exist"):
            one.platform.explain.explain({"jobId": "11111111-1111-4111-8111-111111111111"})


NOW = 1_767_225_600_000


def state(**more):
    known = {"status": Status.RUNNABLE, "shape": Shape("FARGATE", "X86_64", 250, 512).key, **more}
    return JobState(id="j", name="j", queue="q", definition="d:1", created=NOW, **known)


class TestTheSentence:
    def test_a_pause_tells_how_long_it_lasts(self):
        waits = state(waiting=Waiting.BACKOFF, until=NOW + 1500, attempt=1, attempts=3)
        reason = explain(Facts(waits, NOW))
        assert reason.sentence == "attempt 1 of 3 failed; it is tried again in 2 s"
        assert reason.until == NOW + 1500

    def test_a_launch_that_ecs_refused_is_told_in_its_words(self):
        waits = state(
            waiting=Waiting.BACKOFF, until=NOW, launches=2, why="quota of 6 vCPUs reached"
        )
        assert explain(Facts(waits, NOW)).sentence.startswith("quota of 6 vCPUs reached; ")

    def test_what_only_a_tick_knows_is_told_as_it_was_parked(self):
        waits = state(lane="q||s", why_code="SHARES", why="kept for other shares")
        reason = explain(Facts(waits, NOW, place=Place(1000, exact=False)))
        assert reason.cause == "SHARES"
        assert (
            reason.sentence == "kept for other shares; at least 1,000 waiting before it in queue q"
        )

    def test_a_stop_that_is_under_way(self):
        assert explain(Facts(state(stop="enough"), NOW)).cause is Cause.STOPPING

    def test_many_dependencies_are_counted_and_one_is_named(self):
        open_ = [Awaited("a", Status.FAILED), Awaited("b", Status.RUNNING)]
        facts = Facts(state(status=Status.PENDING), NOW, dependencies=5, awaited=open_)
        assert explain(facts).sentence == "it waits for 2 of 5 jobs: a is FAILED, and 1 more"
