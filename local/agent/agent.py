"""The agent's work: hear of tasks, give each to a thread of its own, stop those ECS wants stopped."""

from __future__ import annotations

import shutil
import threading
from typing import Any

from local.agent import orders
from local.agent.control import HOST_LOST
from local.agent.task import Attempt, Tools

RETRY = 0.5  #: seconds after a Poll that failed
LEAVE = 10.0  #: seconds the containers get to be gone when the agent goes away


class Agent:
    """One host of the local cloud: `recover` once, then `run`, and `leave` at the end."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._lock = threading.Lock()
        self._hand: dict[str, tuple[Attempt, threading.Thread]] = {}

    def recover(self) -> None:
        """End what an earlier agent left, and report its tasks lost with their host.

        Whatever was taken is never run again: it may have done some of its work.
        """
        control, journal = self._tools.control, self._tools.journal
        for left in journal.left():
            task, name = left["task"], left["task"].rsplit("/", 1)[-1]
            self._tools.runtime.end(name, left["handle"])
            shutil.rmtree(journal.work / name, ignore_errors=True)
            control.failed(task, left["cluster"], HOST_LOST)
            journal.forget(task)
        for task in control.poll(0)["taken"]:
            control.failed(task, task.split("/")[1], HOST_LOST)

    def run(self) -> None:
        """Take up work until told to close."""
        closing, seen, answered = self._tools.closing, 0, True
        while not closing.is_set():
            try:
                news = self._tools.control.poll(seen)
                self._take_up(news)
                seen, answered = int(news["generation"]), True
            except Exception as error:
                if answered:
                    print(f"the local cloud does not answer: {error}", flush=True)
                seen, answered = 0, False
                closing.wait(RETRY)

    def _take_up(self, news: dict[str, Any]) -> None:
        with self._lock:
            for start in () if self._tools.closing.is_set() else news["start"]:
                if start["task"]["taskArn"] not in self._hand:
                    self._begin(Attempt(orders.read(start), self._tools))
            wanted = [self._hand[task][0] for task in news["stop"] if task in self._hand]
        for attempt in wanted:
            attempt.stop()

    def _begin(self, attempt: Attempt) -> None:
        name = f"task-{attempt.order.id[:8]}"
        thread = threading.Thread(target=self._carry, args=(attempt,), daemon=True, name=name)
        self._hand[attempt.order.task] = (attempt, thread)
        thread.start()

    def _carry(self, attempt: Attempt) -> None:
        try:
            attempt.run()
        finally:
            with self._lock:
                self._hand.pop(attempt.order.task, None)

    def leave(self) -> None:
        """Once told to close: kill what runs, and wait until each task's thread has told ECS so."""
        with self._lock:
            hand = list(self._hand.values())
        for attempt, _ in hand:
            attempt.kill()
        for _, thread in hand:
            thread.join(LEAVE / max(1, len(hand)) + 1.0)
