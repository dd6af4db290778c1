"""Fargate's sizes: valid, smallest, and honest about what does not fit."""

from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.fargate import SIZES, FargateSize, explain_misfit, size_for

cpus = st.integers(1, 40_000)
memories = st.integers(1, 300_000)


def test_the_table_is_aws_batchs():
    assert len(SIZES) == 3 + 4 + 7 + 13 + 23 + 12 + 12 + 3
    assert FargateSize(16_000, 122_880) in SIZES
    assert FargateSize(32_000, 249_856) in SIZES
    assert FargateSize(8_000, 17_408) not in SIZES


def test_sizes_speak_ecs_units():
    assert (FargateSize(250, 512).cpu, FargateSize(250, 512).memory) == ("256", "512")
    assert FargateSize(32_000, 61_440).cpu == "32768"


def test_memory_can_force_more_cpu():
    assert size_for(250, 4_000) == FargateSize(500, 4_096)
    assert size_for(1_000, 8_193) == FargateSize(2_000, 9_216)


@given(cpus, memories)
def test_a_size_holds_the_request_and_none_smaller_does(cpu, memory):
    size = size_for(cpu, memory)
    fitting = [s for s in SIZES if s.milli_vcpus >= cpu and s.memory_mib >= memory]
    assert size == (min(fitting) if fitting else None)


@given(cpus, memories)
def test_a_misfit_is_explained_with_both_numbers(cpu, memory):
    told = explain_misfit(cpu, memory)
    assert bool(told) == (size_for(cpu, memory) is None)
    if cpu > 32_000:
        assert f"{cpu / 1000:g} vCPU (the largest size has 32)" in told
    if memory > 249_856:
        assert f"{memory:,} MiB of memory (the largest size has 249,856)" in told
    assert "holds " not in told or told.split("holds ")[1]


@given(cpus, memories, st.integers(0, 1_000), st.integers(0, 1_000))
def test_asking_for_less_never_costs_more(cpu, memory, less_cpu, less_memory):
    size = size_for(cpu, memory)
    smaller = size_for(max(1, cpu - less_cpu), max(1, memory - less_memory))
    if size:
        assert smaller is not None
        assert smaller.milli_vcpus <= size.milli_vcpus
