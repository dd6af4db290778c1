"""Whether a condition holds for an item, as DynamoDB decides it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
    for condition in conditions:  # noqa: SIM110 - this runs for every write of a simulation
        if not _HOLDS[type(condition)](condition, item):
            return False
    return True


def _equals(condition: Equals | Differs, item: Mapping[str, Any]) -> bool:
    name = condition.name
    return name in item and _equal(item[name], condition.value)


def _one_of(condition: OneOf, item: Mapping[str, Any]) -> bool:
    name = condition.name
    return name in item and any(_equal(item[name], value) for value in condition.values)


def _at_most(condition: AtMost, item: Mapping[str, Any]) -> bool:
    name, value = condition.name, condition.value
    return name not in item or (_comparable(item[name], value) and item[name] <= value)


def _at_least(condition: AtLeast, item: Mapping[str, Any]) -> bool:
    name, value = condition.name, condition.value
    return name in item and _comparable(item[name], value) and item[name] >= value


_HOLDS: dict[type, Callable[[Any, Mapping[str, Any]], bool]] = {
    Equals: _equals,
    Differs: lambda condition, item: not _equals(condition, item),
    Absent: lambda condition, item: condition.name not in item,
    Present: lambda condition, item: condition.name in item,
    OneOf: _one_of,
    AtMost: _at_most,
    AtLeast: _at_least,
}


def _equal(stored: Any, value: Any) -> bool:
    """Fast for the common case; a condition's value may be an enum or a tuple."""
    kind = type(stored)
    if kind is type(value) and (kind is str or kind is int):
        return bool(stored == value)
    return same(stored, plain(value))


def _comparable(stored: Any, value: int | str) -> bool:
    return type(stored) is str if isinstance(value, str) else type(stored) is int
