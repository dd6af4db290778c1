"""The small language in which every write, condition and query is said.

Services build these values and a table carries them out, so a condition is written once, in the
open, and the AWS and memory tables only have to agree about this page. Items are plain dicts of
str, int, bool, None, list and dict (no float: DynamoDB has none that is exact).

Conditions are a conjunction: every element of `when` must hold, against the item as it stands
before the write (an absent item has no attributes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Key:
    """The primary key of an item."""

    pk: str
    sk: str


# ── conditions ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute exists, whatever its value."""

    name: str


@dataclass(frozen=True, slots=True)
class Absent:
    """The attribute does not exist. `Absent("pk")` says that the item does not exist."""

    name: str


@dataclass(frozen=True, slots=True)
class Equals:
    """The attribute exists and equals `value`."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class Differs:
    """The attribute is absent or differs from `value`."""

    name: str
    value: Any


@dataclass(frozen=True, slots=True)
class OneOf:
    """The attribute exists and equals one of `values` (at least one, at most 100)."""

    name: str
    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class AtMost:
    """The attribute is absent or ≤ `value`."""

    name: str
    value: int | str


@dataclass(frozen=True, slots=True)
class AtLeast:
    """The attribute exists and is ≥ `value`."""

    name: str
    value: int | str


Condition = Present | Absent | Equals | Differs | OneOf | AtMost | AtLeast


# ── writes ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item (its `pk` and `sk` are attributes of it)."""

    item: Item
    when: tuple[Condition, ...] = ()

    @property
    def key(self) -> Key:
        return Key(self.item["pk"], self.item["sk"])


@dataclass(frozen=True, slots=True)
class Update:
    """Change attributes of an item, creating it when absent: `put`, then `add` (numbers), then `drop`.

    Names are top-level attributes; one name appears in one of the three at most.
    """

    key: Key
    put: Mapping[str, Any] = field(default_factory=dict)
    add: Mapping[str, int] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item; removing what is absent succeeds unless a condition says otherwise."""

    key: Key
    when: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """In a transaction: require conditions of an item that is not written."""

    key: Key
    when: tuple[Condition, ...]


Write = Put | Update | Delete | Check

#: DynamoDB's bound on the writes of one transaction.
TRANSACTION_LIMIT = 100


# ── queries ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Query:
    """Items of one partition of the table, or of an index, in the order of the sort key.

    `begins` and (`low`, `high`) narrow the sort key (inclusive both sides; give one kind only).
    `after` is an opaque cursor from an earlier `Page`. A query of an index is eventually consistent.
    """

    partition: str
    index: str | None = None
    begins: str | None = None
    low: str | int | None = None
    high: str | int | None = None
    descending: bool = False
    limit: int | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """What a query found; `after` is None when nothing is left."""

    items: tuple[Item, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One record of a table's stream: the item before and after a write (None when absent)."""

    key: Key
    old: Item | None
    new: Item | None


@dataclass(frozen=True, slots=True)
class IndexSchema:
    """A global secondary index: its key attributes and what it carries besides the table's keys.

    Every index is sparse: an item without both key attributes is not in it.
    """

    name: str
    partition: str
    sort: str
    carries: tuple[str, ...] = ()
    numeric_sort: bool = False


@dataclass(frozen=True, slots=True)
class TableSchema:
    """One table: its indexes, whether it has a stream and whether `expires` (epoch seconds) ends items."""

    name: str
    indexes: Sequence[IndexSchema] = ()
    stream: bool = False
    expires: bool = False


JOBS = TableSchema(
    name="jobs",
    indexes=(
        IndexSchema("by_queue", "list_key", "list_sort", ("name", "definition")),
        IndexSchema("by_parent", "parent_key", "parent_sort"),
        IndexSchema("by_lane", "lane", "rank", ("ticket",)),
        IndexSchema("by_due", "due_shard", "due_at", numeric_sort=True),
    ),
    stream=True,
    expires=True,
)
CATALOG = TableSchema(name="catalog")
CAPACITY = TableSchema(name="capacity", stream=True, expires=True)
