"""The platform's background processes: started apart from the terminal, ended without remains.

Each is written to disk as soon as it lives, so that what an interrupted start left is found. A
process is only ever touched if its start time is the one written down: ids are used again.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

GRACE = 6.0  #: seconds between SIGTERM and SIGKILL
BRIEF = {"cloud": 0.0}  #: seconds instead: it would save what is to be forgotten


class Processes:
    """The processes of one state directory, by name."""

    def __init__(self, state: Path) -> None:
        self._file = state / "processes.json"
        self._logs = state / "logs"

    def start(
        self, name: str, arguments: list[str], environment: Mapping[str, str], **told: str
    ) -> int:
        """Run `python <arguments>` in a session of its own, its output to logs/<name>.log.

        What is `told` goes over `environment`, and is noted with the arguments for `again`.
        """
        with (self.log(name)).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env={**environment, **told},
                cwd=Path(__file__).resolve().parents[1],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        born = psutil.Process(process.pid).create_time()
        noted = {"pid": process.pid, "born": born, "arguments": arguments, "told": told}
        self._write({**self._read(), name: noted})
        return process.pid

    def again(self, name: str, environment: Mapping[str, str]) -> int:
        """Start a process that ended as it was started before. Raises KeyError: it never was."""
        noted = self._read()[name]
        self._end_orphans(name)
        return self.start(name, noted["arguments"], environment, **noted["told"])

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """The living ones."""
        return {n: p.pid for n in self._read() if (p := self._process(n)) is not None}

    def stop(self, name: str) -> bool:
        """SIGTERM, then SIGKILL for it and all it started; False when it did not live.

        What a process that died had started is ended too.
        """
        process = self._process(name)
        if process is None:
            self._end_orphans(name)
        if process is not None:
            family = _family(process)
            grace = BRIEF.get(name, GRACE)
            with contextlib.suppress(psutil.Error):
                process.terminate() if grace else process.kill()
            _wait(process, grace)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            for member in family:
                with contextlib.suppress(psutil.Error):
                    member.kill()
            for member in family:
                _wait(member, GRACE)
        self._write({n: p for n, p in self._read().items() if n != name})
        return process is not None

    def _process(self, name: str) -> psutil.Process | None:
        noted = self._read().get(name)
        if noted is None:
            return None
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(int(noted["pid"]))
            if _runs(process) and abs(process.create_time() - noted["born"]) < 0.5:
                return process
        return None

    def _end_orphans(self, name: str) -> None:
        """Kill the session of a leader that died. Its id is not given to another process while
        the session has members, so who has it now is no stranger."""
        pid = int(self._read().get(name, {}).get("pid", 0))
        if pid and not psutil.pid_exists(pid):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)

    def _read(self) -> dict[str, dict[str, Any]]:
        try:
            noted: dict[str, dict[str, Any]] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return noted

    def _write(self, noted: Mapping[str, Mapping[str, Any]]) -> None:
        partial = self._file.with_suffix(".new")
        partial.write_text(json.dumps(noted, indent=1))
        os.replace(partial, self._file)


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _wait(process: psutil.Process, grace: float) -> None:
    """Until it has ended, though nobody may have collected it: a zombie runs no more."""
    deadline = time.monotonic() + grace
    while _runs(process) and time.monotonic() < deadline:
        time.sleep(0.02)
    # Our own child stays a zombie until it is collected; another's is its parent's business.
    with contextlib.suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
