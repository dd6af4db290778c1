"""What DynamoDB bills, held to the examples of its developer guide."""

from __future__ import annotations

import pytest

from lambdas.adapters.memory.table import MemoryTable
from lambdas.adapters.meter import Meter
from lambdas.core.errors import ConditionFailed
from lambdas.core.metering import (
    Tally,
    index_units,
    item_size,
    read_units,
    value_size,
    write_units,
)
from lambdas.core.tables import (
    Absent,
    Check,
    Delete,
    IndexSchema,
    Key,
    Present,
    Put,
    Query,
    TableSchema,
    Update,
)

KB = 1024


def item(size: int) -> dict[str, object]:
    """An item of exactly this size."""
    held = {"pk": "p", "sk": "s", "x": ""}
    return held | {"x": "x" * (size - item_size(held))}


# ── sizes: "DynamoDB item sizes and formats" ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("", 0),
        ("hello", 5),
        ("é🚀", 6),  # UTF-8
        (True, 1),
        (None, 1),
        (27, 2),  # one byte for two digits, and one
        (-27, 3),  # and one for the sign
        (461, 3),
        (1000, 2),  # trailing zeroes are trimmed
        (0, 1),
        (1_700_000_000_001, 8),
        ([], 3),  # three bytes whatever it holds
        ({}, 3),
        (["a", 27], 3 + 2 + 1 + 2),  # one byte more an element
        ({"ab": "c"}, 3 + 1 + 2 + 1),
    ],
)
def test_the_size_of_a_value(value: object, size: int) -> None:
    assert value_size(value) == size


def test_an_item_is_its_names_and_values() -> None:
    """The guide's example: `shirt-color` and `R` are 11 and 1 bytes; and `shirt-size`, `M`."""
    assert item_size({"shirt-color": "R", "shirt-size": "M"}) == 11 + 1 + 10 + 1


# ── units: "DynamoDB read and write operations" ───────────────────────────────────────────────


@pytest.mark.parametrize(("size", "units"), [(20, 1), (KB, 1), (KB + 1, 2), (3 * KB + 512, 4)])
def test_a_write_is_rounded_up_to_kilobytes(size: int, units: int) -> None:
    assert write_units(None, item(size)) == units
    assert write_units(item(size), None) == units


def test_a_replacement_costs_the_larger_of_the_two() -> None:
    assert write_units(item(2 * KB), item(20)) == 2
    assert write_units(item(20), item(2 * KB)) == 2


def test_removing_what_is_not_there_costs_one() -> None:
    assert write_units(None, None) == 1


@pytest.mark.parametrize(
    ("sizes", "strong", "units"),
    [
        ([4 * KB], True, 1.0),
        ([4 * KB], False, 0.5),
        ([13 * KB], True, 4.0),  # rounded up to 16 KB
        ([64] * 500, False, 4.0),  # together 32,000 bytes: eight units, half the price
        ([], True, 1.0),
        ([], False, 0.5),
    ],
)
def test_reads_are_added_up_and_rounded_up_to_four_kilobytes(
    sizes: list[int], strong: bool, units: float
) -> None:
    assert read_units(sizes, strong=strong) == units


# ── indexes: "Using global secondary indexes", write capacity units ───────────────────────────

INDEX = IndexSchema("by_lane", "lane", "rank", ("ticket",))
BARE = {"pk": "p", "sk": "s"}
IN = {**BARE, "lane": "L", "rank": "1", "ticket": 4, "other": "o"}


@pytest.mark.parametrize(
    ("old", "new", "units"),
    [
        (None, BARE, 0),
        (BARE, {**BARE, "other": 1}, 0),
        (None, IN, 1),
        (BARE, IN, 1),
        (IN, BARE, 1),
        (IN, None, 1),
        (IN, {**IN, "other": "changed, but not carried"}, 0),
        (IN, {**IN, "ticket": 5}, 1),
        (IN, {**IN, "rank": "2"}, 2),
        (IN, {**IN, "lane": "M"}, 2),
        (IN, {**IN, "ticket": "x" * 2 * KB}, 3),
    ],
)
def test_an_index_costs_what_changes_in_it(
    old: dict[str, object] | None, new: dict[str, object] | None, units: int
) -> None:
    assert index_units(INDEX, old, new) == units


