"""Scheduling policies and the queues and jobs that have them: AWS Batch's rules by the services."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.aws.batch_model import BatchModel
from lambdas.core import rules_policy
from lambdas.core.errors import ClientError, ResourceInUse, UnknownResource
from lambdas.core.job import state_key
from lambdas.services.catalog_entries import Author
from simulator.world import CALLER, World

ME = Author(CALLER)
FAIR = {
    "shareDecaySeconds": 3600,
    "computeReservation": 25,
    "shareDistribution": [
        {"shareIdentifier": "blue", "weightFactor": 0.125},
        {"shareIdentifier": "green*"},
    ],
}


@pytest.fixture
def world():
    made = World()
    made.environment()
    made.queue("fifo")
    made.definition()
    return made


def policy(world, name="fair", **fair):
    body = {"name": name, "fairsharePolicy": fair or FAIR}
    return world.platform.policies.create(body, ME)["arn"]


def queue(world, name="shared", **more):
    order = [{"order": 1, "computeEnvironment": "fargate"}]
    body = {"jobQueueName": name, "priority": 1, "computeEnvironmentOrder": order, **more}
    world.platform.queues.create(body, ME)
    return name


def submit(world, queue, **more):
    body = {"jobName": "j", "jobQueue": queue, "jobDefinition": "task", **more}
    return world.platform.submit.submit(body, CALLER)["jobId"]


def refusal(call, *args, kind=ClientError, **more):
    with pytest.raises(kind) as caught:
        call(*args, **more)
    return caught.value.message


class TestPolicies:
    def test_are_described_as_they_were_made(self, world):
        arn = policy(world)
        (told,) = world.platform.policies.describe({"arns": [arn, f"{arn}x"]})["schedulingPolicies"]
        assert told["name"] == "fair"
        blue, green = told["fairsharePolicy"]["shareDistribution"]
        assert blue == {"shareIdentifier": "blue", "weightFactor": 0.125}
        assert green == {"shareIdentifier": "green*", "weightFactor": 1.0}
        assert told["fairsharePolicy"]["shareDecaySeconds"] == 3600
        assert told["fairsharePolicy"]["computeReservation"] == 25
        answer = {"schedulingPolicies": [told]}
        assert BatchModel().validate_response("DescribeSchedulingPolicies", answer) == []

    def test_are_listed_by_name_in_pages(self, world):
        arns = [policy(world, name) for name in ("a", "b", "c")]
        first = world.platform.policies.list({"maxResults": 2})
        rest = world.platform.policies.list({"maxResults": 2, "nextToken": first["nextToken"]})
        told = [p["arn"] for p in (*first["schedulingPolicies"], *rest["schedulingPolicies"])]
        assert told == arns
        assert "nextToken" not in rest

    def test_exist_once(self, world):
        policy(world)
        assert "Object already exists" in refusal(policy, world, kind=ResourceInUse)

    def test_are_replaced_whole_by_an_update(self, world):
        arn = policy(world)
        body = {"arn": arn, "fairsharePolicy": {"computeReservation": 1}}
        assert world.platform.policies.update(body, ME) == {}
        (told,) = world.platform.policies.describe({"arns": [arn]})["schedulingPolicies"]
        assert told["fairsharePolicy"] == {
            "shareDecaySeconds": 0,
            "computeReservation": 1,
            "shareDistribution": [],
        }

    def test_are_not_deleted_while_a_queue_has_them(self, world):
        arn = policy(world)
        queue(world, schedulingPolicyArn=arn)
        told = refusal(world.platform.policies.delete, {"arn": arn}, ME, kind=ResourceInUse)
        assert "used by job queues shared" in told

    def test_are_gone_when_deleted(self, world):
        arn = policy(world)
        world.platform.policies.delete({"arn": arn}, ME)
        assert world.platform.policies.list({}) == {"schedulingPolicies": []}
        told = refusal(world.platform.policies.delete, {"arn": arn}, ME, kind=UnknownResource)
        assert "does not exist" in told

    def test_carry_tags(self, world):
        arn = policy(world)
        world.platform.tagging.tag({"resourceArn": arn, "tags": {"team": "a"}}, ME)
        assert world.platform.tagging.list({"resourceArn": arn}) == {"tags": {"team": "a"}}

    @pytest.mark.parametrize(
        ("fair", "sentence"),
        [
            ({"shareDecaySeconds": -1}, "shareDecaySeconds is -1: 0 to 604800"),
            ({"shareDecaySeconds": 604_801}, "0 to 604800"),
            ({"computeReservation": 100}, "computeReservation is 100: 0 to 99"),
            ({"shareDistribution": [{"shareIdentifier": "a b"}]}, "'a b': 1 to 255 letters"),
            ({"shareDistribution": [{"shareIdentifier": "*a"}]}, "'*a': 1 to 255 letters"),
            (
                {"shareDistribution": [{"shareIdentifier": "a", "weightFactor": 0.00001}]},
                "shareDistribution[0].weightFactor",
            ),
            (
                {"shareDistribution": [{"shareIdentifier": "a", "weightFactor": 1000}]},
                "0.0001 to 999.9999",
            ),
        ],
    )
    def test_that_cannot_be_had_are_refused(self, world, fair, sentence):
        assert sentence in refusal(policy, world, **fair)

    def test_for_sagemaker_are_refused(self, world):
        body = {"name": "p", "quotaSharePolicy": {"idleResourceAssignmentStrategy": "FIFO"}}
        assert "use fairsharePolicy" in refusal(world.platform.policies.create, body, ME)

    @given(st.lists(st.from_regex(r"\A[aB1]{1,3}\*?\Z"), max_size=6))
    def test_refuse_shares_that_overlap_and_no_others(self, shares):
        def covers(one, other):
            return one == other or (one.endswith("*") and other.startswith(one[:-1]))

        overlap = any(
            covers(one, other) or covers(other, one)
            for at, one in enumerate(shares)
            for other in shares[at + 1 :]
        )
        body = {"fairsharePolicy": {"shareDistribution": [{"shareIdentifier": s} for s in shares]}}
        if overlap:
            assert "overlaps" in refusal(rules_policy.check_update, body)
        else:
            rules_policy.check_update(body)


class TestQueues:
    def test_need_a_policy_that_exists(self, world):
        arn = world.platform.arns.policy("none")
        told = refusal(queue, world, kind=UnknownResource, schedulingPolicyArn=arn)
        assert "Scheduling policy" in told

    def test_tell_their_policy_and_may_change_it_for_another(self, world):
        one, other = policy(world, "one"), policy(world, "other")
        queue(world, schedulingPolicyArn=one)
        world.platform.queues.update({"jobQueue": "shared", "schedulingPolicyArn": other}, ME)
        world.platform.queues.update({"jobQueue": "shared", "priority": 3}, ME)
        (told,) = world.platform.queues.describe({"jobQueues": ["shared"]})["jobQueues"]
        assert told["schedulingPolicyArn"] == other

    def test_without_one_never_get_one(self, world):
        body = {"jobQueue": "fifo", "schedulingPolicyArn": policy(world)}
        assert "cannot get one" in refusal(world.platform.queues.update, body, ME)

    def test_never_lose_one(self, world):
        queue(world, schedulingPolicyArn=policy(world))
        body = {"jobQueue": "shared", "schedulingPolicyArn": ""}
        assert "not removed" in refusal(world.platform.queues.update, body, ME)


class TestJobs:
    def test_name_their_share_where_the_queue_has_a_policy(self, world):
        queue(world, schedulingPolicyArn=policy(world))
        assert "shareIdentifier is required" in refusal(submit, world, "shared")
        told = refusal(submit, world, "shared", shareIdentifier="a b")
        assert "'a b': 1 to 255 letters" in told

    def test_name_none_where_it_has_not(self, world):
        assert "no scheduling policy" in refusal(submit, world, "fifo", shareIdentifier="blue")

    def test_tell_their_share_and_priority(self, world):
        queue(world, schedulingPolicyArn=policy(world))
        job = submit(world, "shared", shareIdentifier="blue", schedulingPriorityOverride=7)
        (told,) = world.platform.jobs.describe({"jobs": [job]})["jobs"]
        assert (told["shareIdentifier"], told["schedulingPriority"]) == ("blue", 7)
        item = world.tables.jobs.get(state_key(job))
        assert (item["share"], item["priority"]) == ("blue", 7)

    def test_have_no_priority_in_a_queue_that_is_first_come_first_served(self, world):
        job = submit(world, "fifo", schedulingPriorityOverride=7)
        assert "priority" not in world.tables.jobs.get(state_key(job))
