"""What a table accepts, said once for both adapters: values, keys, writes, queries and cursors.

DynamoDB refuses these things with a ValidationException; here they are a ValueError (or TypeError)
before anything is sent, because every one of them is a mistake in our code or in an input that a
service should have refused. None is a value (stored as NULL): `Present` holds for it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core.tables import (
    TRANSACTION_LIMIT,
    AtLeast,
    AtMost,
    Check,
    Condition,
    IndexSchema,
    Key,
    OneOf,
    Put,
    Query,
    TableSchema,
    Update,
    Write,
)

#: Items of one page when the query gives no limit: about DynamoDB's 1 MB of small items.
PAGE_ITEMS = 1000

_BIGGEST = 10**38  #: DynamoDB's numbers have 38 digits
#: Levels of nesting that DynamoDB takes.
DEEPEST = 32
_PK_BYTES, _SK_BYTES = 2048, 1024


def plain(value: Any, depth: int = 0) -> Any:
    """`value` as DynamoDB gives it back: exact built-in types, containers copied, tuples as lists.

    Raises TypeError for what has no exact form (float, bytes, set), ValueError for what is too big.
    """
    kind = type(value)
    if kind is str or isinstance(value, str):
        if not value.isascii():
            value.encode()  # a lone surrogate has no UTF-8 form: UnicodeEncodeError
        return value if kind is str else str.__str__(value)
    if kind is bool or value is None:
        return value
    if isinstance(value, int):
        if not -_BIGGEST < value < _BIGGEST:
            raise ValueError(f"{value} has more than 38 digits")
        return int(value)
    return _container(value, depth + 1)


def _container(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        raise ValueError(f"a value is nested deeper than {DEEPEST} levels")
    if isinstance(value, Mapping):
        return {
            name if type(name) is str and name.isascii() else name_of(name): (
                part if _is_plain(part) else plain(part, depth)
            )
            for name, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [plain(part, depth) for part in value]
    raise TypeError(f"{type(value).__name__} {value!r:.80} cannot be stored in a table")


def _is_plain(value: Any) -> bool:
    """The common cases, decided fast: a simulation writes millions of items."""
    kind = type(value)
    if kind is str:
        return bool(value.isascii())
    return (kind is int and -_BIGGEST < value < _BIGGEST) or kind is bool or value is None


def name_of(name: Any) -> str:
    """An attribute's name as it is stored. Raises TypeError for what is none."""
    if not isinstance(name, str):
        raise TypeError(f"attribute name {name!r:.80} is not a string")
    return str(plain(name))


def same(one: Any, other: Any) -> bool:
    """Equality as DynamoDB sees it: True is not 1. Both sides are plain values."""
    kind = type(one)
    if kind is str or kind is int or kind is bool or one is None:
        return kind is type(other) and bool(one == other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and len(one) == len(other)
            and all(name in other and same(part, other[name]) for name, part in one.items())
        )
    if not (isinstance(one, list) and isinstance(other, list)):
        return False
    return len(one) == len(other) and all(map(same, one, other))


