"""Containers as process trees: the image is ignored and the command runs as you.

What a container engine would give is kept as far as a process can have it: an enforced memory
limit, a share of the processor, a working directory and an environment of its own, and an end
that leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import psutil

from local.agent import cgroups
from local.agent.memory_watch import MemoryWatch
from local.agent.orders import Container
from local.agent.runtime import KILLED, OUT_OF_MEMORY, CannotStart, Outcome, Usage

SHIM = Path(__file__).with_name("shim.py")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
GRACE = 5.0  #: seconds an orphaned shim gets to clear its own tree


class ProcessRuntime:
    """Runs commands in trees under a shim each, limited by control groups where there are any."""

    name = "process"

    def __init__(self, groups: cgroups.Groups | None = None, because: str = "") -> None:
        self._groups = groups
        self._watch = None if groups else MemoryWatch()
        self._path = os.pathsep.join([str(Path(sys.executable).parent), PATH])
        limit = (
            f"memory limits by control groups (version {groups.version})"
            if groups
            else "no writable control group here, so memory limits are approximate"
        )
        self.why = f"{because}images are ignored and commands run as you; {limit}"

    def prepare(self, container: Container) -> None:
        """Nothing: the image is ignored."""

    def start(self, container: Container, output: int, work: Path) -> ProcessContainer:
        command = [*container.entry_point, *container.command]
        if not command:
            raise CannotStart(
                "CannotStartContainerError: without a Docker engine the image is ignored, and "
                "neither command nor entryPoint says what to run"
            )
        group = self._group(work.name, container)
        order = {
            "command": command,
            "environment": self._environment(container, work),
            "directory": str(work),
            "groups": group.procs if group else [],
        }
        started = ProcessContainer(work.name, group, self._watch, container.memory)
        started.launch(order, output)
        return started

    def _group(self, name: str, container: Container) -> cgroups.Group | None:
        if self._groups is None:
            return None
        try:
            return self._groups.create(name, container.memory, container.cpu)
        except OSError as error:
            raise CannotStart(f"CannotStartContainerError: control group: {error}") from None

    def _environment(self, container: Container, work: Path) -> dict[str, str]:
        """The task's own, over the few variables no command can do without."""
        base = {
            "PATH": self._path,
            "HOME": str(work),
            "TMPDIR": str(work),
            "LANG": "C.UTF-8",
            "HOSTNAME": os.uname().nodename,
            "PYTHONUNBUFFERED": "1",
        }
        return base | dict(container.environment)

    def end(self, task: str, handle: Mapping[str, Any] | None) -> None:
        """Kill what an earlier agent's container left: by its groups, then by its shim.

        Without a handle there is nothing to do: a shim dies with the agent that started it.
        """
        if handle is None:
            return
        directories = tuple(Path(d) for d in handle.get("groups", ()))
        group = cgroups.Group(int(handle.get("version", 1)), directories) if directories else None
        if group:
            group.kill()
        with contextlib.suppress(psutil.Error):
            shim = psutil.Process(int(handle["pid"]))
            if abs(shim.create_time() - float(handle["born"])) < 1.0:
                _end_tree(shim)
        if group:
            group.remove()


def _end_tree(shim: psutil.Process) -> None:
    """Ask the shim to clear its tree, then see to it."""
    tree = shim.children(recursive=True)
    shim.send_signal(signal.SIGUSR1)
    with contextlib.suppress(psutil.TimeoutExpired):
        shim.wait(GRACE)
    for process in (*tree, shim):
        with contextlib.suppress(psutil.Error):
            process.kill()


class ProcessContainer:
    """One command under its shim."""

    def __init__(
        self, name: str, group: cgroups.Group | None, watch: MemoryWatch | None, limit: int
    ) -> None:
        self.id = name
        self._group = group
        self._watch = watch
        self._limit = limit
        self._shim: subprocess.Popen[bytes]
        self._status: IO[str]

    def launch(self, order: Mapping[str, Any], output: int) -> None:
        """Start the shim and wait until the command is executed. Raises CannotStart."""
        read, write = os.pipe()
        program = [sys.executable, "-I", "-S", str(SHIM), str(write), str(os.getpid())]
        self._shim = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=output, stderr=output, pass_fds=(write,)
        )
        os.close(write)
        self._status = os.fdopen(read, encoding="utf-8", errors="replace")
        self._born = _born(self._shim.pid)
        assert self._shim.stdin is not None
        with contextlib.suppress(BrokenPipeError), self._shim.stdin as told:
            told.write(json.dumps(order).encode())
        word, _, rest = self._status.readline().strip().partition(" ")
        if word != "pid":
            self._clear()
            told_command = str(order["command"][0])
            why = rest or "the process that should run it died"
            raise CannotStart(f"CannotStartContainerError: cannot run {told_command!r}: {why}")
        if self._watch:
            self._tree = self._watch.add(self._shim.pid, self._limit, self.kill)

    @property
    def handle(self) -> Mapping[str, Any]:
        groups = [str(d) for d in self._group.directories] if self._group else []
        version = self._group.version if self._group else 0
        return {"pid": self._shim.pid, "born": self._born, "groups": groups, "version": version}

    def wait(self) -> Outcome:
        word, _, code = self._status.readline().strip().partition(" ")
        exit_code = int(code) if word == "exit" else KILLED
        usage, oom = self.usage(), self._ran_out()
        self._clear()
        if oom and not self._group:
            exit_code = KILLED
        reason = OUT_OF_MEMORY if oom and exit_code != 0 else None
        return Outcome(exit_code, reason, usage.peak or None)

    def _ran_out(self) -> bool:
        if self._group:
            return self._group.oom_kills() > 0
        return self._watch is not None and self._tree.killed

    def _clear(self) -> None:
        """Leave nothing: the group's members, the shim, the group, the pipe."""
        if self._group:
            self._group.kill()
        self._shim.wait()
        self._status.close()
        if self._watch and hasattr(self, "_tree"):
            self._watch.remove(self._tree)
        if self._group:
            self._group.remove()

    def terminate(self) -> None:
        self._shim.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self._group:
            self._group.kill()
        self._shim.send_signal(signal.SIGUSR1)

    def usage(self) -> Usage:
        cpu = _processor_time(self._shim.pid)
        if self._group:
            told = self._group.usage()
            return Usage(told.memory, told.peak, told.cpu or cpu)
        if self._watch and hasattr(self, "_tree"):
            return Usage(self._tree.memory, self._tree.peak, cpu)
        return Usage(cpu=cpu)


def _born(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def _processor_time(root: int) -> int:
    """Nanoseconds used by the living descendants of `root` and by those they have waited for."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(root).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                used = process.cpu_times()
                total += used.user + used.system
                total += getattr(used, "children_user", 0) + getattr(used, "children_system", 0)
    return int(total * 1e9)
