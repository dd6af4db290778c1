"""A DynamoDB table in memory: the same answers, errors, indexes and stream, and fast.

Stored items are rows that nobody can change: a write builds a new one, a read hands out the row
itself, and a stream record holds what stood before and after at no cost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Any

from lambdas.adapters.memory.billing import Billing, Written
from lambdas.adapters.memory.conditions import hold
from lambdas.adapters.memory.order import Order
from lambdas.adapters.memory.writes import Names, key_of, operation_of, result
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import (
    PAGE_ITEMS,
    Rules,
    check_key,
    check_transaction,
    cursor_of,
)
from lambdas.core import metering
from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.rows import Row
from lambdas.core.tables import (
    Change,
    Check,
    Item,
    Key,
    Page,
    Query,
    TableSchema,
    Write,
)

Stored = Row
_EMPTY = Row()


class MemoryTable:
    """One table. `drain` gives its stream's records, when the schema has a stream; `on_record`
    hears of the first record since then."""

    def __init__(self, schema: TableSchema, meter: Meter | None = None) -> None:
        self.schema = schema
        self._rules = Rules(schema)
        self._billing = Billing(schema, meter) if meter else None
        self._items: dict[tuple[str, str], Stored] = {}
        self._order = Order(schema)
        self._expiring: list[
            tuple[int, tuple[str, str]]
        ] = []  #: a heap; what changed is passed over
        self._stream: deque[tuple[tuple[str, str], Stored | None, Stored | None]] = deque()
        self.on_record: Callable[[], None] = lambda: None

    # ── the port ──────────────────────────────────────────────────────────────────────────────

    def get(self, key: Key) -> Item | None:
        item = self._items.get((key.pk, key.sk))
        if item is None:
            check_key(key)
        if self._billing:
            self._billing.reads("GetItem", [item])
        return item

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found = {key: self._items.get((key.pk, key.sk)) for key in keys}
        for key, item in found.items():
            if item is None:
                check_key(key)
        if self._billing and found:
            self._billing.reads("BatchGetItem", list(found.values()))
        return {key: item for key, item in found.items() if item is not None}

    def write(self, write: Write) -> Item | None:
        if isinstance(write, Check):
            raise ValueError("a Check belongs in a transaction")
        self._rules.check_write(write)
        key = key_of(write)
        old = self._items.get(key)
        if write.when and not hold(write.when, old or _EMPTY):
            self._bill(write, old, old, ())
            raise ConditionFailed(old)
        new, names = result(write, old)
        self._bill(write, old, new, names)
        self._store(key, old, new, names)
        return new

    def transact(self, writes: Sequence[Write]) -> None:
        transact([(self, write) for write in writes])

    def query(self, query: Query) -> Page:
        self._rules.check_query(query)
        index = self._rules.index_of(query)
        most = query.limit or PAGE_ITEMS
        places = self._order.places(query, index, most + 1)
        items = [self._items[place[1], place[2]] for place in places[:most]]
        if index:
            items = [Row(metering.entry_of(index, item) or {}) for item in items]
        if self._billing:
            self._billing.query(query, items)
        after = cursor_of(places[most - 1]) if len(places) > most else None
        return Page(tuple(items), after)

    # ── what only memory has ──────────────────────────────────────────────────────────────────

    def drain(self, limit: int | None = None) -> list[Change]:
        """Take up to `limit` records off the stream, oldest first."""
        many = len(self._stream) if limit is None else min(limit, len(self._stream))
        records = [self._stream.popleft() for _ in range(many)]
        return [Change(Key(*key), old, new) for key, old, new in records]

    def peek(self, key: Key) -> Item | None:
        """The item itself, unbilled: to look at, not to change."""
        return self._items.get((key.pk, key.sk))

    @property
    def pending(self) -> int:
        """How many records wait in the stream."""
        return len(self._stream)

    def scan(self) -> Iterator[Item]:
        """Every item, in no order; for tests and checks of invariants."""
        return iter(list(self._items.values()))

    def expire(self, now: int) -> int:
        """Remove what has `expires` (epoch seconds) before `now` (ms), as TTL would; how many."""
        gone = 0
        while self._expiring and self._expiring[0][0] * 1000 < now:
            expires, key = heappop(self._expiring)
            item = self._items.get(key)
            if item is not None and item.get("expires") == expires:
                self._store(key, item, None, None)
                gone += 1
        return gone

    def __len__(self) -> int:
        return len(self._items)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _bill(self, write: Write, old: Stored | None, new: Stored | None, names: Names) -> None:
        if self._billing:
            self._billing.writes(operation_of(write), [(old, new, names)])

    def _store(
        self, key: tuple[str, str], old: Stored | None, new: Stored | None, names: Names
    ) -> None:
        if new is old:
            return
        if new is None:
            del self._items[key]
        else:
            self._items[key] = new
            if self.schema.expires and "expires" in new:
                self._note_expiry(key, old, new["expires"])
        self._order.move(key, old, new, names)
        if self.schema.stream:
            self._stream.append((key, old, new))
            if len(self._stream) == 1:
                self.on_record()

    def _note_expiry(self, key: tuple[str, str], old: Stored | None, expires: Any) -> None:
        """DynamoDB expires numbers alone."""
        if type(expires) is int and (old is None or old.get("expires") != expires):
            heappush(self._expiring, (expires, key))


def transact(writes: Sequence[tuple[MemoryTable, Write]]) -> None:
    """All writes or none, over any number of tables. Raises TransactionRefused."""
    check_transaction([(table._rules, write) for table, write in writes])
    stood = [(table, key := key_of(write), table._items.get(key)) for table, write in writes]
    failed = [
        at
        for at, (_, write) in enumerate(writes)
        if write.when and not hold(write.when, stood[at][2] or _EMPTY)
    ]
    if failed:
        _bill_transaction([(table, (old, old, ())) for table, _, old in stood])
        raise TransactionRefused(failed=failed)
    became = [
        (table, (old, *result(write, old)))
        for (table, _, old), (_, write) in zip(stood, writes, strict=True)
    ]
    _bill_transaction(became)
    for (table, key, _), (_, (old, new, names)) in zip(stood, became, strict=True):
        table._store(key, old, new, names)


def _bill_transaction(written: Sequence[tuple[MemoryTable, Written]]) -> None:
    by_table: dict[Billing, list[Written]] = {}
    for table, one in written:
        if table._billing:
            by_table.setdefault(table._billing, []).append(one)
    for billing, of_table in by_table.items():
        billing.writes("TransactWriteItems", of_table, metering.TRANSACTION)
