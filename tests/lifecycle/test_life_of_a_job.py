"""The life of a job, through the production services in virtual time."""

from __future__ import annotations

from typing import ClassVar

import pytest

from lambdas.core.errors import CapacityUnavailable, TaskRefused, Throttled
from lambdas.core.job import Status
from simulator.checks import violations
from simulator.world import MINUTE, Outcome, World

OOM = "OutOfMemoryError: Container killed due to memory usage"


def world(program=None, vcpus: int = 16) -> World:
    """A deployment with one Fargate environment, the queue `default` and the definition `task`."""
    made = World(program)
    made.environment(vcpus=vcpus)
    made.queue()
    made.definition()
    return made


def failing(times: int, exit_code: int = 1):
    """Jobs whose first attempts fail."""
    return lambda _name, attempt: Outcome(exit_code=exit_code if attempt <= times else 0)


@pytest.fixture(autouse=True)
def _nothing_is_violated(request):
    """Whatever a test did, every world it made keeps the invariants at the end."""
    made: list[World] = []
    original = World.__init__

    def remember(self, *args, **kwargs):
        original(self, *args, **kwargs)
        made.append(self)

    World.__init__ = remember
    yield
    World.__init__ = original
    for one in made:
        assert violations(one) == []


class TestAPlainJob:
    def test_succeeds(self):
        one = world()
        job = one.submit()
        assert one.state(job).status is Status.RUNNABLE
        one.run(minutes=1)
        state = one.state(job)
        assert state.status is Status.SUCCEEDED
        assert (state.exit, state.attempt) == (0, 1)
        assert state.status_reason == "Essential container in task exited"

    def test_starts_no_execution(self):
        one = world()
        one.submit()
        one.run(minutes=1)
        assert one.waits.started == {}

    def test_owes_nothing_in_the_end_and_gives_its_capacity_back(self):
        one = world()
        job = one.submit()
        one.run(minutes=1)
        assert one.state(job).due_at is None
        assert one.in_use("fargate") == 0

    def test_has_one_task_told_what_aws_batch_tells(self):
        one = world()
        job = one.submit(name="weather")
        one.run(minutes=1)
        (task,) = one.tasks.tasks.values()
        assert one.variables(task.arn) == {
            "AWS_BATCH_JOB_ID": job,
            "AWS_BATCH_JOB_ATTEMPT": "1",
            "AWS_BATCH_JQ_NAME": "default",
            "AWS_BATCH_CE_NAME": "fargate",
        }

    def test_that_fails_is_failed_with_its_exit_code(self):
        one = world(failing(99, exit_code=3))
        job = one.submit()
        one.run(minutes=1)
        assert (one.state(job).status, one.state(job).exit) == (Status.FAILED, 3)

    def test_that_takes_too_much_memory_says_so(self):
        one = world(lambda _n, _a: Outcome(exit_code=137, reason=OOM))
        job = one.submit()
        one.run(minutes=1)
        assert (one.state(job).exit, one.state(job).reason) == (137, OOM)


class TestCapacity:
    def test_jobs_beyond_the_maximum_wait_with_a_reason_in_numbers(self):
        one = world(lambda _n, _a: Outcome(runs=MINUTE), vcpus=1)
        jobs = [one.submit() for _ in range(6)]
        one.run(minutes=0.5)
        waiting = [s for s in map(one.state, jobs) if s.status is Status.RUNNABLE]
        assert len(waiting) == 2
        assert waiting[0].why == "fargate: needs 0.25 vCPUs, 1 vCPU of 1 vCPU taken"

    def test_parked_jobs_start_as_others_end_and_all_end(self):
        one = world(lambda _n, _a: Outcome(runs=10_000), vcpus=1)
        jobs = [one.submit() for _ in range(40)]
        one.run(minutes=3)
        assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
        assert one.in_use("fargate") == 0

    def test_parked_jobs_keep_no_message(self):
        one = world(lambda _n, _a: Outcome(runs=MINUTE), vcpus=1)
        for _ in range(40):
            one.submit()
        one.run(minutes=0.5)
        assert one.inboxes.depth(one.inbox("default")) == 0

    def test_the_higher_queue_goes_first(self):
        one = world(lambda _n, _a: Outcome(runs=10_000), vcpus=1)
        one.queue("high", 100)
        low = [one.submit("low") for _ in range(12)]
        one.run(minutes=0.1)
        high = [one.submit("high", jobQueue="high") for _ in range(4)]
        one.run(minutes=0.25)
        started = [job for job in high if one.state(job).status is not Status.RUNNABLE]
        assert len(started) == 4
        assert sum(one.state(job).status is Status.RUNNABLE for job in low) > 0

    def test_fargate_without_capacity_puts_the_job_back_without_costing_an_attempt(self):
        one = world()
        for _ in range(2):  # one refusal is asked about again, by the right of the lease
            one.tasks.fail_next(CapacityUnavailable("Capacity is unavailable at this time"))
        job = one.submit()
        one.run(minutes=0.1)
        assert one.state(job).status is Status.RUNNABLE
        assert one.in_use("fargate") == 0
        one.run(minutes=2)
        assert (one.state(job).status, one.state(job).attempt) == (Status.SUCCEEDED, 1)


