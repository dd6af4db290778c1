"""Two items that the table tests write."""

from __future__ import annotations

from lambdas.core.ports import Table
from lambdas.core.tables import Key, Put

A = Key("JOB#a", "STATE")
B = Key("JOB#b", "STATE")


def put(table: Table, key: Key = A, **attributes: object) -> dict[str, object]:
    item = {"pk": key.pk, "sk": key.sk, **attributes}
    table.write(Put(item))
    return item
