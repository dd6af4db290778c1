"""A memory limit without control groups: look at the trees' resident memory, kill what is over.

Approximate by nature: shared pages count once a process, and a burst between two looks is seen
late. One thread looks at all trees together.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

INTERVAL = 0.2


@dataclass(slots=True)
class Tree:
    """One container's tree: all descendants of `root`."""

    root: int
    limit: int
    over: Callable[[], None]
    memory: int = 0
    peak: int = 0
    killed: bool = field(default=False)


class MemoryWatch:
    """Watches trees from `add` to `remove`; `over` is called once, from the watching thread."""

    def __init__(self) -> None:
        self._trees: list[Tree] = []
        self._some = threading.Condition()
        threading.Thread(target=self._run, daemon=True, name="memory-watch").start()

    def add(self, root: int, limit: int, over: Callable[[], None]) -> Tree:
        tree = Tree(root, limit, over)
        with self._some:
            self._trees.append(tree)
            self._some.notify()
        return tree

    def remove(self, tree: Tree) -> None:
        with self._some:
            self._trees.remove(tree)

    def _run(self) -> None:
        while True:
            with self._some:
                self._some.wait_for(lambda: bool(self._trees))
                trees = list(self._trees)
            children = _children()
            for tree in trees:
                look(tree, children)
            threading.Event().wait(INTERVAL)


def look(tree: Tree, children: dict[int, list[int]]) -> None:
    """Add up one tree's resident memory; past its limit it is reported, once."""
    tree.memory = sum(_resident(pid) for pid in _descendants(tree.root, children))
    tree.peak = max(tree.peak, tree.memory)
    if tree.limit and tree.memory > tree.limit and not tree.killed:
        tree.killed = True
        tree.over()


def _children() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid in psutil.pids():
        try:
            found.setdefault(psutil.Process(pid).ppid(), []).append(pid)
        except psutil.Error:
            continue
    return found


def _descendants(root: int, children: dict[int, list[int]]) -> list[int]:
    found, waiting = [], list(children.get(root, ()))
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children.get(pid, ()))
    return found


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0
