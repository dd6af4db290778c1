"""Hold and release, move to another queue, another priority: of jobs that wait, at any moment."""

import pytest

from lambdas.core import transitions
from lambdas.core.errors import ClientError, ConditionFailed, ResourceInUse, UnknownResource
from lambdas.core.job import Status
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, MINUTE, Outcome, World


def world(vcpus=1):
    """Jobs take 0.25 vCPU for ten minutes; `spare` is a queue with an environment of its own."""
    made = World(lambda _name, _attempt: Outcome(runs=10 * MINUTE))
    made.environment(vcpus=vcpus)
    made.environment("other", vcpus=1)
    made.queue()
    made.queue("spare", 50, "other")
    made.definition()
    return made


def full():
    made = world()
    for _ in range(4):
        made.submit()
    made.run(minutes=1)
    return made


def call(one, name, job, **more):
    body = {"jobId": job, **more}
    return getattr(one.platform.queueing, name)(body, CALLER)


class TestAHeldJob:
    def test_starts_nothing_until_it_is_released(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        call(one, "hold", job)
        one.run(minutes=60)
        detail = one.describe(job)
        assert (detail["status"], detail["statusReason"]) == (
            "RUNNABLE",
            "Held until it is released",
        )
        call(one, "release", job)
        one.run(minutes=1)
        assert one.state(job).status is Status.RUNNING

    def test_is_held_also_when_its_ticket_is_on_the_way(self):
        one = world()
        job = one.submit()
        call(one, "hold", job)
        one.run(minutes=5)
        assert one.state(job).status is Status.RUNNABLE

    def test_is_out_of_the_line_and_says_so(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        call(one, "hold", job)
        one.run(minutes=1)
        told = one.platform.explain.explain({"jobId": job})
        assert (told["cause"], told["reason"]) == (
            "HELD",
            "it has been held for 60 s, and waits to be released",
        )
        front = one.platform.snapshot.snapshot({"jobQueue": "default"})
        assert front["frontOfQueue"]["jobs"] == []

    def test_refuses_a_tick_that_read_it_before(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        read = one.state(job)
        call(one, "hold", job)
        claim, _ = transitions.claim(read, "run", "fargate", 250, {}, one.clock.now())
        for write in (claim, transitions.park(read, "lane", "rank", "CAPACITY", "", 0)):
            with pytest.raises(ConditionFailed):
                one.tables.jobs.write(write)

    def test_may_wait_for_other_jobs_and_stays_held_when_they_have_ended(self):
        one = world()
        first = one.submit()
        one.run(minutes=1)
        job = one.submit(dependsOn=[{"jobId": first}])
        one.run(minutes=1)
        call(one, "hold", job)
        one.run(minutes=30)
        assert (one.state(job).status, one.state(job).held is None) == (Status.RUNNABLE, False)
        call(one, "release", job)
        one.run(minutes=1)
        assert one.state(job).status is Status.RUNNING

    def test_can_be_cancelled_and_then_not_released(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        call(one, "hold", job)
        one.cancel(job, "enough")
        one.run(minutes=1)
        assert one.describe(job)["statusReason"] == "enough"
        assert call(one, "release", job) == {}

    def test_of_an_array_what_has_had_its_turn_goes_on(self):
        one = world()
        array = one.submit(arrayProperties={"size": 6})
        one.run(minutes=1)
        call(one, "hold", array)
        one.run(minutes=30)
        summary = one.describe(array)["arrayProperties"]["statusSummary"]
        assert summary["SUCCEEDED"] == 4
        call(one, "release", array)
        one.run(minutes=30)
        assert one.describe(array)["status"] == "SUCCEEDED"

    def test_is_held_and_released_once(self):
        one = full()
        job = one.submit()
        for name in ("hold", "hold", "release", "release"):
            assert call(one, name, job) == {}
        one.run(minutes=30)
        assert one.state(job).status is Status.SUCCEEDED

    def test_one_that_runs_or_is_not_there_is_refused(self):
        one = world()
        job = one.submit()
        one.run(minutes=1)
        with pytest.raises(ResourceInUse, match="is RUNNING: it can not be held any more"):
            call(one, "hold", job)
        with pytest.raises(UnknownResource):
            call(one, "hold", "11111111-1111-4111-8111-111111111111")


class TestPriority:
    def test_the_higher_goes_first(self):
        one = full()
        early = one.submit()
        one.run(minutes=1)
        late = one.submit()
        one.run(minutes=1)
        call(one, "prioritize", late, schedulingPriority=10)
        one.run(minutes=1)
        assert one.platform.explain.explain({"jobId": late})["jobsAhead"] == 0
        assert one.platform.explain.explain({"jobId": early})["jobsAhead"] == 1
        assert one.describe(late)["schedulingPriority"] == 10

    def test_may_be_changed_before_it_is_runnable(self):
        one = full()
        first = one.submit()
        job = one.submit(dependsOn=[{"jobId": first}])
        one.run(minutes=1)
        call(one, "prioritize", job, schedulingPriority=3)
        assert one.state(job).priority == 3
        one.run(minutes=60)
        assert one.state(job).status is Status.SUCCEEDED

    def test_is_0_to_9999(self):
        one = full()
        with pytest.raises(ClientError, match="0 to 9999 is allowed"):
            call(one, "prioritize", one.submit(), schedulingPriority=10_000)


class TestAMovedJob:
    def test_starts_in_the_other_queue(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        call(one, "move", job, jobQueue="spare")
        one.run(minutes=1)
        assert (one.state(job).status, one.state(job).env) == (Status.RUNNING, "other")
        listed = one.platform.jobs.list({"jobQueue": "spare"})["jobSummaryList"]
        assert [each["jobId"] for each in listed] == [job]

    def test_is_no_longer_of_the_queue_it_left(self):
        one = full()
        job = one.submit()
        one.run(minutes=1)
        call(one, "hold", job)
        call(one, "move", job, jobQueue="spare")
        author = Author(CALLER)
        one.platform.queues.update({"jobQueue": "default", "state": "DISABLED"}, author)
        one.platform.queues.delete({"jobQueue": "default"}, author)
        one.run(minutes=60)
        assert one.state(job).status is Status.RUNNABLE
        call(one, "release", job)
        one.run(minutes=30)
        assert one.state(job).status is Status.SUCCEEDED

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"vcpus": "2", "memory": "4096"}, "queue spare holds it: other: needs 2 vCPUs"),
            ({"state": "DISABLED"}, "spare is DISABLED: it takes no new jobs"),
        ],
    )
    def test_a_queue_that_would_not_take_it_refuses(self, change, sentence):
        one = world(vcpus=4)
        if "state" in change:
            one.platform.queues.update({"jobQueue": "spare", **change}, Author(CALLER))
        needs = [
            {"type": "VCPU", "value": change.get("vcpus", "0.25")},
            {"type": "MEMORY", "value": change.get("memory", "512")},
        ]
        job = one.submit(containerOverrides={"resourceRequirements": needs})
        with pytest.raises(ClientError, match=sentence):
            call(one, "move", job, jobQueue="spare")

    def test_one_that_waits_for_other_jobs_stays_where_it_is(self):
        one = full()
        job = one.submit(dependsOn=[{"jobId": one.submit()}])
        one.run(minutes=1)
        with pytest.raises(ResourceInUse, match="can not move: a RUNNABLE job can"):
            call(one, "move", job, jobQueue="spare")
