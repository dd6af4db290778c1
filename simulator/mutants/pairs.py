"""Safeguards that cover each other: one may go unnoticed, both may not.

And those that alone change nothing which anybody could notice today, each with the reason why they
stand nevertheless.
"""

from __future__ import annotations

from collections.abc import Mapping

from simulator.mutants.mutant import Pair


def _both(one: str, other: str, why: str) -> Pair:
    """Each covers the other."""
    return Pair(name=f"{one}+{other}", of=(one, other), covered=(one, other), why=why)


def _covered(one: str, other: str, why: str) -> Pair:
    """`other` stands alone, and covers `one`."""
    return Pair(name=f"{one}+{other}", of=(one, other), covered=(one,), why=why)


PAIRS: tuple[Pair, ...] = (
    _both(
        "enter-wait-expanded",
        "leave-when-expanded",
        "Pages only become more: who has read that all stand need not ask again in the write.",
    ),
    _both(
        "release-unwaited-closed",
        "leave-when-ready",
        "Closed pages only become more: who has read that all are need not ask again in the write.",
    ),
    _both(
        "page-expanded",
        "page-written-once",
        "A page and its number go in one transaction: either refuses the second.",
    ),
    _both(
        "child-withdrawn-ahead-only",
        "child-withdrawn-once",
        "A child whose turn has come has an item, until that expires.",
    ),
    _covered(
        "page-not-closed",
        "page-closes-once",
        "Reading that a page is closed saves a transaction that would be refused.",
    ),
    _covered(
        "page-not-below-zero",
        "edge-once",
        "A page counts down with an edge that goes, in one transaction.",
    ),
    _covered(
        "closing-next",
        "cursor-stop",
        "An array ends when all were handed out or it was stopped: then its cursor stands still.",
    ),
    _covered(
        "candidates-only",
        "claim-status",
        "What is planned for and can not start is refused by its claim, and by its park.",
    ),
)

#: Mutants that nothing can tell from the product, and why.
ALIKE: Mapping[str, str] = {
    "launched-task": "All calls for one attempt are one request, for which ECS names one task.",
    "lease-attempt": "Every attempt begins with a debt of its own: `lease-due` names it as well.",
    "lease-task": "A call for an attempt that has its task is answered with that task.",
    "fresh-this-attempt": "The debt of another attempt is another: `fresh-unleased` refuses.",
    "fresh-waits": "A call for an attempt that has its task is answered with that task; the debt of "
    "one that is over has moved.",
    "conflict-is-success": "ECS's word of the task, or the search of whoever pays the launch, names "
    "it a little later.",
    "finished-attempt-stopped": "The word of the task's start, or the sweep, stops it a little later.",
    "unlaunched-ends-only-without-task": "Who says that an attempt never was has read no task.",
    "sleep-wait": "A job is PENDING once in its life: the wait of one that is, is the first.",
    "wait-is-current": "Each write of an execution names its wait: one too many does nothing.",
    "put-off-is-handed-over": "What failed is owed still, and paid by `reconcile` some minutes later.",
    "sweep-run": "A task of an earlier attempt is found when its job has ended.",
}