class TestRetries:
    STRATEGY: ClassVar = {"attempts": 3}

    def test_a_failed_attempt_is_retried_at_once(self):
        one = world(failing(2))
        job = one.submit(retryStrategy=self.STRATEGY)
        one.run(minutes=1)
        assert (one.state(job).status, one.state(job).attempt) == (Status.SUCCEEDED, 3)
        assert one.waits.started == {}

    def test_never_more_often_than_allowed(self):
        one = world(failing(99))
        job = one.submit(retryStrategy=self.STRATEGY)
        one.run(minutes=5)
        assert (one.state(job).status, one.state(job).attempt) == (Status.FAILED, 3)
        assert len(one.tasks.tasks) == 3

    def test_a_backoff_is_one_execution_that_ends_in_time(self):
        one = world(failing(1))
        job = one.submit(retryStrategy=self.STRATEGY, tags={"batchyard:backoff": "30s"})
        one.run(minutes=0.25)
        assert one.state(job).status is Status.RUNNABLE
        assert list(one.waits.started) == [f"{job}-1-1"]
        one.run(minutes=1)
        assert (one.state(job).status, one.state(job).attempt) == (Status.SUCCEEDED, 2)

    def test_every_attempt_is_kept(self):
        one = world(failing(2, exit_code=7))
        job = one.submit(retryStrategy=self.STRATEGY)
        one.run(minutes=1)
        attempts = one.describe(job)["attempts"]
        assert [a["container"].get("exitCode") for a in attempts] == [7, 7, 0]
        assert len({a["container"]["taskArn"] for a in attempts}) == 3

    def test_evaluate_on_exit_decides(self):
        rules = [{"action": "EXIT", "onExitCode": "7"}, {"action": "RETRY", "onReason": "*"}]
        one = world(failing(99, exit_code=7))
        job = one.submit(retryStrategy={"attempts": 5, "evaluateOnExit": rules})
        one.run(minutes=1)
        assert (one.state(job).status, one.state(job).attempt) == (Status.FAILED, 1)


