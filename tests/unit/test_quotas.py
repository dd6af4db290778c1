"""AWS's quotas around a world: what is beyond them is refused, and comes again by itself."""

from __future__ import annotations

import pytest

from lambdas.adapters.memory.clock import VirtualClock
from lambdas.adapters.meter import Meter
from lambdas.core.errors import Throttled
from lambdas.core.job import Status
from lambdas.core.tables import Key, Update
from simulator.fargate import Outcome
from simulator.quotas import KEY_WRITES, Bucket, Quota, Quotas
from simulator.world import World


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate():
    bucket = Bucket(Quota(burst=3, rate=2))
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(499)
    assert bucket.take(500)
    assert not bucket.take(501)


def test_a_bucket_never_holds_more_than_its_burst():
    bucket = Bucket(Quota(burst=2, rate=10))
    assert [bucket.take(3_600_000) for _ in range(3)] == [True, True, False]


def test_a_part_of_the_account_has_that_part_of_its_rates():
    quotas = Quotas(VirtualClock(), part=0.5)
    for _ in range(10):
        quotas.call("Fargate RunTask")
    with pytest.raises(Throttled, match="Rate exceeded"):
        quotas.call("Fargate RunTask")
    assert quotas.throttled == {"Fargate RunTask": 1}


class TestAKey:
    KEY = Key("JOB#hot", "STATE")

    def world(self) -> World:
        return World(quotas=1.0)

    def heat(self, world: World, table) -> None:
        """Spend what the key has for this second."""
        for _ in range(KEY_WRITES):
            table.write(Update(self.KEY, add={"n": 1}))

    def test_takes_so_many_units_a_second_and_no_more(self):
        world = self.world()
        assert world.quotas is not None
        table = world.quotas.around(world).tables.jobs
        self.heat(world, table)
        with pytest.raises(Throttled):
            table.write(Update(self.KEY, add={"n": 1}))
        world.clock.advance(1000)
        table.write(Update(self.KEY, add={"n": 1}))

    def test_refuses_a_transaction_before_it_has_any_effect(self):
        world = self.world()
        assert world.quotas is not None
        table = world.quotas.around(world).tables.jobs
        self.heat(world, table)
        other = Key("JOB#cold", "STATE")
        with pytest.raises(Throttled):
            table.transact([Update(other, put={"n": 1}), Update(self.KEY, add={"n": 1})])
        assert table.get(other) is None

    def test_that_was_the_hottest_is_told(self):
        world = self.world()
        assert world.quotas is not None
        self.heat(world, world.quotas.around(world).tables.jobs)
        hottest, _ = world.quotas.hottest
        assert (hottest.key, hottest.units) == ("jobs JOB#hot", KEY_WRITES)


def test_indexes_have_keys_of_their_own():
    heard: list[tuple[str, str, float]] = []
    meter = Meter()
    world = World(meter=meter)
    meter.on_write = lambda *told: heard.append(told)
    world.tables.jobs.write(Update(Key("JOB#x", "STATE"), put={"lane": "L", "rank": "1"}))
    assert heard == [("jobs", "JOB#x", 1), ("by_lane", "L", 1)]


def test_what_is_refused_is_done_later():
    """More tasks at once than Fargate starts in a second: all of them run in the end."""
    world = World(lambda _n, _a: Outcome(runs=1_000), quotas=1.0)
    world.environment(vcpus=100)
    world.queue()
    world.definition()
    jobs = [world.submit(f"j{number}") for number in range(60)]
    world.run(minutes=10)
    assert world.quotas is not None
    assert world.quotas.throttled["Fargate RunTask"] > 0
    assert {world.state(job).status for job in jobs} == {Status.SUCCEEDED}


def test_tasks_of_many_jobs_are_looked_up_together():
    """Every live attempt is compared with ECS in few calls: DescribeTasks has a quota as well."""
    world = World(lambda _n, _a: Outcome(runs=2 * 3_600_000))
    world.environment(vcpus=100)
    world.queue()
    world.definition()
    for number in range(100):
        world.submit(f"j{number}")
    world.run(minutes=3)
    calls = {t.operation: t.calls for t in world.meter.totals() if t.service == "ecs"}
    assert calls["DescribeTasks"] <= 16
