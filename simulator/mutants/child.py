"""One mutant's fault runs, in a process of their own: `python -m simulator.mutants.child NAME SEEDS`.

The mutated module never touches the disk: it is compiled from memory when it is first imported, so
nothing of the product may be imported before. Prints one line of JSON: what became of the mutant.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, FrameType, ModuleType
from typing import Any

from simulator.mutants.catalog import named
from simulator.mutants.mutant import Mutant

#: CPU seconds after which a seed will never come to rest; a sound one takes less than one.
ENDLESS = 20


class Endless(BaseException):
    """The world of this seed goes on for ever. No service may catch it."""


class _Finder(MetaPathFinder):
    """Finds the one mutated module."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self.loaded = False

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name == self._mutant.module else None
        if spec and spec.origin:
            self.loaded = True
            spec.loader = _Loader(name, spec.origin, self._mutant.source())
        return spec


class _Loader(SourceFileLoader):
    """Loads a module from this text, whatever its file and the cache say."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.path, "exec")


def main(name: str, first: int, seeds: int) -> int:
    finder = _Finder(named(name))
    sys.meta_path.insert(0, finder)
    signal.signal(signal.SIGVTALRM, _give_up)
    began = time.process_time()
    caught = _first_caught(range(first, first + seeds))
    if not finder.loaded:
        raise LookupError(f"{name}: the fault runs never load {finder}")
    print(json.dumps({"name": name, "cpu_s": round(time.process_time() - began, 1), **caught}))
    return 0


def _first_caught(seeds: range) -> dict[str, Any]:
    """The first seed that shows the damage, and the violation; nothing when none does."""
    from simulator.command_faults import judge

    for seed in seeds:
        signal.setitimer(signal.ITIMER_VIRTUAL, ENDLESS)
        try:
            found = list(judge(seed).violations)
        except Endless:
            found = ["I3: the world never comes to rest"]
        except Exception as error:
            found = [f"the trial died of {error!r}"]
        if found:
            return {"seed": seed, "violation": found[0]}
    return {"seed": None, "violation": None}


def _give_up(_signal: int, _frame: FrameType | None) -> None:
    raise Endless


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
