"""The Table port: writes, reads by key and transactions, the same on every table."""

# ruff: noqa: PT011 - that both tables raise a ValueError is the contract; its words are not

from __future__ import annotations

import pytest

from lambdas.core.errors import TransactionRefused
from lambdas.core.ports import Table, Tables
from lambdas.core.tables import (
    CAPACITY,
    JOBS,
    Absent,
    AtLeast,
    AtMost,
    Check,
    Delete,
    Equals,
    Key,
    Present,
    Put,
    Update,
)
from tests.contract.items import A, B, put

# ── writes ────────────────────────────────────────────────────────────────────────────────────


def test_an_update_changes_what_it_names_and_returns_the_item(table: Table) -> None:
    put(table, keep=1, change=2, gone=3, count=4)
    now = table.write(
        Update(A, put={"change": "x", "made": [1]}, add={"count": -6, "fresh": 2}, drop=("gone",))
    )
    wanted = {
        "pk": A.pk,
        "sk": A.sk,
        "keep": 1,
        "change": "x",
        "made": [1],
        "count": -2,
        "fresh": 2,
    }
    assert now == wanted
    assert table.get(A) == wanted


def test_an_update_makes_an_item_that_is_not_there(table: Table) -> None:
    assert table.write(Update(A, add={"taken": 250})) == {"pk": A.pk, "sk": A.sk, "taken": 250}
    assert table.write(Update(B, drop=("x",))) == {"pk": B.pk, "sk": B.sk}


@pytest.mark.parametrize(
    "update",
    [
        Update(A),
        Update(A, put={"n": 1}, add={"n": 1}),
        Update(A, put={"n": 1}, drop=("n",)),
        Update(A, drop=("n", "n")),
        Update(A, put={"pk": "x"}),
        Update(A, drop=("sk",)),
        Update(A, add={"lane": 1}),
    ],
    ids=repr,
)
def test_a_malformed_update_is_refused(table: Table, update: Update) -> None:
    with pytest.raises(ValueError):
        table.write(update)
    with pytest.raises(ValueError):
        table.transact([update])


@pytest.mark.differs("cloud", "adds with 28 digits")
def test_a_sum_is_exact_to_38_digits(table: Table) -> None:
    put(table, n=10**37)
    assert table.write(Update(A, add={"n": 1})) == {"pk": A.pk, "sk": A.sk, "n": 10**37 + 1}


def test_adding_to_what_is_not_a_number_is_refused(table: Table) -> None:
    item = put(table, text="5")
    with pytest.raises(ValueError):
        table.write(Update(A, add={"text": 1}))
    with pytest.raises(TypeError):
        table.write(Update(A, add={"n": 1.5}))  # type: ignore[dict-item]
    assert table.get(A) == item


def test_a_put_replaces_the_whole_item(table: Table) -> None:
    put(table, old=1)
    item = {"pk": A.pk, "sk": A.sk, "new": 2}
    assert table.write(Put(item)) == item
    assert table.get(A) == item


def test_removing_what_is_absent_succeeds(table: Table) -> None:
    assert table.write(Delete(A)) is None
    put(table)
    assert table.write(Delete(A)) is None
    assert table.get(A) is None


def test_names_that_are_words_of_dynamodb_are_plain_names(table: Table) -> None:
    put(table, status="x", name="y", size=1)
    table.write(
        Update(
            A,
            put={"status": "z", "a.b": 1, "a-b": 2},
            drop=("name",),
            add={"size": 1},
            when=(Equals("status", "x"),),
        )
    )
    found = {"pk": A.pk, "sk": A.sk, "status": "z", "size": 2, "a.b": 1, "a-b": 2}
    assert table.get(A) == found


def test_a_check_alone_is_no_write(table: Table) -> None:
    with pytest.raises(ValueError):
        table.write(Check(A, (Present("pk"),)))


# ── many keys ─────────────────────────────────────────────────────────────────────────────────


def test_many_keys_are_read_at_once(table: Table) -> None:
    keys = [Key(f"JOB#{n}", "STATE") for n in range(230)]
    for key in keys[::2]:
        put(table, key, n=1)
    found = table.get_many([*keys, *keys])
    assert list(found) == keys[::2]
    assert found[keys[0]] == {"pk": "JOB#0", "sk": "STATE", "n": 1}
    assert table.get_many([]) == {}


# ── transactions ──────────────────────────────────────────────────────────────────────────────


def test_a_transaction_carries_out_every_kind_of_write(table: Table) -> None:
    put(table, A, n=1)
    put(table, B, n=1)
    c, d = Key("JOB#c", "STATE"), Key("JOB#d", "STATE")
    put(table, d, n=7)
    table.transact(
        [
            Update(A, add={"n": 1}, when=(Equals("n", 1),)),
            Delete(B),
            Put({"pk": c.pk, "sk": c.sk}, (Absent("pk"),)),
            Check(d, (AtLeast("n", 7),)),
        ]
    )
    assert table.get(A) == {"pk": A.pk, "sk": A.sk, "n": 2}
    assert table.get(B) is None
    assert table.get(c) is not None


def test_a_refused_transaction_writes_nothing_and_names_every_fault(table: Table) -> None:
    writes = [Put({"pk": f"p{n}", "sk": "s"}, (Absent("pk"),)) for n in range(5)]
    put(table, Key("p1", "s"), stood=True)
    put(table, Key("p3", "s"), stood=True)
    with pytest.raises(TransactionRefused) as refused:
        table.transact(writes)
    assert refused.value.failed == (1, 3)
    assert table.get(Key("p0", "s")) is None
    assert table.get(Key("p1", "s")) == {"pk": "p1", "sk": "s", "stood": True}


def test_a_transaction_has_one_to_a_hundred_writes_each_of_another_item(table: Table) -> None:
    table.transact([Put({"pk": f"p{n}", "sk": "s"}) for n in range(100)])
    with pytest.raises(ValueError):
        table.transact([Put({"pk": f"p{n}", "sk": "s"}) for n in range(101)])
    with pytest.raises(ValueError):
        table.transact([])
    with pytest.raises(ValueError):
        table.transact([Put({"pk": A.pk, "sk": A.sk}), Check(A, (Absent("pk"),))])
    with pytest.raises(ValueError):
        table.transact([Check(A, ())])
    assert table.get(A) is None


def test_a_wrong_value_spoils_a_transaction_whole(table: Table) -> None:
    put(table, B, text="x")
    with pytest.raises(ValueError):
        table.transact([Put({"pk": A.pk, "sk": A.sk}), Update(B, add={"text": 1})])
    assert table.get(A) is None


def test_a_transaction_spans_tables(tables: Tables) -> None:
    claim = [
        (JOBS, Put({"pk": A.pk, "sk": A.sk})),
        (CAPACITY, Update(A, add={"taken": 5}, when=(AtMost("taken", 5),))),
    ]
    tables.transact(claim)
    assert tables.jobs.get(A) == {"pk": A.pk, "sk": A.sk}
    assert tables.capacity.get(A) == {"pk": A.pk, "sk": A.sk, "taken": 5}
    tables.transact([(JOBS, Delete(A)), claim[1]])
    with pytest.raises(TransactionRefused) as refused:
        tables.transact(claim)
    assert refused.value.failed == (1,)
    assert tables.jobs.get(A) is None
    assert tables.catalog.get(A) is None