class TestDependencies:
    def test_a_job_starts_only_after_both(self):
        durations = {"slow": 40_000, "quick": 5_000, "last": 1_000}
        one = world(lambda name, _a: Outcome(runs=durations[name]))
        quick, slow = one.submit("quick"), one.submit("slow")
        last = one.submit("last", dependsOn=[{"jobId": quick}, {"jobId": slow}])
        assert one.state(last).status is Status.SUBMITTED
        one.run(minutes=0.25)
        assert one.state(last).status is Status.PENDING
        one.run(minutes=1)
        assert one.state(last).status is Status.SUCCEEDED
        assert one.state(last).started >= one.state(slow).stopped
        assert len(one.waits.started) == 1

    def test_a_failed_dependency_fails_the_dependent_in_aws_batchs_words(self):
        one = world(lambda name, _a: Outcome(exit_code=1 if name == "bad" else 0))
        bad = one.submit("bad")
        last = one.submit("last", dependsOn=[{"jobId": bad}])
        after = one.submit("after", dependsOn=[{"jobId": last}])
        one.run(minutes=2)
        assert one.state(last).status is Status.FAILED
        assert one.state(last).status_reason == "Dependent Job failed"
        assert one.state(last).attempt == 0
        assert one.state(after).status is Status.FAILED

    def test_what_ended_before_is_not_waited_for(self):
        one = world()
        first = one.submit("first")
        one.run(minutes=1)
        last = one.submit("last", dependsOn=[{"jobId": first}])
        one.run(minutes=1)
        assert one.state(last).status is Status.SUCCEEDED
        assert one.waits.started == {}

    def test_a_wide_join_waits_for_all(self):
        one = world()
        parents = [one.submit(f"p{i}") for i in range(60)]
        last = one.submit("last", dependsOn=[{"jobId": p} for p in parents])
        one.run(minutes=5)
        assert one.state(last).status is Status.SUCCEEDED
        assert one.state(last).started >= max(one.state(p).stopped for p in parents)

    def test_a_wide_fan_out_reaches_all(self):
        one = world()
        first = one.submit("first")
        children = [one.submit(f"c{i}", dependsOn=[{"jobId": first}]) for i in range(130)]
        one.run(minutes=10)
        assert {one.state(child).status for child in children} == {Status.SUCCEEDED}


class TestStopping:
    def test_a_cancelled_waiting_job_never_starts(self):
        one = world(lambda _n, _a: Outcome(runs=MINUTE), vcpus=1)
        jobs = [one.submit() for _ in range(6)]
        one.run(minutes=0.1)
        waiting = next(job for job in jobs if one.state(job).status is Status.RUNNABLE)
        one.cancel(waiting, "not needed")
        one.run(minutes=5)
        state = one.state(waiting)
        assert (state.status, state.status_reason, state.attempt) == (
            Status.FAILED,
            "not needed",
            0,
        )

    def test_a_cancelled_pending_job_lets_its_execution_end(self):
        one = world(lambda _n, _a: Outcome(runs=MINUTE))
        first = one.submit("first")
        last = one.submit("last", dependsOn=[{"jobId": first}])
        one.run(minutes=0.1)
        one.cancel(last, "changed my mind")
        one.run(minutes=5)
        assert one.state(last).status is Status.FAILED
        assert [a.error for a in one.waits.answers.values()] == ["Withdrawn"]

    def test_a_terminated_running_job_is_stopped_and_not_retried(self):
        one = world(lambda _n, _a: Outcome(runs=60 * MINUTE))
        job = one.submit(retryStrategy={"attempts": 5})
        one.run(minutes=0.2)
        assert one.state(job).status is Status.RUNNING
        one.terminate(job, "enough")
        one.run(minutes=2)
        state = one.state(job)
        assert (state.status, state.status_reason, state.attempt) == (Status.FAILED, "enough", 1)

    def test_a_stop_that_meets_starting_is_sent_once_the_task_is_known(self):
        one = world(lambda _n, _a: Outcome(runs=60 * MINUTE))
        one.paused.add("launch")
        job = one.submit()
        one.settle()
        assert one.state(job).status is Status.STARTING
        one.terminate(job, "too soon")
        one.settle()
        assert one.state(job).status is Status.STARTING
        one.paused.clear()
        one.run(minutes=10)
        state = one.state(job)
        assert (state.status, state.status_reason) == (Status.FAILED, "too soon")
        assert list(one.tasks.stops.values()) == ["too soon"]

    def test_an_attempt_that_runs_too_long_is_stopped(self):
        one = world(lambda _n, _a: Outcome(runs=60 * MINUTE))
        job = one.submit(timeout={"attemptDurationSeconds": 60})
        one.run(minutes=5)
        state = one.state(job)
        assert state.status is Status.FAILED
        assert state.status_reason == "Job attempt duration exceeded timeout"
        assert state.stopped - state.started < 3 * MINUTE


