"""Control groups: limits that the kernel keeps, below the group this process runs in.

Version 2 where it can be written to, else version 1's memory and cpu hierarchies. `find` tries
the limits on a process of its own before it promises anything.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local.agent.runtime import Usage

ROOT = Path("/sys/fs/cgroup")
PERIOD = 100_000  #: microseconds over which a share of the processor is metered
LEAST_QUOTA = 1_000
OLD = 60.0  #: seconds after which an empty group is nobody's


@dataclass(frozen=True, slots=True)
class Group:
    """One container's control group: a directory per hierarchy, the memory's first."""

    version: int
    directories: tuple[Path, ...]

    @property
    def procs(self) -> list[str]:
        """The files a process writes its id to in order to join."""
        return [str(d / "cgroup.procs") for d in self.directories]

    def oom_kills(self) -> int:
        """How many of its processes the kernel killed for memory."""
        name = "memory.events" if self.version == 2 else "memory.oom_control"
        return _field(self.directories[0] / name, "oom_kill")

    def usage(self) -> Usage:
        memory = self.directories[0]
        if self.version == 2:
            cpu = _field(memory / "cpu.stat", "usage_usec") * 1000
            peak = _number(memory / "memory.peak")
            return Usage(_number(memory / "memory.current"), peak, cpu)
        peak = _number(memory / "memory.max_usage_in_bytes")
        return Usage(_number(memory / "memory.usage_in_bytes"), peak)

    def kill(self) -> None:
        """Kill every process in it, also those that fork while we do."""
        for _ in range(200):
            with contextlib.suppress(OSError):
                (self.directories[0] / "cgroup.kill").write_text("1")
            left = _members(self.directories[0])
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)

    def remove(self) -> None:
        """Give the directories back; the kernel may need a moment to let go."""
        for directory in self.directories:
            for _ in range(50):
                try:
                    directory.rmdir()
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)
                else:
                    break


@dataclass(frozen=True, slots=True)
class Groups:
    """Where groups are made: `memory` and (version 1, perhaps) `cpu` are parent directories."""

    version: int
    memory: Path
    cpu: Path | None = None

    def create(self, name: str, memory: int, cpu: int) -> Group:
        """A group limited to `memory` bytes (0: none) and `cpu` units of 1/1,024 processor.

        Raises OSError when the kernel refuses.
        """
        parents = [self.memory] if self.cpu is None else [self.memory, self.cpu]
        group = Group(self.version, tuple(p / f"batchyard-{name}" for p in parents))
        for directory in group.directories:
            directory.mkdir(exist_ok=True)
        limit = _limit_v2 if self.version == 2 else _limit_v1
        limit(group.directories, memory, cpu)
        return group


def _limit_v2(directories: tuple[Path, ...], memory: int, cpu: int) -> None:
    group = directories[0]
    if memory:
        (group / "memory.max").write_text(str(memory))
        _try(group / "memory.swap.max", "0")
    if cpu:
        _try(group / "cpu.weight", str(max(1, min(10_000, cpu * 100 // 1024))))
        _try(group / "cpu.max", f"{_quota(cpu)} {PERIOD}")


def _limit_v1(directories: tuple[Path, ...], memory: int, cpu: int) -> None:
    if memory:
        (directories[0] / "memory.limit_in_bytes").write_text(str(memory))
        _try(directories[0] / "memory.memsw.limit_in_bytes", str(memory))
        _try(directories[0] / "memory.swappiness", "0")
    if cpu and len(directories) > 1:
        _try(directories[1] / "cpu.shares", str(max(2, cpu)))
        _try(directories[1] / "cpu.cfs_period_us", str(PERIOD))
        _try(directories[1] / "cpu.cfs_quota_us", str(_quota(cpu)))


def _quota(cpu: int) -> int:
    return max(LEAST_QUOTA, min(cpu, (os.cpu_count() or 1) * 1024) * PERIOD // 1024)


def find() -> Groups | None:
    """The groups of this machine that really hold a process, or None."""
    try:
        lines = Path("/proc/self/cgroup").read_text().split()
    except OSError:
        return None
    paths = {name: path for _, names, path in (x.split(":", 2) for x in lines) for name in [names]}
    for groups in [*_version_2(paths), *_version_1(paths)]:
        if _works(groups):
            _sweep(groups)
            return groups
    return None


def _sweep(groups: Groups) -> None:
    """Give back empty groups of agents that were killed; a young one may be about to be joined."""
    for parent in (groups.memory, groups.cpu):
        for old in parent.glob("batchyard-*") if parent else ():
            with contextlib.suppress(OSError):
                if time.time() - old.stat().st_mtime > OLD:
                    old.rmdir()


def _version_2(paths: dict[str, str]) -> list[Groups]:
    """The current group and its ancestors, where the memory controller is (or can be) handed down."""
    if "" not in paths or not (ROOT / "cgroup.controllers").exists():
        return []
    here = ROOT / paths[""].lstrip("/")
    found = []
    for directory in (here, *here.parents):
        if not directory.is_relative_to(ROOT):
            break
        _try(directory / "cgroup.subtree_control", "+memory +cpu")
        with contextlib.suppress(OSError):
            if "memory" in (directory / "cgroup.subtree_control").read_text().split():
                found.append(Groups(2, directory))
    return found


def _version_1(paths: dict[str, str]) -> list[Groups]:
    directories = {}
    for kind in ("memory", "cpu"):
        for names, path in paths.items():
            if kind in names.split(","):
                directory = ROOT / names / path.lstrip("/")
                alone = ROOT / kind / path.lstrip("/")
                directories[kind] = directory if directory.is_dir() else alone
    if "memory" not in directories or not directories["memory"].is_dir():
        return []
    cpu = directories.get("cpu")
    both = [Groups(1, directories["memory"], cpu)] if cpu and os.access(cpu, os.W_OK) else []
    return [*both, Groups(1, directories["memory"])]


def _works(groups: Groups) -> bool:
    """Whether a process can be put into a limited group and taken out by ending."""
    try:
        group = groups.create(f"probe-{os.getpid()}", 64 * 1024 * 1024, 512)
    except OSError:
        return False
    try:
        join = 'for f in "$@"; do echo $$ > "$f" || exit 1; done'
        done = subprocess.run(["/bin/sh", "-c", join, "sh", *group.procs], capture_output=True)
        return done.returncode == 0
    finally:
        group.remove()


def _try(path: Path, text: str) -> None:
    with contextlib.suppress(OSError):
        path.write_text(text)


def _members(directory: Path) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(pid) for pid in (directory / "cgroup.procs").read_text().split()]
    return []


def _number(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text())
    return 0


def _field(path: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
