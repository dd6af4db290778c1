"""What happens in one world, as strands that can be left in their midst and gone on with later.

The services are plain functions: only a call of a port can be where one is left. A strand is a
greenlet, a stack of its own: one runs at a time, and nothing but `leave` and its end lets the next
one run, so that a seed gives the same order every time.
"""

from __future__ import annotations

from collections.abc import Callable

from greenlet import getcurrent, greenlet

Act = Callable[[], object]


class Strands:
    """The strands of one world, each begun by the loop that takes events off its agenda."""

    def begin(self, do: Act) -> None:
        """Let this happen until it is over or is left; an exception comes out here."""
        greenlet(do).switch()

    def leave(self, resume: Callable[[Act], object]) -> bool:
        """Leave the strand that runs, and hand `resume` what goes on with it; False when none runs."""
        strand = getcurrent()
        if strand.parent is None:
            return False
        resume(lambda: _go_on(strand))
        strand.parent.switch()
        return True


def _go_on(strand: greenlet) -> None:
    """Go on with it until it is over or is left again, then with who called this."""
    strand.parent = getcurrent()
    strand.switch()
