"""Jobs that wait for other jobs, in a whole world."""

import pytest

from lambdas.core.job import Status
from simulator.checks import unfinished, violations
from simulator.fargate import Outcome
from simulator.world import World

DOOMED = (Status.FAILED, "Dependent Job failed")


def world(program=None, vcpus=16):
    one = World(program)
    one.environment(vcpus=vcpus)
    one.queue()
    one.definition()
    return one


def by_name(name, _attempt):
    """Jobs called `bad…` fail."""
    return Outcome(runs=30_000, exit_code=1 if name.startswith("bad") else 0)


def after(one, *jobs, wanted=None, name="last", **more):
    tags = {"batchyard:depends-on": wanted} if wanted else {}
    waits = [{"jobId": job} for job in jobs]
    return one.submit(name, dependsOn=waits, tags=tags, **more)


def ended(one, job):
    state = one.state(job)
    return state.status, state.status_reason


def at_rest(one):
    return [*violations(one), *unfinished(one)]


class TestTheEndThatIsWaitedFor:
    @pytest.mark.parametrize("late", [False, True], ids=["waiting", "already ended"])
    @pytest.mark.parametrize(
        ("wanted", "parent", "runs"),
        [
            (None, "good", True),
            (None, "bad", False),
            ("succeeded", "good", True),
            ("succeeded", "bad", False),
            ("failed", "good", False),
            ("failed", "bad", True),
            ("finished", "good", True),
            ("finished", "bad", True),
        ],
    )
    def test_lets_the_job_run_or_fails_it(self, wanted, parent, runs, late):
        one = world(by_name)
        first = one.submit(parent)
        if late:
            one.run(minutes=5)
        job = after(one, first, wanted=wanted)
        one.run(minutes=5)
        assert one.state(job).status is (Status.SUCCEEDED if runs else Status.FAILED)
        if not runs:
            assert ended(one, job) == DOOMED
            assert one.state(job).attempt == 0
        assert at_rest(one) == []

    def test_every_dependency_must_end_so(self):
        one = world(by_name)
        parents = [one.submit("bad"), one.submit("good"), one.submit("bad")]
        jobs = {w: after(one, *parents, wanted=w) for w in ("succeeded", "failed", "finished")}
        one.run(minutes=8)
        assert ended(one, jobs["succeeded"]) == ended(one, jobs["failed"]) == DOOMED
        assert one.state(jobs["finished"]).status is Status.SUCCEEDED

    def test_a_stopped_job_has_failed(self):
        one = world(by_name)
        first = one.submit("good")
        job = after(one, first, wanted="failed", name="clean-up")
        one.terminate(first, "enough")
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED

    def test_a_job_starts_only_after_the_end(self):
        one = world(by_name)
        first = one.submit("bad")
        job = after(one, first, wanted="finished")
        one.run(minutes=8)
        assert one.state(job).started >= one.state(first).stopped

    def test_the_lost_end_is_found_by_who_waits(self):
        one = world(by_name)
        first = one.submit("bad")
        one.run(minutes=0.3)
        job = after(one, first, wanted="failed")
        one.run(minutes=0.1)
        one.paused.add("relay")
        one.run(minutes=2)
        one.paused.clear()
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED

    def test_the_lost_ends_of_a_wide_join_are_found_all(self):
        one = world(lambda *_: Outcome(runs=20_000), vcpus=400)
        many = one.submit("many", arrayProperties={"size": 600})
        job = after(one, *(f"{many}:{index}" for index in range(600)))
        one.run(minutes=0.2)
        one.paused.add("relay")
        one.run(minutes=3)
        one.paused.clear()
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED
        one.run(minutes=60)
        assert at_rest(one) == []
