"""What DynamoDB bills for an operation, from the sizes of items.

Source: "DynamoDB item sizes and formats", "Read/write operations" and "Using global secondary
indexes" in the DynamoDB developer guide. A number's size is an approximation there too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

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
    """Bytes of an item: attribute names and values, in UTF-8."""
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
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return 1
    if isinstance(value, int):
        return _number(value)
    if isinstance(value, Mapping):
        return 3 + len(value) + item_size(value)
    return 3 + sum(1 + value_size(part) for part in value)


def _text(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _number(value: int) -> int:
    """One byte for each two significant digits, one more, and one for a minus sign."""
    digits = len(str(abs(value)).strip("0"))
    return (digits + 1) // 2 + 1 + (value < 0)


# ── units ─────────────────────────────────────────────────────────────────────────────────────


def write_units(old: Item | None, new: Item | None) -> int:
    """A put, update, delete or refused condition: the larger of the item before and after."""
    size = max(item_size(item) if item else 0 for item in (old, new))
    return units_of_write(size)


def units_of_write(size: int) -> int:
    """What a write costs whose larger item has so many bytes."""
    return max(1, _ceil(size, WRITE_UNIT))


def read_units(sizes: Iterable[int], *, strong: bool) -> float:
    """One request over items read together: their sizes are added, then rounded up."""
    units = max(1, _ceil(sum(sizes), READ_UNIT))
    return float(units) if strong else units / 2


def index_units(index: IndexSchema, old: Item | None, new: Item | None) -> int:
    """What a write of the table costs in one index.

    Nothing when the entry does not change, one write to add, replace or remove it, and two when
    its key changes: the old entry is removed and the new one added.
    """
    before, after = entry_of(index, old), entry_of(index, new)
    if before == after:
        return 0
    if before and after and _key(index, before) != _key(index, after):
        return write_units(before, None) + write_units(None, after)
    return write_units(before, after)


def entry_of(index: IndexSchema, item: Item | None) -> dict[str, Any] | None:
    """The item as the index holds it; None when it lacks one of the index's keys."""
    if item is None or index.partition not in item or index.sort not in item:
        return None
    names = ("pk", "sk", index.partition, index.sort, *index.carries)
    return {name: item[name] for name in names if name in item}


def _key(index: IndexSchema, entry: Item) -> tuple[Any, Any]:
    return entry[index.partition], entry[index.sort]


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)
