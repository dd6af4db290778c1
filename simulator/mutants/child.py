"""One mutant's fault runs, in a process of their own.

`python -m simulator.mutants.child NAME FIRST SEEDS [SEED …]`: single seeds are tried first. The
mutated modules never touch the disk: they are compiled from memory when they are first imported, so
nothing of the product may be imported before. Prints one line of JSON: what became of the mutant.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import CodeType, FrameType, ModuleType
from typing import Any

from simulator.mutants.catalog import named
from simulator.mutants.mutant import sources

#: CPU seconds after which a seed will never come to rest; a sound one takes less than one.
ENDLESS = 20


class Endless(BaseException):
    """The world of this seed goes on for ever. No service may catch it."""


class _Finder(MetaPathFinder):
    """Finds the mutated modules. `left` are those that were not asked for."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = texts
        self.left = set(texts)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(name, path, target) if name in self._texts else None
        if spec and spec.origin:
            self.left.discard(name)
            spec.loader = _Loader(name, spec.origin, self._texts[name])
        return spec


class _Loader(SourceFileLoader):
    """Loads a module from this text, whatever its file and the cache say."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self._text = text

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._text, self.path, "exec")


def main(name: str, first: int, seeds: int, *tried_first: int) -> int:
    finder = _Finder(sources(named(name)))
    sys.meta_path.insert(0, finder)
    signal.signal(signal.SIGVTALRM, _give_up)
    began = time.process_time()
    caught = _first_caught((*tried_first, *range(first, first + seeds)))
    if finder.left:
        raise LookupError(f"{name}: the fault runs never load {finder.left}")
    print(json.dumps({"name": name, "cpu_s": round(time.process_time() - began, 1), **caught}))
    return 0


def _first_caught(seeds: Sequence[int]) -> dict[str, Any]:
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
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
