"""Fair share in a living deployment: what each share gets, and what is written down of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from lambdas.core.job import Status
from lambdas.core.scheduling import RESERVATION_AFTER
from lambdas.services.catalog_entries import Author
from lambdas.services.shares import ShareUsage
from simulator.checks import violations
from simulator.fargate import Outcome
from simulator.world import CALLER, MINUTE, World

ME = Author(CALLER)


def shared(vcpus: int, runs: int = 5 * MINUTE, **fair) -> World:
    """A world of one queue with this policy, over an environment of that many vCPUs."""
    one = World(lambda _n, _a: Outcome(runs=runs))
    one.environment(vcpus=vcpus)
    one.definition()
    policy = one.platform.policies.create({"name": "fair", "fairsharePolicy": fair}, ME)["arn"]
    body = {
        "jobQueueName": "shared",
        "priority": 1,
        "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "fargate"}],
        "schedulingPolicyArn": policy,
    }
    one.platform.queues.create(body, ME)
    return one


def submit(one: World, share: str, **more) -> str:
    needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "2048"}]
    body = {
        "jobName": share,
        "jobQueue": "shared",
        "jobDefinition": "task",
        "shareIdentifier": share,
        "containerOverrides": {"resourceRequirements": needs},
        **more,
    }
    return str(one.platform.submit.submit(body, CALLER)["jobId"])


def running(one: World) -> dict[str, int]:
    """Milli-vCPUs by share, as the shares' ledgers say."""
    usage = ShareUsage(one.tables.capacity, one.platform.catalog)
    queues = one.platform.catalog.snapshot().queues.values()
    (_, standing) = usage.of(queues, one.clock.now())["shared"]
    return {share: told.usage.running for share, told in standing.items()}


def test_another_shares_one_job_does_not_wait_for_two_hundred():
    one = shared(vcpus=4)
    for _ in range(200):
        submit(one, "crowd")
    one.run(minutes=2)
    alone = submit(one, "alone")
    one.run(minutes=8)
    assert one.state(alone).started is not None
    one.run(minutes=300)
    assert violations(one) == []


@pytest.mark.parametrize("weight", [3])
def test_saturated_shares_run_in_the_ratio_of_their_weights(weight):
    shares = [
        {"shareIdentifier": "light", "weightFactor": 1.0},
        {"shareIdentifier": "heavy", "weightFactor": float(weight)},
    ]
    one = shared(vcpus=8, shareDistribution=shares)
    jobs = [submit(one, share) for _ in range(150) for share in ("heavy", "light")]
    one.run(minutes=60)
    ended = Counter(one.state(j).share for j in jobs if one.state(j).status is Status.SUCCEEDED)
    assert ended["light"] / ended["heavy"] == pytest.approx(weight, rel=0.15)
    assert sum(running(one).values()) == 8000


def test_what_a_share_runs_is_given_back_with_its_last_attempt():
    one = shared(vcpus=4)
    submit(one, "a")
    submit(one, "b", arrayProperties={"size": 3})
    one.run(minutes=2)
    assert running(one) == {"a": 1000, "b": 3000}
    one.run(minutes=10)
    assert running(one) == {"a": 0, "b": 0}
    assert violations(one) == []


def test_a_share_that_used_much_lately_goes_last():
    one = shared(vcpus=1, runs=MINUTE, shareDecaySeconds=3600)
    for _ in range(10):
        submit(one, "used")
    one.run(minutes=30)
    older = submit(one, "used")
    newer = submit(one, "fresh")
    one.run(minutes=10)
    assert (one.state(newer).started or 0) < (one.state(older).started or 0)


def test_part_of_the_capacity_is_kept_for_shares_to_come():
    one = shared(vcpus=8, computeReservation=50)
    for _ in range(20):
        submit(one, "a")
    one.run(minutes=2)
    assert running(one) == {"a": 4000}
    submit(one, "b")
    one.run(minutes=1)
    assert running(one)["b"] == 1000


@pytest.mark.parametrize("fair", [{}, {"computeReservation": 50}])
def test_a_large_job_starts_although_small_ones_of_its_share_never_cease(fair):
    """I8. The bound: the time after which room is kept, and the longest run before it."""
    one = shared(vcpus=8, **fair)
    for _ in range(6):
        submit(one, "a")
        one.run(minutes=1)
    needs = [{"type": "VCPU", "value": "4"}, {"type": "MEMORY", "value": "8192"}]
    large = submit(one, "a", containerOverrides={"resourceRequirements": needs})
    since = one.clock.now()
    for _ in range(40):
        submit(one, "a")
        one.run(minutes=1)
    waited = (one.state(large).started or one.clock.now()) - since
    assert waited <= RESERVATION_AFTER + 5 * MINUTE + 2 * MINUTE


def test_every_page_of_the_registry_of_lanes_and_of_shares_is_read(monkeypatch):
    one = shared(vcpus=1, runs=MINUTE)
    kind = type(one.tables.capacity)
    query = kind.query

    def one_a_page(table, asked):
        ours = asked.partition.startswith(("LANES#", "SHARES#"))
        return query(table, replace(asked, limit=1) if ours else asked)

    monkeypatch.setattr(kind, "query", one_a_page)
    jobs = [submit(one, share) for share in "abcdef"]
    one.run(minutes=10)
    assert {one.state(job).status for job in jobs} == {Status.SUCCEEDED}
    assert running(one) == dict.fromkeys("abcdef", 0)
