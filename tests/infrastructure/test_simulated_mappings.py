"""The simulator's readers of the stream see the records that the stacks' filters let through."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lambdas.adapters.aws.wire import to_wire
from lambdas.core.tables import Change, Key
from simulator import functions, streams
from simulator.latencies import REALISTIC
from simulator.streams import FILTERS
from stacks.constructs.mappings import CLAIMED, RELAYED
from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import resources

PATTERNS = {"relay": RELAYED, "launch": CLAIMED}
SORT_KEYS = (
    "STATE",
    "SPEC",
    "TAGS",
    "ATTEMPT#0001",
    "PAGE#000001",
    "EDGE#x",
    "EACH#x",
    "CURSOR",
    "COUNT#7",
)
STATUSES = (None, "SUBMITTED", "RUNNABLE", "STARTING", "RUNNING", "FAILED")


def changes() -> Iterator[Change]:
    for sk in SORT_KEYS:
        for status in STATUSES:
            item = {"pk": "JOB#j", "sk": sk, **({"status": status} if status else {})}
            key = Key("JOB#j", sk)
            yield from (Change(key, None, item), Change(key, item, item), Change(key, item, None))


def record(change: Change) -> dict[str, Any]:
    """The change as Lambda's filters see it."""
    told = {"Keys": to_wire({"pk": change.key.pk, "sk": change.key.sk})}
    if change.new:
        told["NewImage"] = to_wire(change.new)
    name = "REMOVE" if change.new is None else "MODIFY" if change.old else "INSERT"
    return {"eventName": name, "dynamodb": told}


def passes(pattern: Any, told: Any) -> bool:
    """Lambda's event filtering, as far as the stacks use it."""
    if isinstance(pattern, Mapping):
        return isinstance(told, Mapping) and all(
            name in told and passes(part, told[name]) for name, part in pattern.items()
        )
    return any(
        told.startswith(rule["prefix"]) if isinstance(rule, dict) else told == rule
        for rule in pattern
    )


@pytest.mark.parametrize("function", FILTERS)
def test_a_function_is_woken_by_the_same_records(function: str) -> None:
    for change in changes():
        assert FILTERS[function](change) == passes(PATTERNS[function], record(change)), change


SIMULATED = {
    "JobsToRelay": (streams.BATCH, REALISTIC.window),
    "JobsToLaunch": (streams.BATCH, 0),
    "EffectsToReconcile": (functions.BATCH, 0),
    "BellToSchedule": (1, 0),
    "TrackToTrack": (functions.TRACKED, REALISTIC.window),
}


@pytest.mark.parametrize("name", SIMULATED)
def test_batches_and_windows_are_those_of_the_stacks(templates: Templates, name: str) -> None:
    found = resources(templates["control-plane"], "AWS::Lambda::EventSourceMapping")
    (mapping,) = (mapping for logical, mapping in found.items() if name in logical)
    window = 1000 * mapping.get("MaximumBatchingWindowInSeconds", 0)
    assert (mapping["BatchSize"], window) == SIMULATED[name]
