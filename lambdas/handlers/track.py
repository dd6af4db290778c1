"""`track`: fed by ECS task state changes; records what became of attempts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.bootstrap import journal, tracker
from lambdas.core.ecs_events import report_of
from lambdas.core.ports import TaskReport
from lambdas.handlers.batches import together
from lambdas.handlers.counted import counted


@counted
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    def track(bodies: list[dict[str, Any]]) -> list[int]:
        reports = {at: report for at, body in enumerate(bodies) if (report := _read(body))}
        failed = tracker().on_reports(list(reports.values()))
        return [at for at, report in reports.items() if report in failed]

    return together(event, track, journal())


def _read(body: dict[str, Any]) -> TaskReport | None:
    """What ECS says; None, told and counted, when it can not be read."""
    try:
        return report_of(body["detail"])
    except (KeyError, TypeError, ValueError) as error:
        journal().warn("malformed task event", event_id=body.get("id"), error=repr(error))
        journal().count("MalformedEvents")
        return None
