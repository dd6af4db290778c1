"""`python -m local.keeper STATE`: starts again whatever of a platform dies, until the platform ends.

The container agent and the gateway hold nothing that is lost with them. The local cloud holds
everything: ended by SIGTERM it saved that, and is started again; killed, it took it along, and the
platform is ended with a sentence that says so. Nothing pretends that jobs are still there.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from local import owner
from local.processes import Processes
from local.running import PARTS, lost

LOOK = 0.25  #: seconds between looks
OFTEN, WITHIN = 5, 60.0  #: starts within so many seconds that are one too many

KILLED = "The local cloud was killed before it could save, and its jobs are gone with it."


class Keeper:
    """Looks after the platform of a state directory."""

    def __init__(self, state: Path, now: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._processes = Processes(state)
        self._now = now
        self._starts: dict[str, deque[float]] = {part: deque(maxlen=OFTEN) for part in PARTS}

    def look(self) -> str | None:
        """Start again what died; why the platform cannot go on, once it cannot."""
        living = self._processes.pids()
        for part in PARTS:
            if part not in living and (why := self._start_again(part)):
                return why
        return None

    def _start_again(self, part: str) -> str | None:
        if part == "cloud" and lost(self._state):
            return KILLED
        starts = self._starts[part]
        if len(starts) == OFTEN and self._now() - starts[0] < WITHIN:
            log = self._processes.log(part)
            return f"The {part} ended {OFTEN + 1} times within a minute; see {log}."
        starts.append(self._now())
        print(f"the {part} ended and is started again", flush=True)
        self._processes.again(part, os.environ)
        return None

    def give_up(self, why: str) -> None:
        """End what is left, and leave the reason for whoever asks."""
        print(why, flush=True)
        (self._state / "ended").write_text(why + "\n")
        for part in reversed(PARTS):
            self._processes.stop(part)


def main() -> int:
    owner.follow()
    closing = threading.Event()
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: closing.set())
    keeper = Keeper(Path(sys.argv[1]))
    while not closing.wait(LOOK):
        why = keeper.look()
        if why:
            keeper.give_up(why)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
