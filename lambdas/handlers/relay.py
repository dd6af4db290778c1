"""`relay`: woken by the jobs table's stream; carries out what each change owes."""

from __future__ import annotations

from typing import Any

from lambdas.bootstrap import journal, relay
from lambdas.handlers.counted import counted
from lambdas.handlers.streams import answer_for, changes_of


@counted
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    changes = changes_of(event, journal())
    try:
        relay().on_changes([change for change, _ in changes])
    except Exception as error:
        journal().warn("relay failed", error=repr(error), records=len(changes))
        return answer_for(changes[0])
    return answer_for(None)
