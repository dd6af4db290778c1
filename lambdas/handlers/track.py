"""`track`: fed by ECS task state changes; records what became of attempts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.bootstrap import journal, tracker
from lambdas.core.ecs_events import report_of
from lambdas.handlers.batches import each_message
from lambdas.handlers.counted import counted


@counted
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    def track(told: dict[str, Any]) -> None:
        try:
            report = report_of(told["detail"])
        except (KeyError, TypeError, ValueError) as error:
            journal().warn("malformed task event", event_id=told.get("id"), error=repr(error))
            journal().count("MalformedEvents")
            return
        tracker().on_report(report)

    return each_message(event, track, journal())
