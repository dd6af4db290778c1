"""Fair share: AWS Batch's arithmetic, alone and in `plan`."""

from __future__ import annotations

import heapq

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.core.catalog import Cell, Environment, Queue
from lambdas.core.fair_share import ONE, SHORTEST_WINDOW, Policy, Shares, Usage, accrued
from lambdas.core.job import JobState, Status
from lambdas.core.scheduling import Code, PlanRequest, Room, plan
from lambdas.core.shape import Shape

NOW = 1_767_225_600_000
PLAIN = Policy()
SHAPE = Shape("FARGATE", "X86_64", 1000, 2048).key
QUEUE = Queue("q", "arn:q", 1, True, ("fargate",), "https://q")


def job(name: str, share: str, created: int = 0, **more) -> JobState:
    return JobState(
        id=name,
        name=name,
        queue="q",
        definition="task:1",
        status=Status.RUNNABLE,
        created=NOW + created,
        shape=SHAPE,
        share=share,
        **more,
    )


def decide(jobs, vcpus: int, policy: Policy = PLAIN, usage=None, now: int = NOW):
    env = Environment("fargate", "arn:fargate", "FARGATE", True, vcpus * 1000)
    taken = sum(used.running for used in (usage or {}).values())
    request = PlanRequest(
        Cell("cell", (QUEUE,), (env,)),
        {"fargate": Room(env.max_milli_vcpus, taken)},
        {"q": jobs},
        now,
        shares={"q": Shares(policy, usage or {})},
    )
    return plan(request)


def started(decided) -> list[str]:
    return [placement.job.id for placement in decided.placements]


def test_one_of_another_share_goes_before_a_hundred_older_ones():
    jobs = [job(f"a{n:03d}", "a", n) for n in range(100)] + [job("b", "b", 1000)]
    assert started(decide(jobs, 2)) == ["a000", "b"]


def test_the_share_that_used_less_goes_first():
    usage = {"a": Usage(used=60_000_000)}
    assert started(decide([job("x", "a"), job("y", "b", 5)], 1, usage=usage)) == ["y"]


def test_a_lower_weight_gets_more():
    policy = Policy(weights={"a": ONE, "b": 3 * ONE})
    jobs = [job(f"{s}{n:02d}", s, n) for s in "ab" for n in range(40)]
    names = started(decide(jobs, 40, policy))
    assert [sum(name[0] == share for name in names) for share in "ab"] == [30, 10]


def test_a_prefix_weighs_every_share_that_begins_so():
    policy = Policy(weights={"user*": 5000, "ops": 20_000})
    weights = [policy.weight(share) for share in ("userA", "user", "ops", "opsX")]
    assert weights == [5000, 5000, 20_000, ONE]


def test_priority_decides_inside_a_share_only():
    jobs = [job("low", "a", 0), job("high", "a", 9, priority=9), job("other", "b", 20)]
    assert started(decide(jobs, 2)) == ["high", "other"]


def test_the_children_of_an_array_take_turns_with_other_shares():
    jobs = [job("array", "a", 0, size=100), job("b1", "b", 1), job("b2", "b", 2)]
    assert started(decide(jobs, 4)) == ["array:0", "b1", "array:1", "b2"]


@pytest.mark.parametrize(("active", "open_to"), [(1, 500), (2, 750), (3, 875)])
def test_a_reservation_of_50_keeps_half_a_quarter_an_eighth(active, open_to):
    assert Policy(reservation=50).open_to(active, 1000) == open_to


def test_what_is_reserved_is_told():
    decided = decide(
        [job("a1", "a"), job("a2", "a", 1), job("a3", "a", 2)], 4, Policy(reservation=50)
    )
    assert started(decided) == ["a1", "a2"]
    (hold,) = decided.holds
    assert hold.code is Code.SHARES
    assert "its 1 active may use 2 vCPUs together, 2 vCPUs taken" in hold.reason


def test_a_reservation_never_keeps_the_only_job_out():
    assert started(decide([job("a", "a")], 1, Policy(reservation=99))) == ["a"]


def test_usage_decays_by_the_window():
    assert accrued(10**9, 0, SHORTEST_WINDOW, SHORTEST_WINDOW) == pytest.approx(
        10**9 / 2.71828, rel=1e-4
    )
    assert accrued(0, 1000, 10**9, SHORTEST_WINDOW) == 1000 * SHORTEST_WINDOW


@given(
    used=st.integers(0, 10**12),
    running=st.integers(1, 10**6),
    first=st.integers(0, 10**7),
    second=st.integers(0, 10**7),
)
def test_it_does_not_matter_how_often_usage_is_written_down(used, running, first, second):
    window = SHORTEST_WINDOW
    whole = accrued(used, running, first + second, window)
    parts = accrued(accrued(used, running, first, window), running, second, window)
    assert parts == pytest.approx(whole, rel=1e-6, abs=10)


@settings(max_examples=50)
@given(st.lists(st.sampled_from("abc"), max_size=40), st.integers(0, 20), st.integers(0, 99))
def test_every_job_is_placed_or_held_and_room_is_never_overtaken(shares, vcpus, reservation):
    jobs = [job(f"{n:03d}", share, n) for n, share in enumerate(shares)]
    decided = decide(jobs, vcpus, Policy(reservation=reservation))
    told = started(decided) + [hold.job.id for hold in decided.holds]
    assert sorted(told) == [one.id for one in jobs]
    assert len(decided.placements) <= vcpus


@pytest.mark.parametrize("runs", [45_000, 1_300_000])
def test_two_saturated_tenants_share_a_day_by_their_weights(runs):
    """Weights 1 and 3 (lower gets more) share 16 vCPUs 3 to 1, within 5 %."""
    policy, day = Policy(weights={"a": ONE, "b": 3 * ONE}), 24 * 3600_000
    used, running, spent = {"a": 0, "b": 0}, {"a": 0, "b": 0}, {"a": 0, "b": 0}
    ends: list[tuple[int, str]] = []
    now = last = NOW
    while now < NOW + day:
        for share in used:
            used[share] = accrued(used[share], running[share], now - last, policy.window)
        last = now
        while ends and ends[0][0] <= now:
            running[heapq.heappop(ends)[1]] -= 1000
        usage = {share: Usage(used[share], running[share]) for share in used}
        jobs = [job(f"{s}{n:02d}", s, n) for s in "ab" for n in range(16)]
        for at, placement in enumerate(decide(jobs, 16, policy, usage).placements):
            share = placement.job.share
            running[share] += 1000
            spent[share] += runs
            heapq.heappush(ends, (now + runs + 997 * at, share))
        now = ends[0][0]
    assert spent["a"] / sum(spent.values()) == pytest.approx(0.75, rel=0.05)
