"""Rows: what a table hands out is shared, so nobody may change it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from lambdas.adapters.memory.frozen import frozen_item
from lambdas.core.rows import Row, Rows

PLAIN = {"a": 1, "parts": [1, {"b": [2]}]}


def changes() -> list[Callable[[Any], object]]:
    return [
        lambda row: row.__setitem__("a", 2),
        lambda row: row.__delitem__("a"),
        lambda row: row.update(a=2),
        lambda row: row.pop("a"),
        lambda row: row.popitem(),
        lambda row: row.clear(),
        lambda row: row.setdefault("c", 1),
        lambda row: row.__ior__({"a": 2}),
        lambda row: row["parts"].append(3),
        lambda row: row["parts"].__iadd__([3]),
        lambda row: row["parts"].sort(),
        lambda row: row["parts"].__setitem__(0, 2),
        lambda row: row["parts"].pop(),
        lambda row: row["parts"][1].update(b=1),
        lambda row: row["parts"][1]["b"].extend([1]),
    ]


@pytest.mark.parametrize("change", changes())
def test_nothing_in_a_row_can_be_changed(change: Callable[[Any], object]) -> None:
    row = frozen_item(PLAIN)
    with pytest.raises(TypeError):
        change(row)
    assert row == PLAIN


@pytest.mark.parametrize(
    "copied", [dict, copy.copy, copy.deepcopy, lambda row: row | {}, lambda row: {**row}]
)
def test_its_copies_can(copied: Callable[[Row], Any]) -> None:
    mine = copied(frozen_item(PLAIN))
    mine["a"] = 2
    assert type(mine) is dict


def test_it_reads_like_any_other_item() -> None:
    row = frozen_item(PLAIN)
    assert json.loads(json.dumps(row)) == PLAIN
    assert pickle.loads(pickle.dumps(row)) == PLAIN
    assert type(row["parts"]) is Rows


def test_what_came_out_of_a_table_goes_back_as_it_is() -> None:
    row = frozen_item(PLAIN)
    assert frozen_item({"again": row})["again"] is row
