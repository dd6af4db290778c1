"""The way of `ECS Task State Change` events into EventBridge: in order, off the caller's thread."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

from local.ecs_records import Record

KEPT = 1000  #: events MiniStack's own log may hold; it never trims it itself


class Emitter:
    """Puts events on the default bus of the account and Region they came from.

    A thread of its own, because a rule's target may be a function that calls ECS back while the
    change that caused the event is still under its lock.
    """

    def __init__(self, eventbridge: Any, responses: Any) -> None:
        self._bus = eventbridge
        self._responses = responses
        self._queue: queue.Queue[tuple[str, str, str, Record]] = queue.Queue()
        threading.Thread(target=self._run, daemon=True, name="ecs-events").start()

    def emit(self, task: str, detail: Record) -> None:
        """Send the event of one change; returns at once."""
        scope = (self._responses.get_account_id(), self._responses.get_region())
        self._queue.put((*scope, task, detail))

    def drain(self) -> None:
        """Wait until everything emitted so far has reached its rules."""
        self._queue.join()

    @property
    def idle(self) -> bool:
        """Whether everything emitted so far has reached its rules."""
        return self._queue.unfinished_tasks == 0

    def _run(self) -> None:
        while True:
            account, region, task, detail = self._queue.get()
            try:
                with self._responses.request_scope(account, region):
                    self._put(task, detail)
            except Exception as error:
                print(f"an event of {task} was lost: {error!r}", flush=True)
            finally:
                self._queue.task_done()

    def _put(self, task: str, detail: Record) -> None:
        entry = {
            "Source": "aws.ecs",
            "DetailType": "ECS Task State Change",
            "Resources": [task],
            "Detail": json.dumps(detail),
        }
        self._bus._ensure_default_bus()
        self._bus._put_events({"Entries": [entry]}, allow_aws_source=True)
        log = self._bus._events_log_list()
        del log[:-KEPT]
