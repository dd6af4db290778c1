"""`launch`: woken by claims in the jobs table's stream; asks ECS for their tasks."""

from __future__ import annotations

from typing import Any

from lambdas.bootstrap import journal, launcher
from lambdas.handlers.counted import counted
from lambdas.handlers.streams import answer_for, changes_of


@counted
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    for record in changes_of(event, journal()):
        change, _ = record
        try:
            launcher().on_change(change)
        except Exception as error:
            journal().warn("launch failed", item=change.key.pk, error=repr(error))
            return answer_for(record)
    return answer_for(None)
