"""Values as a memory table keeps them: exact, checked, and shared instead of copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.adapters.rules import DEEPEST, name_of, plain
from lambdas.core.rows import Row, Rows


def frozen(value: Any, depth: int = 0) -> Any:
    """`rules.plain`, with containers that nobody can change; one that came out of a table is taken
    as it is. Raises TypeError and ValueError as `plain` does."""
    kind = type(value)
    if kind is str:
        if not value.isascii():
            plain(value)
        return value
    if kind is Row or kind is Rows or kind is bool or value is None:
        return value
    if isinstance(value, Mapping):
        return frozen_item(value, depth + 1)
    if isinstance(value, (list, tuple)):
        _check_depth(depth + 1)
        return Rows([frozen(part, depth + 1) for part in value])
    return plain(value)


def frozen_item(item: Mapping[str, Any], depth: int = 1) -> Row:
    """A whole item, or a map inside one."""
    _check_depth(depth)
    kept = {}
    for name, value in item.items():
        if type(name) is not str or not name.isascii():
            name = name_of(name)
        if type(value) is not str or not value.isascii():
            value = frozen(value, depth)
        kept[name] = value
    return Row(kept)


def _check_depth(depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"a value is nested deeper than {DEEPEST} levels")
