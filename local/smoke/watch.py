"""The watchdog: a run that takes too long, or that someone ends, ends in its clean-up."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from local.errors import PlatformError

_ENDS = ("SIGINT", "SIGTERM", "SIGHUP")


class OutOfTime(PlatformError):
    """The watchdog's minutes are over."""


@contextmanager
def within(minutes: float) -> Iterator[None]:
    """Raises OutOfTime in the block after `minutes`; a hang-up or a TERM is a KeyboardInterrupt."""

    def over(_signal: int, _frame: FrameType | None) -> None:
        raise OutOfTime(f"Not done after {minutes:g} minutes.")

    before = {name: signal.getsignal(name) for name in (*_signals(), signal.SIGALRM)}
    try:
        signal.signal(signal.SIGALRM, over)
        for name in _signals():
            signal.signal(name, signal.default_int_handler)
        signal.setitimer(signal.ITIMER_REAL, minutes * 60)
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        _restore(before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Nothing interrupts the block: a second Ctrl-C must not leave half of it behind."""
    before = {name: signal.getsignal(name) for name in _signals()}
    try:
        for name in _signals():
            signal.signal(name, signal.SIG_IGN)
        yield
    finally:
        _restore(before)


def say(line: str) -> None:
    """Print; a terminal that was closed must not stop the clean-up."""
    try:
        print(line, flush=True)
    except OSError:
        sys.stdout = sys.stderr = open("/dev/null", "w")  # noqa: SIM115 - for the rest of the run


def _signals() -> list[signal.Signals]:
    return [getattr(signal, name) for name in _ENDS if hasattr(signal, name)]


def _restore(before: Mapping[signal.Signals, Any]) -> None:
    for name, handler in before.items():
        signal.signal(name, handler)
