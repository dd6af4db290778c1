"""What a function decided on a reading that was no longer true, or on something that is broken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lambdas.adapters.memory.tasks import MemoryTask
from lambdas.core import transitions
from lambdas.core.dependencies import fanned_out
from lambdas.core.errors import CapacityUnavailable, ConditionFailed, Throttled
from lambdas.core.job import JobState, Status, attempt_key, spec_key, state_key
from lambdas.core.ports import TaskReport
from lambdas.core.tables import Change, Delete, Key, Update
from simulator.checks import violations
from simulator.faults import Faults, Odds
from simulator.world import MINUTE, Outcome, World

DAY = 24 * 60 * MINUTE


def world(program=None, faults: Faults | None = None) -> World:
    made = World(program, faults=faults)
    made.environment()
    made.queue()
    made.definition()
    return made


def at_work(one: World, **more: object) -> JobState:
    """A job whose task runs, as a function read it."""
    job = one.submit("work", **more)
    one.run(minutes=0.1)
    state = one.state(job)
    assert state.status is Status.RUNNING
    return state


def ended_badly(one: World) -> TaskReport:
    """ECS's report of the one task, which failed; nobody was told of it yet."""
    one.paused.add("track")
    (task,) = one.tasks.tasks.values()
    one.tasks.finish(task.arn, exit_code=1)
    return task.report()


def claimed(one: World) -> JobState:
    """A job that was claimed, and whose launch never ran."""
    one.paused.add("launch")
    job = one.submit()
    one.settle()
    one.paused.clear()
    return one.state(job)


SLOW = Outcome(runs=60 * MINUTE)


class TestAnEndAndAChangeAtTheSameTime:
    def test_a_terminated_job_is_not_retried_however_late_its_termination_came(self):
        one = world(lambda _n, _a: SLOW)
        seen = at_work(one, retryStrategy={"attempts": 5})
        report = ended_badly(one)
        one.terminate(seen.id, "enough")
        assert one.platform.endings.conclude(seen, report)
        state = one.state(seen.id)
        assert (state.status, state.status_reason) == (Status.FAILED, "enough")
        assert violations(one) == []

    def test_an_end_owes_what_its_first_dependent_awaits(self):
        one = world(lambda _n, _a: SLOW)
        seen = at_work(one)
        report = ended_badly(one)
        one.tables.jobs.write(transitions.depended_on(seen.id))
        assert one.platform.endings.conclude(seen, report)
        assert (one.state(seen.id).fan, one.state(seen.id).due_at is None) == (True, False)

    def test_a_withdrawal_is_refused_when_a_dependent_came_meanwhile(self):
        one = world()
        one.paused.add("relay")
        seen = one.state(one.submit())
        one.tables.jobs.write(transitions.depended_on(seen.id))
        with pytest.raises(ConditionFailed):
            one.tables.jobs.write(transitions.withdraw(seen, "cancel", "not needed", 1, 1))
        one.cancel(seen.id, "not needed")
        assert one.state(seen.id).due_at is not None


class TestAStart:
    def test_is_looked_at_in_time_though_its_debt_was_moved_since_it_was_read(self):
        one = world(lambda _n, _a: SLOW)
        seen = replace(claimed(one), timeout=60)
        now = one.clock.now()
        one.tables.jobs.write(transitions.lease_launch(seen, now + MINUTE))
        with pytest.raises(ConditionFailed):
            one.tables.jobs.write(transitions.running(seen, "task", now + 2 * MINUTE, now))


class TestAClaim:
    def test_is_refused_when_the_debt_that_it_keeps_was_paid_by_a_park(self):
        """Else it starts a job that nobody would look at again."""
        one = world()
        one.paused |= {"schedule", "relay"}
        seen = one.state(one.submit())
        now = one.clock.now()
        one.tables.jobs.write(transitions.park(seen, "lane", "rank", "RATE", "later", now))
        claim, _ = transitions.claim(seen, "run", "fargate", 250, {}, now)
        with pytest.raises(ConditionFailed):
            one.tables.jobs.write(claim)
        parked = one.state(seen.id)
        claim, _ = transitions.claim(parked, "run", "fargate", 250, {}, now)
        one.tables.jobs.write(claim)
        assert one.state(seen.id).due_at is not None


