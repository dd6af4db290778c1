"""What the agent has in hand, on disk: so that a killed agent's successor can clear up.

One small file a task, written before the task is taken and before it is started. A directory
belongs to one agent at a time.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Occupied(Exception):
    """Another agent works in this directory."""


class Journal:
    """The directory of tasks in hand. Raises Occupied."""

    def __init__(self, root: Path) -> None:
        self._tasks = root / "tasks"
        self.work = root / "work"
        for directory in (self._tasks, self.work):
            directory.mkdir(parents=True, exist_ok=True)
        self._lock = (root / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Occupied(f"another agent works in {root}") from None

    def note(self, task: str, cluster: str, handle: Mapping[str, Any] | None) -> None:
        """Write down a task: taken (no handle), or started."""
        path = self._path(task)
        partial = path.with_suffix(".new")
        text = json.dumps({"task": task, "cluster": cluster, "handle": handle})
        partial.write_text(text)
        os.replace(partial, path)

    def forget(self, task: str) -> None:
        """The task is over, and ECS knows."""
        self._path(task).unlink(missing_ok=True)

    def left(self) -> list[dict[str, Any]]:
        """What an earlier agent had in hand: {task, cluster, handle}."""
        found = []
        for path in sorted(self._tasks.glob("*.json")):
            try:
                found.append(json.loads(path.read_text()))
            except ValueError:
                path.unlink()
        return found

    def _path(self, task: str) -> Path:
        return self._tasks / f"{task.rsplit('/', 1)[-1]}.json"
