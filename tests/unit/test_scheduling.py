"""`plan`: who starts, where, and why the others wait."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.core.catalog import Cell, Environment, Queue
from lambdas.core.fitting import footprint, infeasible
from lambdas.core.job import JobState, Status
from lambdas.core.scheduling import RESERVATION_AFTER, Code, PlanRequest, Room, plan
from lambdas.core.shape import Shape

NOW = 1_767_225_600_000


def environment(name: str = "fargate", vcpus: int = 16, enabled: bool = True) -> Environment:
    return Environment(name, f"arn:{name}", "FARGATE", enabled, vcpus * 1000)


def queue(name: str = "default", priority: int = 50, environments=("fargate",)) -> Queue:
    return Queue(name, f"arn:{name}", priority, True, tuple(environments), f"https://{name}")


def job(
    name: str, milli_vcpus: int = 1000, memory: int = 2048, created: int = 0, **more
) -> JobState:
    shape = Shape("FARGATE", "X86_64", milli_vcpus, memory)
    return JobState(
        id=name,
        name=name,
        queue=more.pop("queue", "default"),
        definition="task:1",
        status=Status.RUNNABLE,
        created=NOW + created,
        shape=shape.key,
        ticket=1,
        **more,
    )


def decide(
    *jobs: JobState, queues=None, environments=None, taken: int = 0, now: int = NOW, under_way=None
):
    queues = queues or (queue(),)
    environments = environments or (environment(),)
    ordered = tuple(sorted(queues, key=lambda q: -q.priority))
    rooms = {env.name: Room(env.max_milli_vcpus, taken) for env in environments}
    candidates = {q.name: [j for j in jobs if j.queue == q.name] for q in queues}
    cell = Cell("cell", ordered, environments)
    return plan(PlanRequest(cell, rooms, candidates, now, under_way=under_way or {}))


def started(decided) -> list[str]:
    return [placement.job.id for placement in decided.placements]


def test_the_oldest_goes_first():
    decided = decide(job("b", created=2), job("a", created=1), environments=(environment(vcpus=1),))
    assert started(decided) == ["a"]


class TestAnArrayWithACap:
    def test_hands_out_what_is_left_of_it(self):
        decided = decide(job("a", size=10, next=4, parallel=3), under_way={"a": 1})
        assert started(decided) == ["a:4", "a:5"]
        (hold,) = decided.holds
        assert hold.code is Code.PARALLEL
        assert hold.reason == "at most 3 of its 10 children may be under way at once"

    def test_lets_the_others_pass_when_it_is_used_up(self):
        capped = job("a", size=10, next=4, parallel=3, created=1)
        decided = decide(capped, job("b", created=2), under_way={"a": 3})
        assert started(decided) == ["b"]
        assert [hold.code for hold in decided.holds] == [Code.PARALLEL]

    def test_is_not_held_with_its_last_children(self):
        decided = decide(job("a", size=6, next=4, parallel=3), under_way={"a": 1})
        assert started(decided) == ["a:4", "a:5"]
        assert decided.holds == ()

    def test_waits_for_room_like_any_other(self):
        full = decide(job("a", size=6, parallel=3), taken=16_000)
        assert [hold.code for hold in full.holds] == [Code.CAPACITY]

    @given(
        size=st.integers(1, 50), next_=st.integers(0, 49), cap=st.integers(1, 60), ended=st.data()
    )
    def test_never_has_more_under_way(self, size, next_, cap, ended):
        next_ = min(next_, size)
        under_way = ended.draw(st.integers(0, next_))
        array = job("a", size=size, next=next_, parallel=cap)
        placed = len(started(decide(array, under_way={"a": under_way})))
        assert placed <= max(0, cap - under_way)
        assert placed == min(16, size - next_, max(0, cap - under_way))


def test_a_retried_job_goes_before_older_ones():
    decided = decide(
        job("old", created=1),
        job("again", created=9, attempt=1),
        environments=(environment(vcpus=1),),
    )
    assert started(decided) == ["again"]


def test_the_queue_of_higher_priority_goes_first():
    queues = (queue("low", 1), queue("high", 9))
    jobs = (job("l", queue="low", created=1), job("h", queue="high", created=2))
    assert started(decide(*jobs, queues=queues, environments=(environment(vcpus=1),))) == ["h"]


def test_a_job_that_does_not_fit_lets_a_smaller_one_pass():
    decided = decide(job("big", 4000, 8192, 1), job("small", 1000, 2048, 2), taken=13_000)
    assert started(decided) == ["small"]
    (hold,) = decided.holds
    assert hold.code is Code.CAPACITY
    assert hold.reason == "fargate: needs 4 vCPUs, 13 vCPUs of 16 vCPUs taken"


def test_room_is_kept_for_a_job_that_was_passed_over_too_long():
    waited = NOW + RESERVATION_AFTER
    big = job("big", 4000, 8192, 1, parked=NOW)
    decided = decide(big, job("small", 1000, 2048, 2), taken=13_000, now=waited)
    assert started(decided) == []
    assert {hold.job.id: hold.code for hold in decided.holds} == {
        "big": Code.CAPACITY,
        "small": Code.RESERVED,
    }


def test_a_kept_room_is_given_to_the_job_it_was_kept_for():
    big = job("big", 4000, 8192, 1, parked=NOW)
    decided = decide(big, job("small", created=2), taken=12_000, now=NOW + RESERVATION_AFTER)
    assert started(decided) == ["big"]


def test_environments_are_tried_in_the_queues_order_and_spill_over():
    environments = (environment("first", 1), environment("second", 1))
    jobs = [job(f"j{i}", created=i) for i in range(3)]
    decided = decide(
        *jobs, queues=(queue(environments=("second", "first")),), environments=environments
    )
    assert [(p.job.id, p.env.name) for p in decided.placements] == [
        ("j0", "second"),
        ("j1", "first"),
    ]


def test_a_disabled_environment_is_named_as_the_reason():
    decided = decide(job("j"), environments=(environment(enabled=False),))
    (hold,) = decided.holds
    assert hold.code is Code.ENVIRONMENTS
    assert "fargate" in hold.reason


def test_what_nothing_can_ever_hold_says_which_limit():
    shape = Shape("FARGATE", "X86_64", 8000, 16384)
    assert infeasible(shape, [environment(vcpus=4)]) == (
        "fargate: needs 8 vCPUs (8 vCPU, 16,384 MiB), its maxvCpus is 4"
    )
    assert infeasible(shape, [environment(vcpus=8)]) is None


jobs_strategy = st.lists(
    st.tuples(
        st.sampled_from([250, 500, 1000, 2000, 4000, 16_000]),
        st.sampled_from([512, 2048, 4096, 30_000]),
        st.integers(0, 50),
        st.sampled_from(["high", "low"]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=40,
)


@settings(max_examples=200, deadline=None)
@given(jobs_strategy, st.integers(0, 20_000), st.integers(1, 16))
def test_every_candidate_is_answered_once_and_room_is_never_overdrawn(drawn, taken, vcpus):
    jobs = [
        job(
            f"j{i}",
            cpu,
            memory,
            created,
            queue=name,
            attempt=int(again),
            parked=NOW - 2 * RESERVATION_AFTER if long else None,
        )
        for i, (cpu, memory, created, name, again, long) in enumerate(drawn)
    ]
    env = environment(vcpus=vcpus)
    decided = decide(
        *jobs, queues=(queue("high", 9), queue("low", 1)), environments=(env,), taken=taken
    )
    answered = started(decided) + [hold.job.id for hold in decided.holds]
    assert sorted(answered) == sorted(j.id for j in jobs)
    used = sum(p.taken for p in decided.placements)
    assert used <= max(0, env.max_milli_vcpus - taken)
    for placement in decided.placements:
        assert placement.taken == footprint(Shape.parse(placement.job.shape), env)
    for hold in decided.holds:
        assert hold.reason
        if hold.code is Code.CAPACITY:
            need = footprint(Shape.parse(hold.job.shape), env)
            assert need is not None


@settings(max_examples=100, deadline=None)
@given(jobs_strategy, st.randoms())
def test_the_order_in_which_candidates_are_read_does_not_matter(drawn, random):
    jobs = [
        job(f"j{i}", cpu, memory, created, queue=name)
        for i, (cpu, memory, created, name, _, _) in enumerate(drawn)
    ]
    queues = (queue("high", 9), queue("low", 1))
    shuffled = random.sample(jobs, len(jobs))
    assert decide(*jobs, queues=queues) == decide(*shuffled, queues=queues)


def test_a_saturated_queue_of_higher_priority_leaves_what_it_cannot_use_to_the_lower():
    queues = (queue(), queue("high", priority=90))
    jobs = [job("big", 8000, 16384, queue="high"), job("small", 1000, created=9)]
    decided = decide(*jobs, queues=queues, taken=10_000)
    assert [p.job.id for p in decided.placements] == ["small"]


def test_room_kept_in_one_environment_leaves_the_queues_others_open():
    environments = (environment("a", 4), environment("b", 4))
    queues = (queue(environments=("a", "b")),)
    waited = job("waited", 4000, 8192, parked=NOW - RESERVATION_AFTER)
    jobs = [waited, *(job(f"s{n}", 1000, created=n + 1) for n in range(4))]
    decided = decide(*jobs, queues=queues, environments=environments, taken=2000)
    assert [p.env.name for p in decided.placements] == ["b", "b"]
    codes = {hold.job.id: hold.code for hold in decided.holds}
    assert codes == {"waited": Code.CAPACITY, "s2": Code.RESERVED, "s3": Code.RESERVED}
