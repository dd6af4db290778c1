"""The parent of one container's process tree. Run by path, alone, with nothing of the project.

    python -I -S shim.py STATUS_FD AGENT_PID  < order.json

It joins the child to its cgroups before exec, adopts what the child leaves behind (a subreaper
sees descendants that called setsid), passes SIGTERM on, and kills whatever is left at the end:
when the first process ends, on SIGUSR1, and when the agent dies. On STATUS_FD it writes
`pid N`, then `exit N`, or `error TEXT` when the command cannot be run.
"""

import contextlib
import ctypes
import json
import os
import signal
import sys
from typing import Any

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
WATCHED = {signal.SIGCHLD, signal.SIGTERM, signal.SIGUSR1}


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def child(order: dict[str, Any], failure: int) -> None:
    """Become the command; returns only by exiting."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for path in order["groups"]:
            with open(path, "w") as procs:
                procs.write(str(os.getpid()))
        os.chdir(order["directory"])
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        os.execvpe(order["command"][0], order["command"], order["environment"])
    except (OSError, ValueError) as error:
        os.write(failure, str(getattr(error, "strerror", None) or error).encode())
    os._exit(127)


def start(order: dict[str, Any]) -> tuple[int, str]:
    """Fork and exec; the child's pid and, when exec failed, why."""
    heard, failure = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(order, failure)
    os.close(failure)
    with os.fdopen(heard, "rb") as told:
        return pid, told.read().decode(errors="replace")


def watch(pid: int) -> int:
    """Wait for `pid`; its wait status. Signals that come meanwhile are passed on."""
    while True:
        caught = signal.sigwait(WATCHED)
        if caught == signal.SIGCHLD:
            status = reap(pid)
            if status is not None:
                return status
        else:
            passed = signal.SIGTERM if caught == signal.SIGTERM else signal.SIGKILL
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, passed)


def reap(wanted: int) -> "int | None":
    """Collect every child that ended; the status of `wanted` if it is among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == wanted:
            found = status


def children() -> "list[int]":
    with open(f"/proc/self/task/{os.getpid()}/children") as told:
        return [int(pid) for pid in told.read().split()]


def sweep() -> None:
    """Kill what is left, generation by generation: orphans of the killed become ours."""
    while True:
        try:
            left = children()
        except OSError:
            return
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def main() -> None:
    status_fd, agent = int(sys.argv[1]), int(sys.argv[2])
    os.set_inheritable(status_fd, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    prctl(PR_SET_PDEATHSIG, signal.SIGUSR1)
    if os.getppid() != agent:
        return
    order = json.load(sys.stdin)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    with os.fdopen(status_fd, "w", buffering=1) as tell:
        pid, failure = start(order)
        if failure:
            tell.write(f"error {failure}\n")
            return
        tell.write(f"pid {pid}\n")
        code = os.waitstatus_to_exitcode(watch(pid))
        sweep()
        tell.write(f"exit {code if code >= 0 else 128 - code}\n")


main()
