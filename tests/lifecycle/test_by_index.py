"""Children that wait for single others: N_TO_N, SEQUENTIAL, and jobs that wait for one child."""

from itertools import pairwise

import pytest

from lambdas.core.dependencies import EachEdge
from lambdas.core.errors import ClientError, InvalidRequest, UnknownResource
from lambdas.core.job import Status
from lambdas.core.tables import Put
from simulator.checks import unfinished, violations
from simulator.fargate import Outcome
from simulator.world import World

SEQUENTIAL = {"type": "SEQUENTIAL"}


def world(program=None, vcpus=16):
    one = World(program)
    one.environment(vcpus=vcpus)
    one.queue()
    one.definition()
    return one


def array(one, size, *depends_on, name="many", **more):
    waits = {"dependsOn": list(depends_on)} if depends_on else {}
    return one.submit(name, arrayProperties={"size": size}, **waits, **more)


def each(job):
    return {"jobId": job, "type": "N_TO_N"}


def children(one, job):
    size = one.state(job).size
    return [one.state(f"{job}:{index}") for index in range(size)]


def statuses(one, job):
    return [child.status.value[0] for child in children(one, job)]


def at_rest(one):
    return [*violations(one), *unfinished(one)]


class TestIndexByIndex:
    @pytest.mark.parametrize("size", [1, 2, 40, 130])
    def test_every_child_starts_after_its_own(self, size):
        one = world(lambda *_: Outcome(runs=20_000), vcpus=4)
        first = array(one, size)
        second = array(one, size, each(first))
        one.run(minutes=40)
        assert one.state(second).status is Status.SUCCEEDED
        for before, after in zip(children(one, first), children(one, second), strict=True):
            assert before.stopped <= after.started
        assert at_rest(one) == []

    def test_an_edge_that_comes_after_the_end_does_not_stay(self):
        one = world()
        first = array(one, 3)
        second = array(one, 3, each(first))
        one.run(minutes=10)
        one.tables.jobs.write(Put(EachEdge(first, second).item()))
        one.run(minutes=2)
        assert at_rest(one) == []

    def test_a_child_does_not_wait_for_the_others(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        first = array(one, 12)
        second = array(one, 12, each(first))
        one.run(minutes=30)
        begun = min(child.started for child in children(one, second))
        assert begun < max(child.stopped for child in children(one, first))

    @pytest.mark.parametrize("late", [False, True], ids=["waiting", "already ended"])
    def test_a_failed_child_fails_its_own_alone(self, late):
        one = World()
        one.environment(vcpus=16)
        one.queue()
        one.definition()
        first = array(one, 3)
        one.paused.add("schedule")
        one.cancel(f"{first}:1", "not this one")
        one.paused.clear()
        if late:
            one.run(minutes=5)
        second = array(one, 3, each(first))
        one.run(minutes=10)
        assert statuses(one, second) == ["S", "F", "S"]
        assert one.state(f"{second}:1").status_reason == "Dependent Job failed"
        assert one.state(second).status_reason == "Array Child Job failed"
        assert at_rest(one) == []

    def test_arrays_may_wait_for_several_and_for_whole_jobs_besides(self):
        one = world(lambda *_: Outcome(runs=20_000))
        firsts = [array(one, 5), array(one, 5)]
        alone = one.submit("alone")
        last = array(one, 5, *map(each, firsts), {"jobId": alone})
        one.run(minutes=10)
        assert statuses(one, last) == ["S"] * 5
        ends = [child.stopped for first in firsts for child in children(one, first)]
        assert min(child.started for child in children(one, last)) >= one.state(alone).stopped
        assert max(child.started for child in children(one, last)) >= max(ends)
        assert at_rest(one) == []

    def test_a_chain_of_arrays_runs_through(self):
        one = world(lambda *_: Outcome(runs=5_000))
        chain = [array(one, 4)]
        for _ in range(4):
            chain.append(array(one, 4, each(chain[-1])))
        one.run(minutes=20)
        assert {one.state(job).status for job in chain} == {Status.SUCCEEDED}
        assert at_rest(one) == []

    def test_what_a_stopped_array_never_began_has_failed(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        first = array(one, 120)
        second = array(one, 120, each(first))
        one.run(minutes=0.5)
        one.cancel(first, "enough")
        one.run(minutes=20)
        assert statuses(one, second) == ["S"] * 4 + ["F"] * 116
        assert at_rest(one) == []

    @pytest.mark.parametrize("how", ["cancel", "terminate"])
    @pytest.mark.parametrize("minutes", [0.1, 0.7, 1.6])
    def test_it_can_be_stopped_at_any_moment(self, how, minutes):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=2)
        first = array(one, 120)
        second = array(one, 120, each(first))
        one.run(minutes=minutes)
        getattr(one, how)(second, "enough")
        one.run(minutes=30)
        assert one.state(first).status is Status.SUCCEEDED
        assert one.state(second).status_reason == "enough"
        assert at_rest(one) == []

    def test_one_child_can_be_cancelled_before_its_turn(self):
        one = world(lambda *_: Outcome(runs=60_000))
        first = array(one, 3)
        second = array(one, 3, each(first))
        one.run(minutes=0.5)
        one.cancel(f"{second}:2", "not this one")
        one.run(minutes=10)
        assert statuses(one, second) == ["S", "S", "F"]
        assert at_rest(one) == []

    def test_the_summary_adds_up_and_children_wait_as_pending(self):
        one = world(lambda *_: Outcome(runs=60_000))
        first = array(one, 6)
        second = array(one, 6, each(first))
        one.run(minutes=0.5)
        assert one.describe(f"{second}:3")["status"] == "PENDING"
        asked = {"arrayJobId": second, "jobStatus": "PENDING"}
        assert len(one.platform.jobs.list(asked)["jobSummaryList"]) == 6
        for _ in range(30):
            summary = one.describe(second)["arrayProperties"]["statusSummary"]
            assert sum(summary.values()) == 6
            one.run(minutes=0.1)
        assert summary["SUCCEEDED"] == 6

    def test_an_end_that_nobody_heard_of_is_found(self):
        one = world(lambda *_: Outcome(runs=30_000))
        first = array(one, 3)
        second = array(one, 3, each(first))
        one.run(minutes=0.3)
        begin = one.platform.dependents.children_ended
        one.platform.dependents.children_ended = lambda *_: None
        one.run(minutes=1.5)
        one.platform.dependents.children_ended = begin
        one.run(minutes=30)
        assert one.state(second).status is Status.SUCCEEDED


class TestOneAfterTheOther:
    def test_children_run_in_order_one_at_a_time(self):
        one = world(lambda *_: Outcome(runs=10_000))
        job = array(one, 8, SEQUENTIAL)
        one.run(minutes=10)
        ran = children(one, job)
        assert statuses(one, job) == ["S"] * 8
        assert all(a.stopped <= b.started for a, b in pairwise(ran))
        assert at_rest(one) == []

    def test_a_failure_stops_the_rest(self):
        one = world()
        job = array(one, 5, SEQUENTIAL)
        one.cancel(f"{job}:2", "not this one")
        one.run(minutes=10)
        assert statuses(one, job) == ["S", "S", "F", "F", "F"]
        assert one.state(f"{job}:4").status_reason == "Dependent Job failed"
        assert at_rest(one) == []

    def test_or_not_when_any_end_will_do(self):
        one = world()
        job = array(one, 4, SEQUENTIAL, tags={"batchyard:depends-on": "finished"})
        one.cancel(f"{job}:1", "not this one")
        one.run(minutes=10)
        assert statuses(one, job) == ["S", "F", "S", "S"]

    def test_with_index_by_index_besides(self):
        one = world(lambda *_: Outcome(runs=10_000))
        first = array(one, 4)
        job = array(one, 4, SEQUENTIAL, each(first))
        one.run(minutes=10)
        ran = children(one, job)
        assert all(a.stopped <= b.started for a, b in pairwise(ran))
        assert at_rest(one) == []

    def test_it_is_described_as_it_was_asked(self):
        one = world()
        job = array(one, 2, SEQUENTIAL)
        assert one.describe(job)["dependsOn"] == [SEQUENTIAL]


class TestWaitingForOneChild:
    @pytest.mark.parametrize("minutes", [0, 0.5, 2, 20], ids=["unborn", "runs", "some", "ended"])
    def test_starts_after_it(self, minutes):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 20)
        one.run(minutes=minutes)
        last = one.submit("last", dependsOn=[{"jobId": f"{job}:5"}, {"jobId": f"{job}:9"}])
        one.run(minutes=20)
        assert one.state(last).started >= one.state(f"{job}:9").stopped
        assert at_rest(one) == []

    def test_fails_when_the_child_never_was(self):
        one = world(lambda *_: Outcome(runs=60_000), vcpus=1)
        job = array(one, 20)
        last = one.submit("last", dependsOn=[{"jobId": f"{job}:15"}])
        one.run(minutes=1)
        one.terminate(job, "enough")
        one.run(minutes=5)
        assert one.state(last).status_reason == "Dependent Job failed"
        assert at_rest(one) == []

    def test_does_not_mind_its_brothers(self):
        one = world(lambda *_: Outcome(runs=10_000))
        job = array(one, 3)
        one.cancel(f"{job}:1", "not this one")
        waiting = [one.submit("last", dependsOn=[{"jobId": f"{job}:{i}"}]) for i in range(3)]
        one.run(minutes=5)
        assert [one.state(last).status.value[0] for last in waiting] == ["S", "F", "S"]

    def test_more_may_wait_than_are_told_in_one_go(self):
        one = world(lambda *_: Outcome(runs=30_000), vcpus=40)
        job = array(one, 2)
        waiting = [one.submit("last", dependsOn=[{"jobId": f"{job}:1"}]) for _ in range(120)]
        one.run(minutes=10)
        assert {one.state(last).status for last in waiting} == {Status.SUCCEEDED}
        assert at_rest(one) == []


