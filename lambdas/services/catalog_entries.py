"""Writing catalog entries: who changed them, and never over a change that was not seen.

Every entry has a `version` that each write moves; a write names the version it read. `changed_by`
and `changed_at` say who wrote last; `managed` and `declared_by` that the deployment's code
declares the entry. Code wins over edits at the next deploy; until then an edit stands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from lambdas.core.errors import ConditionFailed, TooManyRequests, TransactionRefused
from lambdas.core.job import SCHEMA
from lambdas.core.tables import Absent, Condition, Equals, Item, Key, Put

Made = TypeVar("Made")

#: How often a write that met another writer is thought over again.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Author:
    """Who asks for a change: an API caller's ARN, or the stack that declares the resource."""

    caller: str
    declared_by: str | None = None


def entry(key: Key, detail: Mapping[str, Any], author: Author, now: int, **own: Any) -> Put:
    """The write of a new entry; refused when there is one."""
    item = {
        "pk": key.pk,
        "sk": key.sk,
        "schema": SCHEMA,
        "detail": dict(detail),
        "version": 1,
        "created_at": now,
        **own,
        **_stamp(author, now),
    }
    return Put(item, when=(Absent("pk"),))


def changed(item: Item, detail: Mapping[str, Any], author: Author, now: int, **own: Any) -> Put:
    """The write of a changed entry; refused when somebody changed it since it was read."""
    return Put(
        {
            **item,
            "schema": SCHEMA,
            "detail": dict(detail),
            "version": item["version"] + 1,
            **own,
            **_stamp(author, now),
        },
        when=unchanged(item),
    )


def unchanged(item: Item) -> tuple[Condition, ...]:
    """Nobody has written this entry since it was read."""
    return (Equals("version", item["version"]),)


def insistent(attempt: Callable[[], Made]) -> Made:
    """Carry out read-and-write until no other writer comes between. Raises TooManyRequests."""
    for _ in range(TRIES):
        try:
            return attempt()
        except (ConditionFailed, TransactionRefused):
            continue
    raise TooManyRequests("The resource is being changed by many callers at once: try again.")


def _stamp(author: Author, now: int) -> dict[str, Any]:
    stamp: dict[str, Any] = {"changed_by": author.caller, "changed_at": now}
    if author.declared_by:
        stamp |= {"managed": True, "declared_by": author.declared_by}
    return stamp


def without_none(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without the members that have no value."""
    return {name: value for name, value in answer.items() if value is not None}
