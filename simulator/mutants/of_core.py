"""Mutants of what else in `core` is said of writes: capacity, bells, edges, and what is owed."""

from __future__ import annotations

from simulator.mutants.mutant import Mutant

_CAPACITY = "lambdas/core/capacity.py"
_DEPENDENCIES = "lambdas/core/dependencies.py"
_OUTBOX = "lambdas/core/outbox.py"


def _mutant(path: str, name: str, old: str, new: str, guards: str, *by: str) -> Mutant:
    return Mutant(name=name, path=path, old=old, new=new, guards=guards, by=by)


MUTANTS = (
    # ── capacity ──────────────────────────────────────────────────────────────────────────────
    _mutant(
        _CAPACITY,
        "take-within-maximum",
        'when=(AtMost("taken", maximum + released_seen - amount),),',
        "",
        "Two schedulers at once take more than an environment has.",
        "I4",
    ),
    _mutant(
        _CAPACITY,
        "release-shard-only-grows",
        'add={"released": amount})',
        'put={"released": amount})',
        "What came back earlier is forgotten.",
        "I4",
    ),
    _mutant(
        _CAPACITY,
        "bell-rings-once",
        'when=(Differs("rung", True),),',
        "",
        "Everybody who rings sends a message.",
        "calls",
    ),
    _mutant(
        _CAPACITY,
        "bell-clear",
        'put={"rung": False}, when=(Present("pk"),)',
        'put={"heard": True}, when=(Present("pk"),)',
        "A bell that was rung once is never rung again.",
        "I3",
    ),
    _mutant(
        _CAPACITY,
        "bell-number",
        """put={"rung": True, "rung_at": now},
        add={"number": 1},""",
        """put={"rung": True, "rung_at": now, "number": 1},""",
        "The second message of a bell is taken for a repetition of the first.",
        "I3",
    ),
    _mutant(
        _CAPACITY,
        "lane-in-use",
        'when=(Equals("used", used),)',
        "",
        "A lane that a job was just parked in is forgotten.",
        "I8",
        "I3",
    ),
    _mutant(
        _CAPACITY,
        "ring-again-number",
        'when=(Equals("rung", True), Equals("number", number)),',
        'when=(Equals("rung", True),),',
        "Two replace the same bell.",
        "calls",
    ),
    # ── dependencies ──────────────────────────────────────────────────────────────────────────
    _mutant(
        _DEPENDENCIES,
        "edge-once",
        'Delete(edge.key, (Present("pk"),)),',
        "Delete(edge.key),",
        "An edge that is resolved twice counts its page down twice.",
        "I6",
    ),
    _mutant(
        _DEPENDENCIES,
        "page-not-below-zero",
        'add={"open": -1}, when=(AtLeast("open", 1),)',
        'add={"open": -1}, when=(Present("pk"),)',
        "A page counts below zero.",
        "I6",
    ),
    _mutant(
        _DEPENDENCIES,
        "page-closes-once",
        'when=(Absent("closed"), Present("pk"))),',
        'when=(Present("pk"),)),',
        "A page counts its job twice.",
        "I6",
    ),
    _mutant(
        _DEPENDENCIES,
        "page-written-once",
        'Put(item, (Absent("pk"),))',
        "Put(item)",
        "A page is written again when some of its edges are gone.",
        "I6",
        "I3",
    ),
    _mutant(
        _DEPENDENCIES,
        "fanned-counted",
        'add={"fanned": resolved}',
        'put={"fanned": 1}',
        "The third round of a wide fan-out is not called for.",
        "I3",
    ),
    # ── what is owed ──────────────────────────────────────────────────────────────────────────
    _mutant(
        _OUTBOX,
        "stop-when-flag-and-task",
        """    if state.stop:
        return (StopTask(state.id, state.task, state.stop),)
    return ()""",
        "    return ()",
        "A stop that was asked for before the task was known is never sent.",
        "I3",
    ),
    _mutant(
        _OUTBOX,
        "wait-name",
        'return f"{ecs_safe(self.job)}-{self.attempt}-{self.wait}"',
        'return f"{ecs_safe(self.job)}-{self.attempt}"',
        "A second wait has the name of the first, which is refused.",
        "I3",
    ),
    _mutant(
        _OUTBOX,
        "ended-answers-its-wait",
        "if state.token:",
        "if False:",
        "The execution of a job that was cancelled sleeps on.",
        "I3",
    ),
    _mutant(
        _OUTBOX,
        "freed-capacity-rings",
        "effects += (RingBell(old.env),)",
        "pass",
        "Nobody looks at those who wait when capacity comes free.",
        "I3",
    ),
    _mutant(
        _OUTBOX,
        "fan-out-by-rounds",
        "state.id, well, state.fanned, settles=alone)",
        "state.id, well, settles=alone)",
        "The second round of a wide fan-out is no new effect.",
        "I3",
    ),
)
