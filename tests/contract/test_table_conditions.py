"""The Table port: what each condition means."""

# ruff: noqa: PT011 - that both tables raise a ValueError is the contract; its words are not

from __future__ import annotations

from enum import StrEnum

import pytest

from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.ports import Table
from lambdas.core.tables import (
    Absent,
    AtLeast,
    AtMost,
    Check,
    Condition,
    Delete,
    Differs,
    Equals,
    OneOf,
    Present,
    Put,
    Update,
)
from tests.contract.items import A, B, put


class Colour(StrEnum):
    RED = "red"


HOLDS = [
    Present("n"),
    Present("nothing"),
    Absent("other"),
    Equals("n", 5),
    Equals("flag", True),
    Equals("nothing", None),
    Equals("text", Colour.RED),
    Equals("parts", [1, {"a": 2}]),
    Differs("n", 6),
    Differs("n", "5"),
    Differs("other", 5),
    OneOf("text", ("blue", "red")),
    OneOf("n", (5,)),
    AtMost("n", 5),
    AtMost("other", 1),
    AtMost("text", "red"),
    AtLeast("n", 5),
    AtLeast("text", "rea"),
]
FAILS = [
    Present("other"),
    Absent("n"),
    Absent("nothing"),
    Equals("n", 6),
    Equals("n", "5"),
    Equals("other", None),
    Equals("parts", [1, {"a": 3}]),
    Differs("n", 5),
    Differs("nothing", None),
    OneOf("text", ("blue",)),
    OneOf("other", ("red",)),
    AtMost("n", 4),
    AtLeast("n", 6),
    AtLeast("other", 0),
]
#: DynamoDB never takes a value of one type for one of another.
TYPES_DIFFER = [
    Equals("flag", 1),
    Equals("one", True),
    AtMost("text", 9),
    AtMost("flag", 9),
    AtLeast("text", 0),
]
STOOD = {
    "n": 5,
    "one": 1,
    "flag": True,
    "nothing": None,
    "text": "red",
    "parts": [1, {"a": 2}],
}


@pytest.mark.parametrize("condition", HOLDS, ids=repr)
def test_a_condition_that_holds(table: Table, condition: Condition) -> None:
    put(table, **STOOD)
    table.write(Update(A, put={"done": True}, when=(condition,)))
    table.transact([Check(A, (condition,)), Put({"pk": B.pk, "sk": B.sk})])
    table.write(Delete(A, when=(condition,)))
    assert table.get(A) is None
    assert table.get(B) is not None


@pytest.mark.parametrize("condition", FAILS, ids=repr)
def test_a_condition_that_fails_tells_what_stood_there(table: Table, condition: Condition) -> None:
    item = put(table, **STOOD)
    for write in (
        Put({"pk": A.pk, "sk": A.sk}, (condition,)),
        Update(A, put={"done": True}, when=(condition,)),
        Delete(A, when=(condition,)),
    ):
        with pytest.raises(ConditionFailed) as refused:
            table.write(write)
        assert refused.value.item == item
    with pytest.raises(TransactionRefused) as refusal:
        table.transact([Put({"pk": B.pk, "sk": B.sk}), Check(A, (condition,))])
    assert refusal.value.failed == (1,)
    assert refusal.value.conflicted == ()
    assert table.get(A) == item
    assert table.get(B) is None


@pytest.mark.differs("moto", "compares values across types")
@pytest.mark.parametrize("condition", TYPES_DIFFER, ids=repr)
def test_a_value_of_another_type_is_another_value(table: Table, condition: Condition) -> None:
    put(table, **STOOD)
    with pytest.raises(ConditionFailed):
        table.write(Delete(A, when=(condition,)))


@pytest.mark.differs("moto", "compares values across types")
@pytest.mark.parametrize("condition", [Differs("flag", 1), Differs("one", True)], ids=repr)
def test_a_value_differs_from_one_of_another_type(table: Table, condition: Condition) -> None:
    put(table, **STOOD)
    table.write(Delete(A, when=(condition,)))


def test_every_condition_must_hold(table: Table) -> None:
    put(table, n=1, m=2)
    with pytest.raises(ConditionFailed):
        table.write(Update(A, put={"x": 1}, when=(Equals("n", 1), Equals("m", 3))))


def test_an_item_is_made_once(table: Table) -> None:
    first = Put({"pk": A.pk, "sk": A.sk, "by": "first"}, (Absent("pk"),))
    table.write(first)
    with pytest.raises(ConditionFailed) as refused:
        table.write(Put({"pk": A.pk, "sk": A.sk, "by": "second"}, (Absent("pk"),)))
    assert refused.value.item == first.item


def test_a_refused_write_of_nothing_tells_of_nothing(table: Table) -> None:
    with pytest.raises(ConditionFailed) as refused:
        table.write(Update(A, put={"n": 1}, when=(Present("pk"),)))
    assert refused.value.item is None


@pytest.mark.parametrize("condition", [OneOf("n", ()), OneOf("n", tuple(range(101)))])
def test_one_of_takes_one_to_a_hundred_values(table: Table, condition: Condition) -> None:
    with pytest.raises(ValueError):
        table.write(Delete(A, when=(condition,)))


def test_only_numbers_and_text_are_compared(table: Table) -> None:
    with pytest.raises(TypeError):
        table.write(Delete(A, when=(AtMost("n", True),)))
