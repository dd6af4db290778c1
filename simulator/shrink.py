"""Shrinking: of all that went wrong in a bad trial, and of all its jobs, only what is needed.

Every candidate is a trial of its own; it is kept when it violates the same invariant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import groupby
from typing import TypeVar

from simulator.chance import Only
from simulator.trial import Trial

Thing = TypeVar("Thing")

#: Trials spent on shrinking one seed.
TRIES = 300


def shrink(seed: int, tries: int = TRIES) -> Trial:
    """The smallest trial found that violates what this seed violates; the seed's own when it
    violates nothing. It has run."""
    whole = Trial(seed).run()
    wanted = kinds(whole.verdict())
    return _Shrinker(whole, wanted, tries).run() if wanted else whole


def kinds(verdict: Sequence[str]) -> set[str]:
    """Which invariants are violated, whatever the jobs' names."""
    return {said.partition(":")[0].split(" job ")[0] for said in verdict}


class _Shrinker:
    """Kinds of faults first, and jobs: most have nothing to do with it. Only then single faults:
    what is left out before them would move their numbers."""

    def __init__(self, whole: Trial, wanted: set[str], tries: int) -> None:
        self._seed = whole.seed
        self._wanted = wanted
        self._left = tries
        self._best = whole

    def run(self) -> Trial:
        kinds = sorted({struck.fault.kind for struck in self._best.struck})
        kept = minimal(kinds, lambda some: self._bad(some, ()))
        needed = minimal(self._best.parts, lambda some: self._bad(kept, self._others(some)))
        without = self._others(needed)
        faults = [struck.fault for struck in self._best.struck]
        minimal(faults, lambda some: self._bad(some, without))
        return self._best

    def _others(self, parts: Sequence[str]) -> list[str]:
        return [part for part in Trial(self._seed).parts if part not in parts]

    def _bad(self, only: Only, without: Collection[str]) -> bool:
        """Whether this smaller trial violates the same; then it is the best one so far."""
        if self._left <= 0:
            return False
        self._left -= 1
        trial = Trial(self._seed, only, frozenset(without)).run()
        bad = bool(kinds(trial.verdict()) & self._wanted)
        if bad:
            self._best = trial
        return bad


def minimal(things: Sequence[Thing], bad: Callable[[Sequence[Thing]], bool]) -> list[Thing]:
    """As few of `things` as are still `bad`: Zeller's delta debugging, by complements."""
    if bad([]):
        return []
    kept, parts = list(things), 2
    while len(kept) > 1:
        size = max(1, len(kept) // parts)
        starts = range(0, len(kept), size)
        smaller = next(
            (rest for at in starts if bad(rest := kept[:at] + kept[at + size :])),
            None,
        )
        if smaller is not None:
            kept, parts = smaller, max(2, parts - 1)
        elif size == 1:
            return kept
        else:
            parts = min(len(kept), parts * 2)
    return kept


def told(trial: Trial) -> str:
    """The seed, what is violated, what went wrong, and the story of every job concerned."""
    verdict = trial.verdict()
    lines = [f"seed {trial.seed}:", *(verdict or ["nothing is violated"]), ""]
    lines += _faults(trial)
    for plan in trial.plans.values():
        if plan.id and (not verdict or any(plan.id in said for said in verdict)):
            lines += ["", f"── {plan}", *_story(trial, plan.id)]
    return "\n".join(lines)


def _story(trial: Trial, job: str) -> list[str]:
    story = trial.watch.story
    return [
        line for name in story if name == job or name.startswith(f"{job}:") for line in story[name]
    ]


def _faults(trial: Trial) -> list[str]:
    """What went wrong, in order; runs of the same fault at the same place on one line."""
    begin = trial.begin
    lines = [f"{len(trial.struck)} faults:"]
    same = groupby(trial.struck, key=lambda struck: (struck.fault.kind, struck.fault.place))
    for (kind, place), struck in same:
        all_ = list(struck)
        times = f", {len(all_)} times" if len(all_) > 1 else ""
        lines.append(f"{all_[0].when - begin:>9} {kind} at {place}, #{all_[0].fault.nth}{times}")
    return lines
