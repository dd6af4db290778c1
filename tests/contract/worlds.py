"""The worlds in which the contract tests run, and where one of them is not like AWS.

A test that asks for `where` runs once in each world of its suite: memory and moto here, the
embedded cloud in tests/e2e/contracts. AWS's documents are the judge of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

DIFFERENCES = "docs/local-differences.md"


def live_in(worlds: Sequence[str], metafunc: pytest.Metafunc) -> None:
    """Let a test run in each of the worlds; in AWS's alone when it is marked `aws_only`."""
    if "where" in metafunc.fixturenames:
        aws_only = metafunc.definition.get_closest_marker("aws_only")
        fitting = [world for world in worlds if not (aws_only and world == "memory")]
        metafunc.parametrize("where", fitting, indirect=True)


def expect_differences(items: Iterable[pytest.Item]) -> None:
    """A case marked `differs(world, why)` must fail in that world, until the world is mended."""
    for item in items:
        for mark in item.iter_markers("differs"):
            world, why = mark.args
            if isinstance(item, pytest.Function) and item.callspec.params.get("where") == world:
                item.add_marker(pytest.mark.xfail(reason=f"{world}: {why}", strict=True))
