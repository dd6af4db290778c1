"""Items between Python and DynamoDB's JSON: whole numbers stay ints, and nothing is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from lambdas.adapters.rules import plain

Wire = dict[str, Any]


def to_wire(item: Mapping[str, Any]) -> dict[str, Wire]:
    """An item as DynamoDB's JSON. Raises TypeError or ValueError for what cannot be stored."""
    return {name: _wire(value) for name, value in plain(item).items()}


def value_to_wire(value: Any) -> Wire:
    return _wire(plain(value))


def from_wire(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as plain Python values."""
    return {name: _value(value) for name, value in item.items()}


def _wire(value: Any) -> Wire:
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int:
        return {"N": str(value)}
    if value is None:
        return {"NULL": True}
    if kind is list:
        return {"L": [_wire(part) for part in value]}
    return {"M": {name: _wire(part) for name, part in value.items()}}


def _value(wire: Wire) -> Any:
    ((kind, value),) = wire.items()
    if kind in ("S", "BOOL"):
        return value
    if kind == "N":
        return _number(value)
    if kind == "NULL":
        return None
    if kind == "L":
        return [_value(part) for part in value]
    if kind == "M":
        return {name: _value(part) for name, part in value.items()}
    raise TypeError(f"an attribute of type {kind} is not of our making")


def _number(text: str) -> int:
    """Step Functions writes 1.7E12 for a whole number."""
    try:
        return int(text)
    except ValueError:
        return int(Decimal(text))