class TestWhatIsOwedIsPaid:
    """A function that never ran, a message that was lost: `reconcile` redoes it."""

    def lost_while(self, function: str) -> tuple[World, str]:
        one = world()
        one.paused.add(function)
        job = one.submit()
        one.settle()
        one.lose_records()
        one.paused.clear()
        return one, job

    def test_a_ticket_never_sent(self):
        one, job = self.lost_while("relay")
        assert one.state(job).status is Status.RUNNABLE
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED

    def test_a_fan_out_too_wide_for_one_round(self):
        one = world(lambda _n, _a: Outcome(runs=30_000))
        first = one.submit("first")
        children = [one.submit(f"c{i}", dependsOn=[{"jobId": first}]) for i in range(420)]
        one.run(minutes=0.1, reconcile=False)
        one.paused |= {"relay"}
        one.run(minutes=1, reconcile=False)
        assert one.state(first).status is Status.SUCCEEDED
        one.lose_records()
        relay = one.platform.relay
        assert relay.pay(first) is None, "there is more"
        assert relay.pay(first) == one.state(first)
        assert one.state(first).due_at is None
        one.paused.clear()
        one.run(minutes=60)
        assert {one.state(child).status for child in children} == {Status.SUCCEEDED}

    def test_a_claim_never_launched(self):
        one, job = self.lost_while("launch")
        assert (one.state(job).status, one.state(job).task) == (Status.STARTING, None)
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED
        assert len(one.tasks.tasks) == 1

    def test_a_bell_whose_message_was_lost(self):
        one, job = self.lost_while("schedule")
        one.bells.take()
        one.run(minutes=10)
        assert one.state(job).status is Status.SUCCEEDED

    def test_a_task_whose_events_never_came(self):
        one = world()
        one.paused.add("track")
        job = one.submit()
        one.run(minutes=30)
        assert one.state(job).status is Status.SUCCEEDED

    def test_a_task_that_ecs_forgot(self):
        one = world(lambda _n, _a: Outcome(runs=1000))
        one.paused.add("track")
        job = one.submit()
        one.run(minutes=1, reconcile=False)
        one.tasks.forget(next(iter(one.tasks.tasks)))
        one.paused.clear()
        one.run(minutes=60)
        assert one.state(job).status is Status.FAILED
        assert "ECS no longer knows" in one.state(job).status_reason
        assert one.in_use("fargate") == 0

    def test_a_launch_older_than_tokens_is_looked_up_and_never_repeated(self):
        one = world()
        one.paused |= {"launch", "reconcile"}
        job = one.submit()
        one.run(minutes=50)
        one.lose_records()
        one.paused.clear()
        one.run(minutes=30)
        assert one.state(job).status is Status.SUCCEEDED
        assert len(one.tasks.tasks) == 1

    def test_a_dependent_never_resolved(self):
        one = world()
        first = one.submit("first")
        last = one.submit("last", dependsOn=[{"jobId": first}])
        one.settle()
        one.paused.add("relay")
        one.run(minutes=1, reconcile=False)
        one.lose_records()
        one.paused.clear()
        assert one.state(last).status is Status.PENDING
        one.run(minutes=30)
        assert one.state(last).status is Status.SUCCEEDED

    @pytest.mark.parametrize("made", [True, False])
    def test_a_launch_whose_answer_was_lost(self, made):
        one = world()
        one.tasks.fail_next(Throttled("no answer"), made=made)
        job = one.submit()
        one.run(minutes=5)
        assert one.state(job).status is Status.SUCCEEDED
        assert len(one.tasks.tasks) == 1

    def test_what_ecs_refuses_for_good_fails_with_its_words(self):
        one = world()
        for _ in range(2):
            one.tasks.fail_next(TaskRefused("AccessDeniedException: not allowed to pass the role"))
        job = one.submit()
        one.run(minutes=1)
        state = one.state(job)
        assert state.status is Status.FAILED
        assert "not allowed to pass the role" in (state.reason or "")
        assert one.in_use("fargate") == 0


def test_when_a_jobs_record_expires_nothing_of_it_is_left():
    one = world(failing(1))
    job = one.submit(retryStrategy={"attempts": 2})
    one.run(minutes=1)
    one.clock.advance(91 * 24 * 60 * MINUTE)
    assert one.tables.jobs.expire(one.clock.now()) == 1
    one.settle()
    assert [item for item in one.tables.jobs.scan() if job in item["pk"]] == []