class Rules:
    """What one table accepts."""

    def __init__(self, schema: TableSchema) -> None:
        self.schema = schema
        self.indexes: dict[str, IndexSchema] = {index.name: index for index in schema.indexes}
        self.key_types: dict[str, type] = {}
        for index in schema.indexes:
            self.key_types[index.partition] = str
            self.key_types[index.sort] = int if index.numeric_sort else str

    # ── writes ────────────────────────────────────────────────────────────────────────────────

    def check_write(self, write: Write) -> None:
        """Raises ValueError or TypeError for a write that DynamoDB would refuse whatever stands."""
        if isinstance(write, Put):
            check_key(Key(write.item.get("pk", ""), write.item.get("sk", "")))
            self._check_index_keys(write.item)
        else:
            check_key(write.key)
            if isinstance(write, Update):
                self._check_update(write)
        for condition in write.when:
            _check_condition(condition)

    def _check_update(self, write: Update) -> None:
        put, add, drop = write.put, write.add, write.drop
        names = {"pk", "sk", *put, *add, *drop}
        if len(names) != 2 + len(put) + len(add) + len(drop):
            raise ValueError("an Update names each attribute once, and no key")
        if len(names) == 2:
            raise ValueError("an Update changes at least one attribute")
        self._check_index_keys(put)
        for name, value in add.items():
            if type(value) is not int:
                raise TypeError(f"add {name}: {value!r:.80} is not a whole number")
            if self.key_types.get(name) is str:
                raise ValueError(f"add {name}: it is a text key of an index")

    def _check_index_keys(self, attributes: Mapping[str, Any]) -> None:
        for name, kind in self.key_types.items():
            if name in attributes:
                value = attributes[name]
                if not isinstance(value, kind) or isinstance(value, bool) or value == "":
                    wanted = "a whole number" if kind is int else "text that is not empty"
                    raise ValueError(f"{name} is {value!r:.80}: an index key is {wanted}")

    # ── queries ───────────────────────────────────────────────────────────────────────────────

    def index_of(self, query: Query) -> IndexSchema | None:
        """The index a query reads (None: the table). Raises ValueError for one that is not there."""
        if query.index is None:
            return None
        if query.index not in self.indexes:
            raise ValueError(f"table {self.schema.name} has no index {query.index}")
        return self.indexes[query.index]

    def check_query(self, query: Query) -> None:
        """Raises ValueError for a query that cannot be asked."""
        index = self.index_of(query)
        kind = int if index and index.numeric_sort else str
        if not query.partition:
            raise ValueError("a query names a partition")
        if query.begins and (query.low is not None or query.high is not None):
            raise ValueError("a query has `begins` or bounds, not both")
        for bound in (query.begins or None, query.low, query.high):
            if bound is not None and type(bound) is not kind:
                raise ValueError(f"{bound!r:.80} is no sort key of {query.index or 'the table'}")
        if query.limit is not None and query.limit < 1:
            raise ValueError(f"limit is {query.limit}: at least 1")


def check_transaction(writes: Sequence[tuple[Rules, Write]]) -> None:
    """Raises ValueError for a transaction of the wrong size, or with one item twice."""
    if not 1 <= len(writes) <= TRANSACTION_LIMIT:
        raise ValueError(f"{len(writes)} writes: a transaction has 1 to {TRANSACTION_LIMIT}")
    for rules, write in writes:
        rules.check_write(write)
        if isinstance(write, Check) and not write.when:
            raise ValueError("a Check has at least one condition")
    if len({(rules.schema.name, write.key) for rules, write in writes}) < len(writes):
        raise ValueError("a transaction writes each item once")


def check_key(key: Key) -> None:
    """Raises ValueError for a key that DynamoDB refuses: empty, too long or not text."""
    for name, value, most in (("pk", key.pk, _PK_BYTES), ("sk", key.sk, _SK_BYTES)):
        if not isinstance(value, str) or not value:
            raise ValueError(f"{name} is {value!r:.80}: a key is text that is not empty")
        if len(value) > most // 4 and len(value.encode()) > most:
            raise ValueError(f"{name} has more than {most} bytes")


def _check_condition(condition: Condition) -> None:
    if isinstance(condition, OneOf) and not 1 <= len(condition.values) <= 100:
        raise ValueError(f"OneOf {condition.name} has {len(condition.values)} values: 1 to 100")
    if isinstance(condition, (AtMost, AtLeast)):
        value = condition.value
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError(f"{condition.name} cannot be compared with {value!r:.80}")


# ── cursors ───────────────────────────────────────────────────────────────────────────────────

#: Where an item stands in the order of a query: its sort key, then its table key.
Place = tuple[str | int, str, str]


def place_of(item: Mapping[str, Any], index: IndexSchema | None) -> Place:
    return (item[index.sort if index else "sk"], item["pk"], item["sk"])


def cursor_of(place: Place) -> str:
    """An opaque cursor that continues after this place."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_after(query: Query, index: IndexSchema | None) -> Place | None:
    """The place a query's cursor stands for. Raises ValueError for one that is not this query's."""
    if query.after is None:
        return None
    try:
        padded = query.after + "=" * (-len(query.after) % 4)
        sort, pk, sk = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError):
        raise ValueError("the cursor cannot be read") from None
    if not _fits(query, index, sort, pk, sk):
        raise ValueError("the cursor is of another query")
    return (sort, pk, sk)


def _fits(query: Query, index: IndexSchema | None, sort: Any, pk: Any, sk: Any) -> bool:
    kind = int if index and index.numeric_sort else str
    if type(sort) is not kind or not (isinstance(pk, str) and pk and isinstance(sk, str) and sk):
        return False
    if index is None and (pk != query.partition or sk != sort):
        return False
    if query.begins and not str(sort).startswith(query.begins):
        return False
    low: Any = query.low
    high: Any = query.high
    return bool((low is None or sort >= low) and (high is None or sort <= high))
