"""A DynamoDB table in memory: the same answers, errors, indexes and stream, and fast.

Stored items are never changed in place and never leave the table: a write builds a new dict, a
read hands out a copy. So a stream record can hold what stood before and after at no cost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from lambdas.adapters.memory.billing import Billing
from lambdas.adapters.memory.conditions import hold
from lambdas.adapters.memory.order import Order
from lambdas.adapters.meter import Meter
from lambdas.adapters.rules import (
    PAGE_ITEMS,
    Rules,
    check_key,
    check_transaction,
    cursor_of,
    plain,
    same,
)
from lambdas.core import metering
from lambdas.core.errors import ConditionFailed, TransactionRefused
from lambdas.core.tables import (
    Change,
    Check,
    Delete,
    Item,
    Key,
    Page,
    Put,
    Query,
    TableSchema,
    Update,
    Write,
)

Stored = dict[str, Any]
_BIG_TEXT, _MANY = 1024, 90  #: below both, an item stays under 400 KB and is not measured
_BIGGEST_ITEM = 400 * 1024
_EMPTY: Stored = {}


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
        return None if item is None else _copy(item)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Item]:
        found = {key: self._items.get((key.pk, key.sk)) for key in keys}
        for key, item in found.items():
            if item is None:
                check_key(key)
        if self._billing and found:
            self._billing.reads("BatchGetItem", list(found.values()))
        return {key: _copy(item) for key, item in found.items() if item is not None}

    def write(self, write: Write) -> Item | None:
        if isinstance(write, Check):
            raise ValueError("a Check belongs in a transaction")
        self._rules.check_write(write)
        key = _key(write)
        old = self._items.get(key)
        if write.when and not hold(write.when, old or _EMPTY):
            self._bill(write, old, old)
            raise ConditionFailed(None if old is None else _copy(old))
        new = _result(write, old)
        self._bill(write, old, new)
        self._store(key, old, new)
        return None if new is None else _copy(new)

    def transact(self, writes: Sequence[Write]) -> None:
        transact([(self, write) for write in writes])

    def query(self, query: Query) -> Page:
        self._rules.check_query(query)
        index = self._rules.index_of(query)
        most = query.limit or PAGE_ITEMS
        places = self._order.places(query, index, most + 1)
        items = [self._items[place[1], place[2]] for place in places[:most]]
        if index:
            items = [metering.entry_of(index, item) or {} for item in items]
        if self._billing:
            self._billing.query(query, items)
        after = cursor_of(places[most - 1]) if len(places) > most else None
        return Page(tuple(_copy(item) for item in items), after)

    # ── what only memory has ──────────────────────────────────────────────────────────────────

    def drain(self, limit: int | None = None) -> list[Change]:
        """Take up to `limit` records off the stream, oldest first."""
        many = len(self._stream) if limit is None else min(limit, len(self._stream))
        records = [self._stream.popleft() for _ in range(many)]
        return [
            Change(
                Key(*key), None if old is None else _copy(old), None if new is None else _copy(new)
            )
            for key, old, new in records
        ]

    def records(self) -> list[Change]:
        """Take everything off the stream without copies: for readers that change no item."""
        records, self._stream = self._stream, deque()
        return [Change(Key(*key), old, new) for key, old, new in records]

    def peek(self, key: Key) -> Item | None:
        """The item itself, unbilled: to look at, not to change."""
        return self._items.get((key.pk, key.sk))

    @property
    def pending(self) -> int:
        """How many records wait in the stream."""
        return len(self._stream)

    def scan(self) -> Iterator[Item]:
        """Every item, in no order; for tests and checks of invariants. Copies."""
        return (_copy(item) for item in list(self._items.values()))

    def expire(self, now: int) -> int:
        """Remove what has `expires` (epoch seconds) before `now` (ms), as TTL would; how many."""
        gone = 0
        while self._expiring and self._expiring[0][0] * 1000 < now:
            expires, key = heappop(self._expiring)
            item = self._items.get(key)
            if item is not None and item.get("expires") == expires:
                if self._billing:
                    self._billing.forget(item)
                self._store(key, item, None)
                gone += 1
        return gone

    def __len__(self) -> int:
        return len(self._items)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _bill(self, write: Write, old: Stored | None, new: Stored | None) -> None:
        if self._billing:
            self._billing.writes(f"{type(write).__name__}Item", [(old, new)])

    def _store(self, key: tuple[str, str], old: Stored | None, new: Stored | None) -> None:
        if new is old:
            return
        if new is None:
            del self._items[key]
        else:
            self._items[key] = new
            if self.schema.expires and "expires" in new:
                self._note_expiry(key, old, new["expires"])
        self._order.move(key, old, new)
        if self.schema.stream:
            self._stream.append((key, old, new))
            if len(self._stream) == 1:
                self.on_record()

    def _note_expiry(self, key: tuple[str, str], old: Stored | None, expires: Any) -> None:
        """DynamoDB expires numbers alone."""
        if type(expires) is int and (old is None or old.get("expires") != expires):
            heappush(self._expiring, (expires, key))


@dataclass(slots=True)
class _Step:
    """One write of a transaction, on its way."""

    table: MemoryTable
    write: Write
    old: Stored | None
    new: Stored | None


def transact(writes: Sequence[tuple[MemoryTable, Write]]) -> None:
    """All writes or none, over any number of tables. Raises TransactionRefused."""
    check_transaction([(table._rules, write) for table, write in writes])
    steps = []
    for table, write in writes:
        old = table._items.get(_key(write))
        steps.append(_Step(table, write, old, old))
    failed = [at for at, s in enumerate(steps) if not hold(s.write.when, s.old or _EMPTY)]
    if not failed:
        for step in steps:
            step.new = _result(step.write, step.old)
    _bill_transaction(steps)
    if failed:
        raise TransactionRefused(failed=failed)
    for step in steps:
        step.table._store(_key(step.write), step.old, step.new)


def _bill_transaction(steps: Sequence[_Step]) -> None:
    for table in {id(step.table): step.table for step in steps}.values():
        if table._billing:
            pairs = [(step.old, step.new) for step in steps if step.table is table]
            table._billing.writes("TransactWriteItems", pairs, metering.TRANSACTION)


def _key(write: Write) -> tuple[str, str]:
    if isinstance(write, Put):
        return write.item["pk"], write.item["sk"]
    return write.key.pk, write.key.sk


def _result(write: Write, old: Stored | None) -> Stored | None:
    """The item after a write whose condition holds; `old` itself when nothing changes."""
    match write:
        case Put(item):
            new = plain(item)
            if len(new) > _MANY or any(map(_is_big, new.values())):
                _check_size(new)
            return old if old is not None and same(old, new) else new
        case Update():
            return _updated(write, old)
        case Delete():
            return None
        case Check():
            return old


def _updated(write: Update, old: Stored | None) -> Stored:
    new: Stored = {"pk": write.key.pk, "sk": write.key.sk} if old is None else dict(old)
    changed, big = old is None, False
    for name, value in write.put.items():
        value = plain(value)
        big = big or _is_big(value)
        changed = changed or name not in new or not same(new[name], value)
        new[name] = value
    for name, amount in write.add.items():
        before = new.get(name, 0)
        if type(before) is not int:
            raise ValueError(f"add {name}: what stands there is not a number")
        changed = changed or amount != 0 or name not in new
        new[name] = plain(before + amount)
    for name in write.drop:
        if name in new:
            del new[name]
            changed = True
    if big or len(new) > _MANY:
        _check_size(new)
    return new if changed or old is None else old


def _is_big(value: Any) -> bool:
    """Worth measuring the item for."""
    kind = type(value)
    return kind is dict or kind is list or (kind is str and len(value) > _BIG_TEXT)


def _check_size(item: Stored) -> None:
    if metering.item_size(item) > _BIGGEST_ITEM:
        raise ValueError("the item is larger than 400 KB")


def _copy(item: Item) -> Stored:
    copy = dict(item)
    for name, value in copy.items():
        kind = type(value)
        if kind is dict or kind is list:
            copy[name] = _deep(value)
    return copy


def _deep(value: Any) -> Any:
    if type(value) is dict:
        return {name: _deep(part) for name, part in value.items()}
    if type(value) is list:
        return [_deep(part) for part in value]
    return value
