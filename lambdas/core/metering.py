"""What DynamoDB bills for an operation, from the sizes of items.

Source: "DynamoDB item sizes and formats", "Read/write operations" and "Using global secondary
indexes" in the DynamoDB developer guide. A number's size is an approximation there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.core.rows import Row
from lambdas.core.tables import IndexSchema, Item

WRITE_UNIT = 1024  #: bytes
READ_UNIT = 4096  #: bytes

#: A transaction's writes are prepared and committed: each is billed twice. Its index entries are
#: counted once, because indexes follow the committed item; AWS's page does not say (unproven).
TRANSACTION = 2


@dataclass(frozen=True, slots=True, order=True)
class Tally:
    """Calls of one kind and the units they consumed.

    A row with an `index` counts the calls that touched this index; the calls themselves are
    counted by the row without.
    """

    service: str
    operation: str
    table: str
    index: str
    calls: int
    write_units: float
    read_units: float


# ── sizes ─────────────────────────────────────────────────────────────────────────────────────


def item_size(item: Item) -> int:
    """Bytes of an item: attribute names and values, in UTF-8. A row is measured once."""
    if type(item) is not Row:
        return _measured(item)
    if item.size is None:
        item.size = _measured(item)
    return item.size


def growth(old: Item, new: Item, names: Iterable[str]) -> int:
    """By how many bytes `new` is larger than `old`, when only these attributes differ."""
    size = 0
    for name in names:
        if name in new:
            size += value_size(new[name]) + (0 if name in old else text_size(name))
        if name in old:
            size -= value_size(old[name]) + (0 if name in new else text_size(name))
    return size


def _measured(item: Item) -> int:
    size = 0
    for name, value in item.items():
        size += len(name) if name.isascii() else len(name.encode())
        if type(value) is str and value.isascii():  # most are: a simulation measures millions
            size += len(value)
        else:
            size += value_size(value)
    return size


def value_size(value: Any) -> int:
    """Bytes of one value, without its name."""
    kind = type(value)
    if kind is int:
        return _number(value)
    if isinstance(value, str):
        return text_size(value)
    if value is None or kind is bool:
        return 1
    if kind is Row:
        return 3 + len(value) + item_size(value)
    if isinstance(value, Mapping):
        return 3 + len(value) + item_size(value)
    return 3 + sum(1 + value_size(part) for part in value)


def text_size(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


def _number(value: int) -> int:
    """One byte for each two significant digits, one more, and one for a minus sign."""
    digits = len(str(value if value >= 0 else -value).strip("0"))
    return (digits + 1) // 2 + 1 + (value < 0)


# ── units ─────────────────────────────────────────────────────────────────────────────────────


def write_units(old: Item | None, new: Item | None) -> int:
    """A put, update, delete or refused condition: the larger of the item before and after."""
    size = max(item_size(item) if item else 0 for item in (old, new))
    return units_of_write(size)


def units_of_write(size: int) -> int:
    """What a write costs whose larger item has so many bytes."""
    return -(-size // WRITE_UNIT) or 1


def strong_units(size: int) -> int:
    """What a strong read of one item of so many bytes costs."""
    return -(-size // READ_UNIT) or 1


def read_units(sizes: Iterable[int], *, strong: bool) -> float:
    """One request over items read together: their sizes are added, then rounded up."""
    units = max(1, _ceil(sum(sizes), READ_UNIT))
    return float(units) if strong else units / 2


def index_units(index: IndexSchema, old: Item | None, new: Item | None) -> int:
    """What a write of the table costs in one index.

    Nothing when the entry does not change, one write to add, replace or remove it, and two when
    its key changes: the old entry is removed and the new one added.
    """
    before, after = _key(index, old), _key(index, new)
    if before == after:
        same = before is None or all(_held(old, name) == _held(new, name) for name in index.carries)
        return 0 if same else max(_entry_units(index, old), _entry_units(index, new))
    return _entry_units(index, old) + _entry_units(index, new)


def entry_of(index: IndexSchema, item: Item | None) -> dict[str, Any] | None:
    """The item as the index holds it; None when it lacks one of the index's keys."""
    if item is None or index.partition not in item or index.sort not in item:
        return None
    names = ("pk", "sk", index.partition, index.sort, *index.carries)
    return {name: item[name] for name in names if name in item}


def _key(index: IndexSchema, item: Item | None) -> tuple[Any, Any] | None:
    if item is None or index.partition not in item or index.sort not in item:
        return None
    return item[index.partition], item[index.sort]


def _held(item: Item | None, name: str) -> tuple[Any, ...]:
    """An attribute as it can be compared: True is not 1."""
    value = None if item is None else item.get(name)
    return type(value), value


def _entry_units(index: IndexSchema, item: Item | None) -> int:
    """What it costs to write or remove an item's entry; nothing when it has none."""
    if _key(index, item) is None or item is None:
        return 0
    if item_size(item) <= WRITE_UNIT:  # its entry is no larger
        return 1
    return units_of_write(item_size(entry_of(index, item) or {}))


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)
