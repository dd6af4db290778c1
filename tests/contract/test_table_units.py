"""The Table port's meter: what a call consumes of the table and of each index.

Memory computes it, DynamoDB says it (`ReturnConsumedCapacity`): they must agree, for the prices that
are printed come from memory.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from lambdas.adapters.meter import Meter
from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.ports import Table
from lambdas.core.tables import Absent, Check, Delete, Equals, Present, Put, Query, Update
from tests.contract.items import A, B, put

pytestmark = pytest.mark.senseless("moto", "says that every call consumes one unit")

Units = dict[str, tuple[float, float]]


@pytest.fixture
def stood(table: Table) -> Table:
    """An item of 3 KB in two indexes."""
    put(table, lane="L", rank="1", due_shard="D", due_at=5, x="x" * 2500)
    return table


def consumed(meter: Meter, call: Callable[[], object]) -> Units:
    """Write and read units by index ("" for the table) of one call."""
    meter.reset()
    with suppress(ConditionFailed, TransactionRefused):
        call()
    units = {row.index: (row.write_units, row.read_units) for row in meter.totals()}
    return {name: both for name, both in units.items() if any(both)}


NEW = Put({"pk": B.pk, "sk": B.sk, "lane": "L", "rank": "1"})
WRITES = {
    "a new item in an index": (NEW, {"": (1, 0), "by_lane": (1, 0)}),
    "nothing an index holds": (Update(A, put={"n": 1}), {"": (3, 0)}),
    "an index key that stays": (Update(A, put={"due_at": 5}), {"": (3, 0)}),
    "an index key that moves": (Update(A, put={"due_at": 6}), {"": (3, 0), "by_due": (2, 0)}),
    "an index that is left": (Update(A, drop=("rank",)), {"": (3, 0), "by_lane": (1, 0)}),
    "an item that shrinks": (Update(A, put={"x": ""}), {"": (3, 0)}),
    "an item that grows": (Update(A, put={"y": "y" * 1000}), {"": (4, 0)}),
    "a refused condition": (Update(A, put={"n": 1}, when=(Equals("n", 1),)), {"": (3, 0)}),
    "a removal": (Delete(A), {"": (3, 0), "by_lane": (1, 0), "by_due": (1, 0)}),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_write(stood: Table, meter: Meter, name: str) -> None:
    write, units = WRITES[name]
    assert consumed(meter, lambda: stood.write(write)) == units


def test_a_transaction_is_billed_twice_and_its_indexes_once(stood: Table, meter: Meter) -> None:
    writes = [NEW, Check(A, (Present("pk"),))]
    wanted = {"": (2 * (1 + 3), 0), "by_lane": (1, 0)}
    assert consumed(meter, lambda: stood.transact(writes)) == wanted


def test_a_refused_transaction_is_billed(stood: Table, meter: Meter) -> None:
    """DynamoDB does not say how much: at least the least."""
    refused = [NEW, Check(A, (Absent("pk"),))]
    assert consumed(meter, lambda: stood.transact(refused))[""][0] >= 2 * 2


@pytest.mark.parametrize(
    ("query", "units"),
    [
        (Query(A.pk), {"": (0, 1)}),
        (Query("L", index="by_lane"), {"by_lane": (0, 0.5)}),
    ],
    ids=["strong", "an index, half as dear"],
)
def test_a_query(stood: Table, meter: Meter, query: Query, units: Units) -> None:
    assert consumed(meter, lambda: stood.query(query)) == units


def test_a_read(stood: Table, meter: Meter) -> None:
    assert consumed(meter, lambda: stood.get(A)) == {"": (0, 1)}
    assert consumed(meter, lambda: stood.get(B)) == {"": (0, 1)}


@pytest.mark.differs("cloud", "BatchGetItem does not say what it consumed")
def test_reads_are_rounded_up_one_by_one(stood: Table, meter: Meter) -> None:
    stood.write(NEW)
    assert consumed(meter, lambda: stood.get_many([A, B])) == {"": (0, 2)}