class TestALaunch:
    def test_that_is_second_hand_takes_no_refusal_for_proof(self):
        one = world()
        state = claimed(one)
        one.tasks.fail_next(CapacityUnavailable("RESOURCE:FARGATE"))
        one.platform.launcher.launch_again(state)
        assert one.state(state.id).status is Status.STARTING
        one.run(minutes=10)
        assert one.state(state.id).status is Status.SUCCEEDED
        assert len(one.fargate.made) == 1

    def test_that_was_refused_is_asked_about_again_by_the_right_of_the_lease(self):
        """Else a proof that lands after its invocation died meets the task of the next one."""
        one = world()
        seen = claimed(one)
        item = one.tables.jobs.get(state_key(seen.id))
        one.tasks.fail_next(CapacityUnavailable("RESOURCE:FARGATE"))
        one.platform.launcher.on_change(Change(state_key(seen.id), None, item))
        assert one.state(seen.id).task is not None
        assert len(one.tasks.tasks) == 1
        assert not one.platform.endings.unlaunched(seen, "a proof from before the lease")

    def test_a_lease_voids_what_was_known_before_it_even_in_the_same_millisecond(self):
        one = world()
        seen = claimed(one)
        one.tables.jobs.write(transitions.lease_launch(seen, one.clock.now()))
        assert one.state(seen.id).due_at != seen.due_at

    def test_on_the_stream_stands_back_once_another_took_the_lease(self):
        one = world()
        seen = claimed(one)
        item = one.tables.jobs.get(state_key(seen.id))
        one.clock.advance(1)
        one.tables.jobs.write(transitions.lease_launch(seen, one.clock.now()))
        one.platform.launcher.on_change(Change(state_key(seen.id), None, item))
        assert one.tasks.tasks == {}

    def test_that_others_took_over_is_not_given_up(self):
        one = world()
        seen = claimed(one)
        one.clock.advance(1)
        one.tables.jobs.write(transitions.lease_launch(seen, one.clock.now()))
        assert not one.platform.endings.unlaunched(seen, "no capacity")
        assert one.state(seen.id).status is Status.STARTING

    def test_that_was_throttled_is_tried_again_within_seconds(self):
        one = world()
        one.tasks.fail_next(Throttled("slow down"))
        job = one.submit()
        one.run(minutes=0.2, reconcile=False)
        assert one.state(job).status is Status.SUCCEEDED

    def test_whose_task_ecs_does_not_show_yet_is_not_over(self):
        one = world(lambda _n, _a: Outcome(runs=30 * MINUTE))
        one.paused.add("track")
        job = one.submit()
        one.run(minutes=0.1)
        shown: dict[str, MemoryTask] = one.tasks.tasks
        one.tasks.tasks = {}
        one.run(minutes=5)
        assert one.state(job).status is Status.STARTING
        one.tasks.tasks = shown
        one.paused.clear()
        one.run(minutes=60)
        assert (one.state(job).status, one.state(job).attempt) == (Status.SUCCEEDED, 1)


class TestAWaitThatIsDead:
    """Its execution was aborted: `reconcile` makes its last write."""

    def dead(self, program=None) -> World:
        faults = Faults(Odds(execution_lost=1.0))
        one = world(program, faults)
        faults.on = True
        return one

    def test_holds_no_dependent_back(self):
        one = self.dead()
        first = one.submit("first")
        last = one.submit("last", dependsOn=[{"jobId": first}])
        one.run(minutes=30)
        assert one.state(last).status is Status.SUCCEEDED

    def test_lets_a_dependent_fail(self):
        one = self.dead(lambda _n, _a: Outcome(exit_code=1))
        first = one.submit("first")
        last = one.submit("last", dependsOn=[{"jobId": first}])
        one.run(minutes=30)
        assert one.state(last).status_reason == "Dependent Job failed"

    def test_holds_no_retry_back(self):
        one = self.dead(lambda _n, attempt: Outcome(exit_code=attempt == 1))
        tags = {"batchyard:backoff": "30s"}
        job = one.submit(retryStrategy={"attempts": 2}, tags=tags)
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED


