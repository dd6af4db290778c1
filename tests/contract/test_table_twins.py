"""Whatever is written, in whatever order: both tables give the same answers, errors and items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import boto3
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from lambdas.adapters.aws.table import DynamoTable
from lambdas.adapters.memory.table import MemoryTable
from lambdas.adapters.rules import same
from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.ports import Table
from lambdas.core.tables import (
    JOBS,
    Absent,
    AtLeast,
    AtMost,
    Check,
    Condition,
    Delete,
    Differs,
    Equals,
    Key,
    OneOf,
    Present,
    Put,
    Query,
    Update,
    Write,
)
from tests.conftest import REGION
from tests.moto_tables import create_table

# ── what may happen ───────────────────────────────────────────────────────────────────────────
#
# Each attribute keeps one type, as ours do: moto (not DynamoDB) compares values across types.

KEYS = [Key("JOB#a", "SPEC"), Key("JOB#a", "STATE"), Key("JOB#a", "é"), Key("JOB#b", "STATE")]
numbers = st.integers(-1, 1) | st.sampled_from([10**26, 1_700_000_000_000])
texts = st.sampled_from(["", "a", "ab", "🚀"])
nested = st.recursive(
    texts | numbers | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts.filter(bool), inner),
    max_leaves=4,
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "n": numbers,
    "status": texts,
    "parts": nested,
    "flag": st.booleans(),
    "lane": st.just("L"),
    "rank": st.sampled_from(["1", "2", "10"]),
    "ticket": numbers,
    "due_shard": st.just("D"),
    "due_at": st.integers(0, 3),
}
names = st.sampled_from(sorted(VALUES))


def attributes(most: int = 5) -> st.SearchStrategy[dict[str, Any]]:
    one = names.flatmap(lambda name: st.tuples(st.just(name), VALUES[name]))
    return st.lists(one, max_size=most).map(dict)


def _of(kind: Callable[..., Condition], among: Sequence[str]) -> st.SearchStrategy[Condition]:
    return st.sampled_from(among).flatmap(lambda n: VALUES[n].map(lambda v: kind(n, v)))


SCALARS = ("n", "status", "flag", "lane", "ticket", "due_at")
ORDERED = ("n", "ticket", "due_at", "lane", "rank")
conditions = st.one_of(
    (names | st.just("pk")).map(Present),
    (names | st.just("pk")).map(Absent),
    _of(Equals, SCALARS),
    _of(Differs, SCALARS),
    _of(lambda name, value: OneOf(name, (value,)), SCALARS),
    _of(AtMost, ORDERED),
    _of(AtLeast, ORDERED),
)
whens = st.lists(conditions, max_size=2).map(tuple)
keys = st.sampled_from(KEYS)


@st.composite
def updates(draw: st.DrawFn) -> Update:
    put = draw(attributes(3))
    free = [name for name in ("n", "ticket", "due_at") if name not in put]
    add = draw(st.dictionaries(st.sampled_from(free), st.integers(-2, 2))) if free else {}
    left = [name for name in sorted(VALUES) if name not in put and name not in add]
    drop = tuple(draw(st.lists(st.sampled_from(left), unique=True, max_size=3)))
    return Update(draw(keys), put, add, drop, draw(whens))


puts = st.builds(
    lambda key, held, when: Put({"pk": key.pk, "sk": key.sk, **held}, when),
    keys,
    attributes(),
    whens,
)
deletes = st.builds(Delete, keys, whens)
checks = st.builds(Check, keys, st.lists(conditions, min_size=1, max_size=2).map(tuple))
writes = st.one_of(puts, updates(), deletes)
transactions = st.lists(writes | checks, min_size=1, max_size=4, unique_by=lambda w: w.key)
sequences = st.builds(
    lambda first, then: [*first, *then],
    st.tuples(*(attributes(9).map(lambda held, key=key: _new(key, held)) for key in KEYS)),
    st.lists(writes | transactions, min_size=1, max_size=12),
)


def _new(key: Key, held: dict[str, Any]) -> Put:
    return Put({"pk": key.pk, "sk": key.sk, **held})


# ── what can be seen ──────────────────────────────────────────────────────────────────────────


def outcome(table: Table, step: Write | list[Write]) -> object:
    """What a caller sees of a write or a transaction."""
    try:
        return table.transact(step) if isinstance(step, list) else table.write(step)
    except ConditionFailed as refused:
        return "condition failed", refused.item
    except TransactionRefused as refused:
        return "refused", refused.failed, refused.conflicted
    except (ValueError, TypeError):
        return "not allowed"


def seen(table: Table) -> object:
    """Everything that reads can tell; an index does not say how it orders equal sort keys."""
    items = table.get_many(KEYS)
    shelves = [table.query(Query(pk, begins=b)) for pk in ("JOB#a", "JOB#b") for b in ("", "S")]
    return items, shelves, [indexed(table, q) for q in INDEX_QUERIES]


INDEX_QUERIES = [
    *(Query("L", index="by_lane", begins=b) for b in ("", "2")),
    Query("L", index="by_lane", begins="1", descending=True),
    Query("D", index="by_due"),
    Query("D", index="by_due", low=1, high=2, descending=True),
]


def indexed(table: Table, query: Query) -> tuple[list[object], list[object]]:
    assert query.index
    sort = {"by_lane": "rank", "by_due": "due_at"}[query.index]
    items = table.query(query).items
    return [item[sort] for item in items], sorted(map(repr, map(sorted_items, items)))


def sorted_items(item: Any) -> list[tuple[str, object]]:
    return sorted(item.items())


@pytest.fixture(scope="module")
def dynamo() -> Any:
    with mock_aws():
        yield boto3.client(
            "dynamodb",
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@settings(
    max_examples=80,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sequences)
def test_two_tables_are_one(dynamo: Any, steps: list[Write | list[Write]]) -> None:
    create_table(dynamo, "twin", JOBS)
    try:
        memory, aws = MemoryTable(JOBS), DynamoTable(dynamo, "twin", JOBS)
        for step in steps:
            assert outcome(memory, step) == outcome(aws, step)
        assert seen(memory) == seen(aws)
    finally:
        dynamo.delete_table(TableName="twin")


@settings(max_examples=200, deadline=None)
@given(sequences)
def test_the_stream_tells_the_whole_story(steps: list[Write | list[Write]]) -> None:
    """Replaying the records from nothing gives the table, and no record is idle."""
    table = MemoryTable(JOBS)
    for step in steps:
        outcome(table, step)
    replayed: dict[Key, Any] = {}
    for change in table.drain():
        assert change.old == replayed.pop(change.key, None)
        assert not same(change.old, change.new)
        if change.new is not None:
            replayed[change.key] = change.new
    assert replayed == table.get_many(KEYS)
    assert table.drain() == []
