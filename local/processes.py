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

import psutil

GRACE = 6.0  #: seconds between SIGTERM and SIGKILL
BRIEF = {"cloud": 1.5}  #: it keeps nothing, and would wait for its own long polls


class Processes:
    """The processes of one state directory, by name."""

    def __init__(self, state: Path) -> None:
        self._file = state / "processes.json"
        self._logs = state / "logs"

    def start(self, name: str, arguments: list[str], environment: Mapping[str, str]) -> int:
        """Run `python <arguments>` in a session of its own, its output to logs/<name>.log."""
        with (self.log(name)).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                env=dict(environment),
                cwd=Path(__file__).resolve().parents[1],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        born = psutil.Process(process.pid).create_time()
        self._write({**self._read(), name: {"pid": process.pid, "born": born}})
        return process.pid

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def pids(self) -> dict[str, int]:
        """The living ones."""
        return {n: p.pid for n in self._read() if (p := self._process(n)) is not None}

    def stop(self, name: str) -> bool:
        """SIGTERM, then SIGKILL for it and all it started; False when it did not live."""
        process = self._process(name)
        if process is not None:
            family = _family(process)
            with contextlib.suppress(psutil.Error):
                process.terminate()
            _wait(process, BRIEF.get(name, GRACE))
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

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            noted: dict[str, dict[str, float]] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return {}
        return noted

    def _write(self, noted: Mapping[str, Mapping[str, float]]) -> None:
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