class TestSomethingBroken:
    """One job that no code can handle does not keep the others from their turn."""

    def test_in_the_stream(self):
        one = world()
        one.paused.add("relay")
        job = one.submit()
        one.settle()
        good = Change(state_key(job), None, one.tables.jobs.get(state_key(job)))
        bad = Change(Key("JOB#broken", "STATE"), None, {"pk": "JOB#broken", "sk": "STATE"})
        one.platform.relay.on_changes([bad, good])
        assert one.inboxes.depth(one.inbox("default")) == 1

    def test_among_the_claims_of_the_stream(self):
        one = world()
        one.paused.add("launch")
        broken, job = one.submit(), one.submit()
        one.settle()
        self.break_attempt(one, broken)
        for each in (broken, job):
            item = one.tables.jobs.get(state_key(each))
            one.platform.launcher.on_change(Change(state_key(each), None, item))
        assert one.state(job).task is not None

    def test_among_the_overdue(self):
        one = world()
        one.paused.add("launch")
        jobs = [one.submit() for _ in range(40)]
        one.settle()
        self.break_attempt(one, jobs[0])
        one.paused.clear()
        one.run(minutes=10)
        assert {one.state(job).status for job in jobs[1:]} == {Status.SUCCEEDED}

    def test_among_the_tickets(self):
        one = world()
        one.paused.add("schedule")
        broken, job = one.submit(), one.submit()
        one.tables.jobs.write(Delete(spec_key(broken)))
        one.paused.clear()
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED
        assert one.state(broken).why_code == "INFEASIBLE"

    def break_attempt(self, one: World, job: str) -> None:
        one.tables.jobs.write(Delete(attempt_key(job, 1)))


class TestManyDependents:
    def test_long_gone_leave_nothing_behind(self):
        one = world(lambda _n, _a: Outcome(runs=91 * DAY))
        first = one.submit("first")
        gone = [one.submit(f"gone-{n}", dependsOn=[{"jobId": first}]) for n in range(60)]
        one.run(minutes=1)
        for job in gone:
            one.cancel(job, "not needed")
        one.settle()
        one.clock.advance(90 * DAY + MINUTE)
        one.tables.jobs.expire(one.clock.now())
        one.settle()
        one.clock.advance(DAY)
        one.run(minutes=2)
        assert [item for item in one.tables.jobs.scan() if item["sk"].startswith("EDGE#")] == []
        assert one.state(first).status is Status.SUCCEEDED

    def test_are_owed_for_until_none_is_left(self):
        one = world()
        first = one.submit("first")
        one.submit("last", dependsOn=[{"jobId": first}])
        one.run(minutes=1)
        seen = one.state(first)
        one.tables.jobs.write(fanned_out(first, 50))
        with pytest.raises(ConditionFailed):
            one.tables.jobs.write(transitions.settled(seen))

    def test_an_edge_that_outlived_its_dependent_does_not_stop_it_from_coming_back(self):
        one = world(lambda name, _a: Outcome(runs=2 * DAY if name == "first" else 1000))
        first = one.submit("first")
        wait = {"dependsOn": [{"jobId": first}]}
        again = one.submit("again", token="t", **wait)
        one.run(minutes=1)
        one.cancel(again, "not yet")
        one.tables.jobs.write(Update(state_key(again), put={"expires": 1}))
        one.tables.jobs.expire(one.clock.now())
        one.settle()
        assert one.submit("again", token="t", **wait) == again
        one.run(minutes=1)
        assert one.state(again).status is Status.PENDING
