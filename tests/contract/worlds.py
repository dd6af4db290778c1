"""The worlds in which the contract tests run, and where one of them is not like AWS.

A test that asks for `where` runs once in each world of its suite: memory and moto here, the
embedded cloud in tests/e2e/contracts. AWS's documents are the judge of all of them, and
docs/local-differences.md says where the embedded cloud is not like them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest


def live_in(worlds: Sequence[str], metafunc: pytest.Metafunc) -> None:
    """Let a test run in each of the worlds but those in which it is marked `senseless`."""
    if "where" in metafunc.fixturenames:
        senseless = {mark.args[0] for mark in metafunc.definition.iter_markers("senseless")}
        fitting = [world for world in worlds if world not in senseless]
        metafunc.parametrize("where", fitting, indirect=True)


def expect_differences(items: Iterable[pytest.Item]) -> None:
    """A case marked `differs(world, why)` must fail in that world, until the world is mended."""
    for item in items:
        for mark in item.iter_markers("differs"):
            world, why = mark.args
            if isinstance(item, pytest.Function) and item.callspec.params.get("where") == world:
                item.add_marker(pytest.mark.xfail(reason=f"{world}: {why}", strict=True))