class TestRefusals:
    def refusal(self, one, *depends_on, size=3, error=ClientError):
        with pytest.raises(error) as refused:
            array(one, size, *depends_on) if size else one.submit(dependsOn=list(depends_on))
        return str(refused.value)

    def test_another_size(self):
        one = world()
        first = array(one, 4)
        told = self.refusal(one, each(first))
        assert "which is an array of 4: it must have this job's size, 3." in told
        assert "which is no array" in self.refusal(one, each(one.submit("plain")))

    def test_a_job_that_is_no_array(self):
        one = world()
        first = array(one, 4)
        for asked in (each(first), SEQUENTIAL):
            assert "this job is no array" in self.refusal(one, asked, size=0, error=InvalidRequest)

    def test_a_job_named_where_none_belongs_and_a_child_where_an_array_does(self):
        one = world()
        first = array(one, 3)
        assert "name no job" in self.refusal(one, {"jobId": first, **SEQUENTIAL})
        assert "whole array" in self.refusal(one, each(f"{first}:1"))
        assert "id of a job is needed" in self.refusal(one, {"type": "N_TO_N"})

    def test_a_child_that_can_not_be(self):
        one = world()
        first = array(one, 3)
        for asked in (f"{first}:3", f"{one.submit()}:0"):
            told = self.refusal(one, {"jobId": asked}, error=UnknownResource)
            assert f"dependsOn names {asked}: there is no such job." in told