# ── the bill of a table ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def meter() -> Meter:
    return Meter()


@pytest.fixture
def table(meter: Meter) -> MemoryTable:
    return MemoryTable(TableSchema("jobs", (INDEX,)), meter)


def bill(meter: Meter) -> dict[tuple[str, str], tuple[int, float, float]]:
    rows = {(t.operation, t.index): (t.calls, t.write_units, t.read_units) for t in meter.totals()}
    meter.reset()
    return rows


def test_single_writes(table: MemoryTable, meter: Meter) -> None:
    table.write(Put(IN))
    assert bill(meter) == {("PutItem", ""): (1, 1, 0), ("PutItem", "by_lane"): (1, 1, 0)}
    table.write(Update(Key("p", "s"), put={"rank": "2"}))
    assert bill(meter) == {("UpdateItem", ""): (1, 1, 0), ("UpdateItem", "by_lane"): (1, 2, 0)}
    table.write(Update(Key("p", "s"), put={"other": "x" * 3000}))
    assert bill(meter) == {("UpdateItem", ""): (1, 3, 0)}
    table.write(Delete(Key("p", "s")))
    assert bill(meter) == {("DeleteItem", ""): (1, 3, 0), ("DeleteItem", "by_lane"): (1, 1, 0)}


def test_a_refused_write_is_billed(table: MemoryTable, meter: Meter) -> None:
    table.write(Put(item(2 * KB)))
    meter.reset()
    with pytest.raises(ConditionFailed):
        table.write(Put(BARE, (Absent("pk"),)))
    assert bill(meter) == {("PutItem", ""): (1, 2, 0)}


def test_a_transaction_is_billed_twice_for_every_item(table: MemoryTable, meter: Meter) -> None:
    table.write(Put(BARE))
    meter.reset()
    table.transact(
        [
            Check(Key("p", "s"), (Present("pk"),)),
            Put({"pk": "q", "sk": "s", "lane": "L", "rank": "1"}),
        ]
    )
    assert bill(meter) == {
        ("TransactWriteItems", ""): (1, 4, 0),
        ("TransactWriteItems", "by_lane"): (1, 1, 0),
    }


def test_reads(table: MemoryTable, meter: Meter) -> None:
    table.write(Put(item(5 * KB)))
    meter.reset()
    table.get(Key("p", "s"))
    assert bill(meter) == {("GetItem", ""): (1, 0, 2)}
    table.get_many([Key("p", "s"), Key("nobody", "s")])
    assert bill(meter) == {("BatchGetItem", ""): (1, 0, 3)}
    table.query(Query("p"))
    assert bill(meter) == {("Query", ""): (1, 0, 2)}
    table.query(Query("L", index="by_lane"))
    assert bill(meter) == {("Query", ""): (1, 0, 0), ("Query", "by_lane"): (1, 0, 0.5)}


def test_a_meter_adds_up_by_service_operation_table_and_index() -> None:
    meter = Meter()
    meter.count("ecs", "RunTask")
    meter.count("ecs", "RunTask")
    meter.count("dynamodb", "PutItem", "jobs", write_units=1.5)
    meter.count("dynamodb", "PutItem", "jobs", "by_due", write_units=1)
    assert meter.totals() == (
        Tally("dynamodb", "PutItem", "jobs", "", 1, 1.5, 0.0),
        Tally("dynamodb", "PutItem", "jobs", "by_due", 1, 1.0, 0.0),
        Tally("ecs", "RunTask", "", "", 2, 0.0, 0.0),
    )
