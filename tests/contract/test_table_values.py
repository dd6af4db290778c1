"""The Table port: what an item may hold, and how it comes back."""

# ruff: noqa: PT011 - that both tables raise a ValueError is the contract; its words are not

from __future__ import annotations

from contextlib import suppress
from enum import StrEnum

import pytest

from lambdas.adapters.rules import same
from lambdas.core.ports import Table
from lambdas.core.tables import (
    Delete,
    Key,
    Put,
    Update,
)
from tests.contract.items import A, put


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "héllo ☃ 🚀",
        0,
        -1,
        10**37,
        1_700_000_000_000,
        True,
        False,
        None,
        [],
        {},
        [1, "a", None, [True, {"x": []}]],
        {"a": {"b": {"c": [0, "", None]}}, "é": 1},
    ],
)
def test_a_value_comes_back_as_it_was_written(table: Table, value: object) -> None:
    put(table, value=value)
    found = table.get(A)
    assert found is not None
    assert same(found["value"], value)  # True is not 1
    assert isinstance(found["value"], type(value))


def test_enums_and_tuples_are_stored_as_text_and_lists(table: Table) -> None:
    put(table, colour=Colour.RED, pair=(1, 2))
    found = table.get(A)
    assert found == {"pk": A.pk, "sk": A.sk, "colour": "red", "pair": [1, 2]}
    assert type(found["colour"]) is str


@pytest.mark.parametrize("value", [1.5, b"x", {1, 2}, object(), {1: "a"}, [0.1]])
def test_what_has_no_exact_form_is_refused(table: Table, value: object) -> None:
    with pytest.raises(TypeError):
        put(table, value=value)
    with pytest.raises(TypeError):
        table.write(Update(A, put={"value": value}))
    assert table.get(A) is None


@pytest.mark.parametrize("value", [10**38, -(10**38), "\ud800"])
def test_what_is_too_big_or_not_text_is_refused(table: Table, value: object) -> None:
    with pytest.raises(ValueError):
        put(table, value=value)


def test_an_item_larger_than_400_kb_is_refused(table: Table) -> None:
    with pytest.raises(ValueError):
        put(table, value="x" * 410_000)
    put(table, half="x" * 250_000)
    with pytest.raises(ValueError):
        table.write(Update(A, put={"other": "x" * 250_000}))


@pytest.mark.parametrize("key", [Key("", "s"), Key("p", ""), Key("x" * 2049, "s")])
def test_a_wrong_key_is_refused(table: Table, key: Key) -> None:
    with pytest.raises(ValueError):
        put(table, key)
    with pytest.raises(ValueError):
        table.get(key)
    with pytest.raises(ValueError):
        table.write(Delete(key))


@pytest.mark.parametrize(
    "attributes",
    [{"lane": ""}, {"lane": 5}, {"lane": None}, {"due_at": "5"}, {"due_at": True}, {"rank": []}],
)
def test_an_index_key_of_the_wrong_kind_is_refused(
    table: Table, attributes: dict[str, object]
) -> None:
    with pytest.raises(ValueError):
        put(table, **attributes)
    with pytest.raises(ValueError):
        table.write(Update(A, put=attributes))


def test_what_a_caller_does_to_an_item_stays_with_the_caller(table: Table) -> None:
    request = {"command": ["echo"]}
    returned = table.write(Put({"pk": A.pk, "sk": A.sk, "request": request}))
    request["command"].append("written")
    assert returned is not None
    with suppress(TypeError):  # a table may hand out what nobody can change
        returned["request"]["command"].append("returned")
    read = table.get(A)
    assert read is not None
    with suppress(TypeError):
        read["request"]["command"].append("read")
    found = table.get(A)
    assert found is not None
    assert found["request"] == {"command": ["echo"]}
