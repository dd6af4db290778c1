"""What kills a platform's parts while it works, and what its jobs leave behind to be judged by."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil

from local.processes import Processes
from tests.e2e.yard import Yard, eventually

FUNCTIONS = ("api", "intake", "relay", "schedule", "launch", "track", "reconcile")
WORKER = re.compile(r"ministack-lambda-batchyard-([a-z]+)-[^/]+/_worker\.py$")
TOGETHER = 30.0  #: seconds a part may take to be there again


class Killer(threading.Thread):
    """Kills the workers of one function after the other: of each `times`, and then no more, so
    that a machine on which they start slowly gets its work done too."""

    def __init__(self, yard: Yard, pause: float, times: int) -> None:
        super().__init__(daemon=True)
        self.killed: Counter[str] = Counter()
        self._state = yard.platform.state
        self._reconcile = f"{yard.platform.deployment}-reconcile"
        self._functions = yard.client("lambda")
        self._pause = pause
        self._times = times
        self._done = threading.Event()
        self._random = random.Random(7)

    def run(self) -> None:
        while not self._done.is_set() and self.alive():
            for function in self.alive():
                if function == "reconcile":
                    self._wake_reconcile()
                self._done.wait(self._pause * (0.5 + self._random.random()))
                self.killed[function] += self._kill(function)

    def alive(self) -> list[str]:
        """The functions that have not been killed often enough."""
        return [name for name in FUNCTIONS if self.killed[name] < self._times]

    def each_killed(self) -> bool:
        """Whether every function was killed at work; a quiet one has no worker to kill."""
        return all(self.killed[name] for name in FUNCTIONS)

    def _wake_reconcile(self) -> None:
        """Its minute would come too seldom; and the cloud may be away."""
        try:
            self._functions.invoke(FunctionName=self._reconcile, InvocationType="Event")
        except Exception as error:
            print(f"reconcile was not woken: {error}")

    def _kill(self, function: str) -> bool:
        found = [process for name, process in self._workers() if name == function]
        for process in found:
            process.send_signal(signal.SIGKILL)
        return bool(found)

    def _workers(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in psutil.process_iter(["cmdline"]):
            script = (process.info["cmdline"] or [""])[-1]
            named = WORKER.search(script)
            if named and script.startswith(self._state):
                yield named[1], process

    def stop(self) -> None:
        self._done.set()
        self.join()


def end_part(yard: Yard, part: str, with_signal: signal.Signals) -> None:
    """End one of the platform's own processes, and wait until its keeper has replaced it."""
    processes = Processes(Path(yard.platform.state))
    pid = processes.pids()[part]
    os.kill(pid, with_signal)
    eventually(lambda: processes.pids().get(part, pid) != pid, TOGETHER)
    eventually(yard.platform.alive, TOGETHER)


class Marks:
    """One file to which every attempt of every job adds a line when it starts, and one when it
    ends by itself: what really ran, whatever the platform believes."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "marks"

    def script(self, work: str) -> str:
        """`work` between two marks, with three lines for the log: an attempt's number is in all."""
        mark = f'echo "$0 $AWS_BATCH_JOB_ID $AWS_BATCH_JOB_ATTEMPT" >> {self._file}'
        lines = "; ".join(
            f'echo "{word} of attempt $AWS_BATCH_JOB_ATTEMPT"' for word in ("first", "second")
        )
        last = 'echo "last of attempt $AWS_BATCH_JOB_ATTEMPT"'
        return f"{mark.replace('$0', 'began')}; {lines}; {work}; {last}; " + mark.replace(
            "$0", "ended"
        )

    def began(self) -> Counter[tuple[str, int]]:
        """How often each attempt of each job began."""
        return self._read("began")

    def ended(self) -> Counter[tuple[str, int]]:
        """How often each attempt of each job came to the end of its script."""
        return self._read("ended")

    def _read(self, word: str) -> Counter[tuple[str, int]]:
        lines = self._file.read_text().splitlines() if self._file.exists() else []
        split = (line.split() for line in lines)
        return Counter((job, int(attempt)) for first, job, attempt in split if first == word)


def log_of(yard: Yard, stream: str) -> list[str]:
    """The lines of one log stream, in order; none if there is no such stream."""
    group = yard.platform.log_group
    try:
        pages: Any = yard.logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=True
        )
    except yard.logs.exceptions.ResourceNotFoundException:
        return []
    return [event["message"] for event in pages["events"]]
