"""What the local cloud writes down when it is stopped cleanly, and takes up again.

MiniStack can save its services. What it leaves out of that would break the platform's promises,
so it is added here: the records of streams not yet delivered, tasks that still run (their agent
lives on), executions that sleep, and messages that a function had in hand when it ended.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WHOLE = "whole"  #: the file that says that a save came to its end
OURS = "batchyard"
STILL = 10.0  #: seconds no other thread runs while the state is copied, which takes less


def settings(directory: Path) -> dict[str, str]:
    """The environment that makes MiniStack keep its state in `directory`."""
    return {
        "PERSIST_STATE": "1",
        "STATE_DIR": str(directory),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(directory / "s3"),
    }


def saved(directory: Path) -> bool:
    """Whether a cloud that ended left all it held in `directory`."""
    return (directory / WHOLE).exists()


def begin(directory: Path) -> bool:
    """Make `directory` fit to start from; False when there is nothing to take up.

    What a killed cloud left is not whole, and a mark is good for one start: a cloud that is killed
    later must not be taken for one that saved.
    """
    if not saved(directory):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True, exist_ok=True)
        return False
    return True


class CloudState:
    """The state of the MiniStack in this process; `app` is its module `ministack.app`."""

    def __init__(self, app: Any, directory: Path) -> None:
        from ministack.core import persistence, responses
        from ministack.services import dynamodb, ecs, lambda_svc, sqs, stepfunctions, sts

        self._app, self._persistence, self._responses = app, persistence, responses
        self._dynamodb, self._ecs, self._sqs, self._sts = dynamodb, ecs, sqs, sts
        self._lambda, self._states = lambda_svc, stepfunctions
        self._directory = directory
        self._theirs = app._load_persisted_state

    def install(self) -> None:
        """Restore more than MiniStack does when it starts."""
        self._app._load_persisted_state = self.restore

    def save(self) -> None:
        """Write all down as it is at one moment; marked whole only if all of it was written."""
        with _standing_still(self._dynamodb._lock, self._sqs._queues_lock):
            told = {n: get() for n, get in self._app._build_persistence_save_dict().items()}
            told[OURS] = self._more()
        kept = {name: state for name, state in told.items() if state is not None}
        for name, state in kept.items():
            (self._directory / f"{name}.json").unlink(missing_ok=True)
            self._persistence.save_state(name, state)
        if all((self._directory / f"{name}.json").exists() for name in kept):
            (self._directory / WHOLE).write_text("")

    def restore(self) -> None:
        """Take up what `save` wrote, once; nothing when there was none."""
        if not saved(self._directory):
            return
        self._restore_streams()  # before the mappings of functions, which read them at once
        self._theirs()
        self._hand_out_again()
        self._revive_tasks()
        self._sts._sessions.update(self._read(OURS).get("sessions", {}))
        self._wake_executions()
        (self._directory / WHOLE).unlink()

    def _read(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._persistence.load_state(name) or {}
        return found

    def _more(self) -> dict[str, Any]:
        """Plain lists, keyed by account, Region and table: what MiniStack does not save."""
        streams = []
        for (account, region, table), records in self._dynamodb._stream_records.all_items():
            trimmed = self._dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
            first = max(0, self._delivered(account, region, table) - trimmed)
            streams.append([account, region, table, trimmed + first, records[first:]])
        return {"streams": streams, "sessions": dict(self._sts._sessions)}

    def _delivered(self, account: str, region: str, table: str) -> int:
        """The position in a table's stream up to which every reader has read."""
        positions = []
        for (owner, place, name), mapping in self._lambda._esms.all_items():
            source = mapping.get("EventSourceArn", "")
            if (owner, place) == (account, region) and f":table/{table}/stream/" in source:
                known = self._lambda._dynamodb_stream_positions
                positions.append(int(known.get_scoped(account, region, name, 0)))
        return min(positions, default=0)

    def _restore_streams(self) -> None:
        """Positions are saved by MiniStack, and count from the beginning of the stream."""
        for account, region, table, first, records in self._read(OURS).get("streams", ()):
            self._dynamodb._stream_trimmed.set_scoped(account, region, table, first)
            self._dynamodb._stream_records.set_scoped(account, region, table, records)

    def _hand_out_again(self) -> None:
        """No function outlived the cloud: what one had received is in nobody's hands."""
        for _, queue in self._sqs._queues.all_items():
            for message in queue["messages"]:
                if message.get("receipt_handle"):
                    message.update(receipt_handle=None, visible_at=time.time())

    def _revive_tasks(self) -> None:
        """MiniStack takes a restart for the end of all tasks; here the agent has them."""
        tasks = self._read("ecs").get("tasks")
        for key, task in tasks._data.items() if tasks is not None else ():
            self._ecs._tasks._data[key] = task

    def _wake_executions(self) -> None:
        """Executions go on from their first state: `wait`'s writes may be made twice."""
        executions = self._read("stepfunctions").get("executions")
        for key, saved_as in executions._data.items() if executions is not None else ():
            if saved_as["status"] == "RUNNING":
                self._states._executions._data[key] = saved_as
                self._go_on(*key)

    def _go_on(self, account: str, region: str, arn: str) -> None:
        def run() -> None:
            with self._responses.request_scope(account, region):
                self._states._run_execution(arn)

        threading.Thread(target=run, daemon=True).start()


@contextlib.contextmanager
def _standing_still(*locks: threading.Lock) -> Iterator[None]:
    """Keep every other thread from running, with nobody in the middle of what the locks guard."""
    interval = sys.getswitchinterval()
    for lock in locks:
        lock.acquire()
    sys.setswitchinterval(STILL)
    time.sleep(4 * interval)  # who waits by the old interval has had its turn
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        for lock in locks:
            lock.release()
