"""Whether a condition holds for an item, as DynamoDB decides it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.adapters.rules import plain, same
from lambdas.core.tables import (
    Absent,
    AtLeast,
    AtMost,
    Condition,
    Differs,
    Equals,
    OneOf,
    Present,
)


def hold(conditions: tuple[Condition, ...], item: Mapping[str, Any]) -> bool:
    """All of them; an absent item is an empty one."""
    return all(_holds(condition, item) for condition in conditions)


def _holds(condition: Condition, item: Mapping[str, Any]) -> bool:
    present = condition.name in item
    match condition:
        case Equals(name, value):
            return present and _equal(item[name], value)
        case Absent():
            return not present
        case Present():
            return present
        case OneOf(name, values):
            return present and any(_equal(item[name], value) for value in values)
        case Differs(name, value):
            return not present or not _equal(item[name], value)
        case AtMost(name, value):
            return not present or (_comparable(item[name], value) and item[name] <= value)
        case AtLeast(name, value):
            return present and _comparable(item[name], value) and item[name] >= value


def _equal(stored: Any, value: Any) -> bool:
    """Fast for the common case; a condition's value may be an enum or a tuple."""
    if type(stored) is type(value) and type(stored) is not dict and type(stored) is not list:
        return bool(stored == value)
    return same(stored, plain(value))


def _comparable(stored: Any, value: int | str) -> bool:
    return type(stored) is str if isinstance(value, str) else type(stored) is int
