"""Packing: every job on a host that holds it, at a price near the least there can be."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import packing as bench
from benchmarks.mixes import MIXES
from benchmarks.peers import karpenter_like, one_for_each
from lambdas.adapters.ec2_types import shipped
from lambdas.core.instances import InstanceType, selected, unknown
from lambdas.core.packing import Hosts, HostType, Need, Space, floor, pack

#: Two families of four sizes: 2 and 8 GiB a vCPU.
SMALL_MARKET = [
    HostType(f"{family}.{vcpus}", vcpus * 1000, vcpus * gib * 1024 - 256, vcpus * price)
    for family, gib, price in (("c", 2, 0.04), ("r", 8, 0.06))
    for vcpus in (2, 4, 8, 16)
]
GPU_MARKET = [
    *SMALL_MARKET,
    HostType("g.8", 8000, 32_000, 1.0, 1),
    HostType("g.48", 48_000, 190_000, 5.0, 4),
]


def market(most: int) -> list[HostType]:
    """The market of the figures: c, m and r of the fifth generation and later."""
    return [
        t.host()
        for t in shipped()
        if t.letters in {"c", "m", "r"}
        and t.generation >= 5
        and "x86_64" in t.architectures
        and t.vcpus <= most
        and not (t.burstable or t.bare_metal or t.other_accelerators)
    ]


def packed(hosts: tuple[Hosts, ...]) -> Counter[Need]:
    found: Counter[Need] = Counter()
    for group in hosts:
        for need, count in group.jobs.items():
            found[need] += count * group.count
    return found


def on_one(group: Hosts) -> Need:
    """Everything on one of these hosts."""
    return Need(*(sum(need[i] * count for need, count in group.jobs.items()) for i in range(3)))


needs = st.builds(
    Need,
    st.sampled_from([250, 500, 1000, 2000, 3000, 4000, 8000, 16_000]),
    st.integers(64, 60_000),
    st.just(0),
)
demands = st.dictionaries(needs, st.integers(1, 60), max_size=12)


class TestAnyDemand:
    @given(demands)
    @settings(max_examples=60, deadline=None)
    def test_every_job_has_a_place_on_a_host_that_holds_it(self, jobs):
        found = pack(jobs, SMALL_MARKET)
        assert packed(found.hosts) == Counter(jobs)
        assert all(group.type.holds(on_one(group)) for group in found.hosts)

    @given(demands)
    @settings(max_examples=60, deadline=None)
    def test_costs_no_less_than_water_and_no_more_than_a_host_for_each(self, jobs):
        found = pack(jobs, SMALL_MARKET)
        assert floor(jobs, SMALL_MARKET) <= found.price + 1e-9
        assert found.price <= one_for_each(jobs, SMALL_MARKET) + 1e-9

    @given(demands, st.integers(0, 200_000))
    @settings(max_examples=60, deadline=None)
    def test_never_passes_the_maximum_and_forgets_nobody(self, jobs, maximum):
        found = pack(jobs, SMALL_MARKET, maximum=maximum)
        assert found.milli_vcpus <= maximum
        assert packed(found.hosts) + Counter(found.left) == Counter(jobs)

    @given(
        demands,
        st.lists(st.tuples(st.integers(0, 16_000), st.integers(0, 120_000)), max_size=4),
    )
    @settings(max_examples=60, deadline=None)
    def test_never_gives_a_host_that_is_there_more_than_it_has_free(self, jobs, rooms):
        free = [Space(f"i-{at}", *room) for at, room in enumerate(rooms)]
        found = pack(jobs, SMALL_MARKET, free=free)
        for space in free:
            content = found.onto.get(space.host, {})
            assert sum(n.milli_vcpus * count for n, count in content.items()) <= space.milli_vcpus
            assert sum(n.memory * count for n, count in content.items()) <= space.memory
        there = sum((Counter(content) for content in found.onto.values()), Counter[Need]())
        assert there + packed(found.hosts) == Counter(jobs)

    @given(demands)
    @settings(max_examples=20, deadline=None)
    def test_is_the_same_whenever_it_is_asked(self, jobs):
        assert pack(jobs, SMALL_MARKET) == pack(jobs, SMALL_MARKET)


class TestOfAHost:
    def test_room_that_is_there_is_used_before_any_launch(self):
        found = pack({Need(1000, 1024): 4}, SMALL_MARKET, free=[Space("i-1", 4000, 8192)])
        assert found.onto == {"i-1": {Need(1000, 1024): 4}}
        assert found.hosts == ()

    def test_the_fullest_host_is_filled_first_so_that_the_emptiest_drains(self):
        free = [Space("i-empty", 16_000, 64_000), Space("i-full", 2000, 4096)]
        found = pack({Need(2000, 4096): 1}, SMALL_MARKET, free=free)
        assert list(found.onto) == ["i-full"]

    def test_what_no_type_holds_is_said_and_the_others_are_packed(self):
        found = pack({Need(64_000, 1024): 1, Need(1000, 1024): 2}, SMALL_MARKET)
        assert found.infeasible == (Need(64_000, 1024),)
        assert packed(found.hosts) == Counter({Need(1000, 1024): 2})

    def test_what_only_fits_a_host_that_is_there_goes_there(self):
        found = pack({Need(64_000, 1024): 1}, SMALL_MARKET, free=[Space("i-1", 96_000, 9000)])
        assert found.onto == {"i-1": {Need(64_000, 1024): 1}}
        assert found.infeasible == ()

    def test_the_most_urgent_have_the_room_that_the_maximum_leaves(self):
        urgent, other = Need(4000, 4096), Need(4000, 8192)
        found = pack({urgent: 2, other: 20}, SMALL_MARKET, maximum=8000)
        assert packed(found.hosts)[urgent] == 2
        assert found.left == {other: 20}

    def test_little_room_is_filled_with_small_hosts(self):
        found = pack({Need(1000, 1024): 100}, SMALL_MARKET, maximum=22_000)
        assert found.milli_vcpus == 22_000
        assert found.left == {Need(1000, 1024): 78}

    def test_nothing_asked_is_nothing_launched(self):
        assert pack({}, SMALL_MARKET).hosts == ()
        assert pack({Need(1000, 1024): 0}, SMALL_MARKET).hosts == ()

    def test_it_says_what_it_launches_and_how_far_from_the_floor(self):
        told = pack({Need(14_000, 28_000): 3}, SMALL_MARKET).told()
        assert told.startswith("3 × c.16: $1.92 an hour, 14.3% above the floor (")


class TestOfGpus:
    def test_a_job_with_gpus_has_a_host_with_gpus(self):
        found = pack({Need(4000, 16_000, 1): 8}, GPU_MARKET)
        assert packed(found.hosts) == Counter({Need(4000, 16_000, 1): 8})
        assert all(on_one(group).gpus <= group.type.gpus for group in found.hosts)

    def test_what_is_free_beside_it_is_used(self):
        found = pack({Need(4000, 16_000, 1): 1, Need(1000, 1024): 4}, GPU_MARKET)
        assert [group.type.name for group in found.hosts] == ["g.8"]

    def test_others_never_launch_one(self):
        found = pack({Need(1000, 1024): 100}, GPU_MARKET)
        assert all(group.type.gpus == 0 for group in found.hosts)


class TestOfTheMarket:
    @pytest.mark.parametrize("name", MIXES)
    @pytest.mark.parametrize(("most", "goal"), [(32, 1.06), (96, 1.03)])
    def test_ten_thousand_jobs_cost_little_more_than_the_floor(self, name, most, goal):
        jobs, types = MIXES[name](10_000, 7), market(most)
        assert pack(jobs, types).price <= goal * floor(jobs, types)

    @pytest.mark.parametrize("name", MIXES)
    def test_few_jobs_cost_no_more_than_first_fit_decreasing(self, name):
        jobs, types = MIXES[name](300, 3), market(96)
        assert pack(jobs, types).price <= karpenter_like(jobs, types)

    def test_the_floor_is_what_a_solver_finds(self):
        pytest.importorskip("highspy", reason="HiGHS is an extra of the benchmarks")
        jobs, types = MIXES["cluster"](500, 5), market(96)
        assert bench.figures(jobs, types, peers=False)["lower_bound_highs"] == pytest.approx(
            floor(jobs, types), abs=1e-3
        )


class TestInstanceTypes:
    def test_the_table_knows_what_a_type_has(self):
        found = {t.name: t for t in shipped()}["m6i.large"]
        assert (found.vcpus, found.memory, found.family, found.generation) == (2, 8192, "m6i", 6)
        assert found.usable_memory == 7649

    @pytest.mark.parametrize(
        ("pattern", "families"),
        [
            ("optimal", {"m6i", "c6i", "r6i", "c7i"}),
            ("default_x86_64", {"m6i", "c6i", "r6i", "c7i"}),
            ("c7a", {"c7a"}),
            ("c7a.large", {"c7a"}),
        ],
    )
    def test_are_selected_as_aws_batch_does(self, pattern, families):
        assert {t.family for t in selected(shipped(), [pattern])} == families

    def test_arm_is_selected_for_arm_alone(self):
        arm = selected(shipped(), ["default_arm64"], "arm64")
        assert {t.family for t in arm} == {"m6g", "c6g", "r6g", "c7g"}
        assert selected(shipped(), ["default_arm64"], "x86_64") == []

    def test_bare_metal_is_selected_by_name_alone(self):
        metal = InstanceType("c7a.metal", 192, 393_216, 9.0, bare_metal=True)
        assert selected([metal], ["c7a"]) == []
        assert selected([metal], ["c7a.metal"]) == [metal]

    def test_a_family_that_does_not_exist_is_named(self):
        assert unknown(shipped(), ["c7a", "z99", "optimal"]) == ["z99"]


class TestOfTheCommand:
    def test_reads_requests_and_prints_figures(self, tmp_path, capsys):
        file = tmp_path / "requests.jsonl"
        file.write_text('{"vcpus": 2, "memory_mib": 4096, "gpus": 0, "count": 10}\n')
        assert bench.main(["--requests", str(file), "--max-vcpus", "96", "--json"]) == 0
        printed = capsys.readouterr().out
        assert '"ratio"' in printed
        assert '"karpenter_like"' in printed

    @pytest.mark.parametrize("line", ["{", '{"vcpus": 0, "memory_mib": 1}', '{"vcpus": 1}', "[]"])
    def test_says_which_line_it_cannot_read(self, tmp_path, capsys, line):
        file = tmp_path / "requests.jsonl"
        file.write_text(line)
        assert bench.main(["--requests", str(file), "--max-vcpus", "96"]) == 2
        assert "requests.jsonl:1:" in capsys.readouterr().err
