"""Background processes that end with whoever wanted them: a demo in a terminal, a test session.

A process that is told an owner looks every second whether it lives, and ends itself and all it
started when it does not, however it went.
"""

from __future__ import annotations

import os
import signal
import threading
import time

import psutil

VARIABLE = "BATCHYARD_OWNER"
LOOK = 1.0  #: seconds between looks
LEAVE = 5.0  #: seconds a process gets to end in its own way


def told() -> dict[str, str]:
    """The environment that makes this process the owner."""
    return {VARIABLE: f"{os.getpid()}:{psutil.Process().create_time()}"}


def follow() -> None:
    """End this process, the leader of its session, once its owner is gone; if it has one."""
    pid, _, born = os.environ.get(VARIABLE, "").partition(":")
    if pid:
        watch = threading.Thread(target=_watch, args=(int(pid), float(born)), daemon=True)
        watch.start()


def _watch(pid: int, born: float) -> None:
    while _lives(pid, born):
        time.sleep(LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(LEAVE)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _lives(pid: int, born: float) -> bool:
    try:
        owner = psutil.Process(pid)
        alive = owner.status() != psutil.STATUS_ZOMBIE
        return bool(alive and abs(owner.create_time() - born) < 0.5)
    except psutil.Error:
        return False
