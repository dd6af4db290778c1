"""What an item is after a write whose conditions hold, and which of its attributes changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lambdas.adapters.memory.frozen import frozen, frozen_item
from lambdas.adapters.rules import plain, same
from lambdas.core import metering
from lambdas.core.rows import Row
from lambdas.core.tables import Check, Delete, Put, Update, Write

_BIG_TEXT, _MANY = 1024, 90  #: below both, an item stays under 400 KB and is not measured
_BIGGEST_ITEM = 400 * 1024

#: The names that changed; None: any may have.
Names = Iterable[str] | None


def result(write: Write, old: Row | None) -> tuple[Row | None, Names]:
    """The item after a write; `old` itself when nothing changes."""
    if isinstance(write, Update):
        return _updated(write, old)
    if isinstance(write, Put):
        return _put(write, old), None
    return (None if isinstance(write, Delete) else old), None


def key_of(write: Write) -> tuple[str, str]:
    if isinstance(write, Put):
        return write.item["pk"], write.item["sk"]
    return write.key.pk, write.key.sk


def operation_of(write: Write) -> str:
    """DynamoDB's name of the call that carries out this write alone."""
    return _OPERATIONS[type(write)]


_OPERATIONS: dict[type, str] = {
    Put: "PutItem",
    Update: "UpdateItem",
    Delete: "DeleteItem",
    Check: "CheckItem",
}


def _put(write: Put, old: Row | None) -> Row:
    new = frozen_item(write.item)
    _check_size(new)
    return old if old is not None and same(old, new) else new


def _updated(write: Update, old: Row | None) -> tuple[Row, Names]:
    before: dict[str, Any] = {} if old is None else old
    changes: dict[str, Any] = {}
    for name, value in write.put.items():
        value = frozen(value)
        if name not in before or not same(before[name], value):
            changes[name] = value
    for name, amount in write.add.items():
        stood = before.get(name, 0)
        if type(stood) is not int:
            raise ValueError(f"add {name}: what stands there is not a number")
        if amount != 0 or name not in before:
            changes[name] = plain(stood + amount)
    dropped = [name for name in write.drop if name in before]
    if old is not None and not changes and not dropped:
        return old, ()
    new = _changed(write, old, changes, dropped)
    if len(new) > _MANY or any(map(_is_big, changes.values())):
        _check_size(new)
    return new, (None if old is None else (*changes, *dropped))


def _changed(
    write: Update, old: Row | None, changes: dict[str, Any], dropped: Iterable[str]
) -> Row:
    new = Row({"pk": write.key.pk, "sk": write.key.sk} if old is None else old)
    dict.update(new, changes)
    for name in dropped:
        dict.__delitem__(new, name)
    return new


def _is_big(value: Any) -> bool:
    """Worth measuring the item for."""
    return isinstance(value, (dict, list)) or (type(value) is str and len(value) > _BIG_TEXT)


def _check_size(item: Row) -> None:
    if metering.item_size(item) > _BIGGEST_ITEM:
        raise ValueError("the item is larger than 400 KB")
