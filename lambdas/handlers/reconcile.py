"""`reconcile`: every minute pays what is overdue; from the effects queue, what failed just now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lambdas.bootstrap import bell, clock, journal, reconciler
from lambdas.handlers.batches import each_message
from lambdas.handlers.counted import counted

#: One run lasts this long at most (ms), well inside its minute.
RUN = 40_000


@counted
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    if "Records" in event:
        return each_message(event, _pay, journal())
    done = reconciler().run(clock().now() + RUN)
    journal().note("reconciled", **asdict(done))
    journal().count("OldestOverdueSeconds", done.oldest_overdue_s)
    return asdict(done)


def _pay(owed: dict[str, Any]) -> None:
    """An effect that was put off: a job's, or a bell that was to ring later."""
    if "cell" in owed:
        bell().sound(owed["cell"], owed["number"])
    else:
        reconciler().pay(owed["job"], owed.get("size", 0))
