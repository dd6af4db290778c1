"""`schedule`: woken by a cell's bell; plans, claims and parks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.bootstrap import clock, journal, scheduler
from lambdas.handlers.batches import each_message
from lambdas.handlers.counted import counted

#: A tick lasts this long at most (ms): the next one sees a fresh catalog.
TICK = 20_000


@counted
def handler(event: dict[str, Any], context: Any) -> Mapping[str, Any]:
    def tick(bell: dict[str, Any]) -> None:
        scheduler().tick(bell["cell"], clock().now() + TICK)

    return each_message(event, tick, journal())
