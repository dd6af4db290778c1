"""Values as a memory table keeps them: exact, checked, measured, and shared instead of copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.adapters.rules import DEEPEST, name_of, plain
from lambdas.core.metering import text_size, value_size
from lambdas.core.rows import Row, Rows

#: Of these there is nothing to check.
_KEPT = frozenset({Row, Rows, bool, type(None)})

#: Numbers below this are far from too big.
_SMALL = 1 << 62


def frozen(value: Any, depth: int = 0) -> Any:
    """`rules.plain`, with containers that nobody can change; one that came out of a table is taken
    as it is. Raises TypeError and ValueError as `plain` does."""
    kind = type(value)
    if (kind is str and value.isascii()) or kind in _KEPT:
        return value
    if kind is int and -_SMALL < value < _SMALL:
        return value
    if kind is dict or isinstance(value, Mapping):
        return frozen_item(value, depth + 1)
    if kind is list or isinstance(value, (list, tuple)):
        return _frozen_list(value, depth + 1)
    return plain(value)


def frozen_item(item: Mapping[str, Any], depth: int = 1) -> Row:
    """A whole item, or a map inside one."""
    if depth > DEEPEST:
        raise ValueError(f"a value is nested deeper than {DEEPEST} levels")
    kept: dict[str, Any] = {}
    size = 0
    for name, value in item.items():
        if type(name) is str and name.isascii():
            size += len(name)
        else:
            name = name_of(name)
            size += text_size(name)
        if type(value) is str and value.isascii():
            size += len(value)
        else:
            value = frozen(value, depth)
            size += value_size(value)
        kept[name] = value
    row = Row(kept)
    row.size = size
    return row


def _frozen_list(values: Sequence[Any], depth: int) -> Rows:
    if depth > DEEPEST:
        raise ValueError(f"a value is nested deeper than {DEEPEST} levels")
    return Rows([frozen(value, depth) for value in values])
