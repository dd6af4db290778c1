"""jobStateTimeLimitActions: what a queue may say, and the jobs that it stops."""

import pytest

from lambdas.core.errors import CapacityUnavailable, InvalidRequest
from lambdas.core.job import Status
from lambdas.core.time_limits import NO_INSTANCES, TOO_SMALL, check
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, MINUTE, Outcome, World

TWO_VCPUS = {
    "containerOverrides": {
        "resourceRequirements": [
            {"type": "VCPU", "value": "2"},
            {"type": "MEMORY", "value": "4096"},
        ]
    }
}


def limit(reason=TOO_SMALL, seconds=600, action="CANCEL"):
    return {
        "reason": reason,
        "state": "RUNNABLE",
        "maxTimeSeconds": seconds,
        "action": action,
    }


def world(*limits, vcpus=2):
    made = World(lambda _name, _attempt: Outcome(runs=90 * MINUTE))
    made.environment(vcpus=vcpus)
    made.queue()
    made.definition()
    change = {"jobQueue": "default", "jobStateTimeLimitActions": list(limits)}
    made.platform.queues.update(change, Author(CALLER))
    return made


def shrink(one, vcpus):
    """The environment can never hold two vCPUs from now on."""
    resources = {"maxvCpus": vcpus}
    one.platform.environments.update(
        {"computeEnvironment": "fargate", "computeResources": resources}, Author(CALLER)
    )


class TestWhatAQueueMaySay:
    def test_is_described_back(self):
        one = world(limit(NO_INSTANCES, 14_400))
        (queue,) = one.platform.queues.describe({"jobQueues": ["default"]})["jobQueues"]
        assert queue["jobStateTimeLimitActions"] == [limit(NO_INSTANCES, 14_400)]

    @pytest.mark.parametrize(
        ("limits", "sentence"),
        [
            ([limit("TOO_SLOW")], r"\[0\].reason is 'TOO_SLOW': one of CAPACITY:INSUFF"),
            ([limit(), limit()], r"\[1\].reason is .*: each reason is allowed once"),
            ([limit(seconds=599)], r"\[0\].maxTimeSeconds is 599: 600 to 86400 is allowed"),
            ([limit(seconds=86_401)], "600 to 86400 is allowed"),
        ],
    )
    def test_what_it_may_not(self, limits, sentence):
        with pytest.raises(InvalidRequest, match=sentence):
            check(limits)


class TestWhatIsStopped:
    @pytest.mark.parametrize(
        ("action", "done", "flag"),
        [("CANCEL", "Canceled", "isCancelled"), ("TERMINATE", "Terminated", "isTerminated")],
    )
    def test_a_job_that_no_environment_can_hold_any_more(self, action, done, flag):
        one = world(limit(action=action))
        one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        job = one.submit(**TWO_VCPUS)
        one.run(minutes=20)
        shrink(one, 1)
        one.run(minutes=9)
        assert one.state(job).status is Status.RUNNABLE
        one.run(minutes=3)
        detail = one.describe(job)
        assert detail["status"] == "FAILED"
        assert detail["statusReason"] == (
            f"{done} by JobStateTimeLimit action due to reason: {TOO_SMALL}"
        )
        assert detail[flag]

    def test_a_job_whose_launches_are_refused_for_want_of_capacity(self):
        one = world(limit(NO_INSTANCES))
        for _ in range(200):
            one.tasks.fail_next(CapacityUnavailable("Capacity is unavailable at this time"))
        job = one.submit()
        one.run(minutes=9)
        assert one.state(job).launches > 1
        one.run(minutes=31)
        assert one.describe(job)["statusReason"].endswith(NO_INSTANCES)

    def test_the_children_of_an_array_that_wait(self):
        one = world(limit())
        array = one.submit(arrayProperties={"size": 3}, **TWO_VCPUS)
        one.run(minutes=1)
        shrink(one, 1)
        one.run(minutes=15)
        assert one.state(array).stop_kind == "cancel"
        assert one.describe(f"{array}:0")["status"] == "RUNNING"
        assert one.describe(f"{array}:2")["statusReason"].endswith(TOO_SMALL)


class TestWhatIsNot:
    def test_a_job_that_waits_for_others_to_end(self):
        one = world(limit(), limit(NO_INSTANCES))
        one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        job = one.submit(**TWO_VCPUS)
        one.run(minutes=60)
        assert one.state(job).status is Status.RUNNABLE

    def test_a_job_blocked_for_a_reason_that_the_queue_does_not_name(self):
        one = world(limit(NO_INSTANCES))
        one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        job = one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        shrink(one, 1)
        one.run(minutes=60)
        assert one.state(job).status is Status.RUNNABLE

    def test_a_job_whose_environment_grew_in_time(self):
        one = world(limit())
        one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        job = one.submit(**TWO_VCPUS)
        one.run(minutes=1)
        shrink(one, 1)
        one.run(minutes=8)
        shrink(one, 2)
        one.run(minutes=30)
        assert one.state(job).status is Status.RUNNABLE
