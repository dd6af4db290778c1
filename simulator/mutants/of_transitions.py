"""Mutants of `core/transitions.py`: what must hold for a job to change, and what a change owes."""

from __future__ import annotations

from simulator.mutants.mutant import Mutant

_PATH = "lambdas/core/transitions.py"

_UPDATES = "lambdas/core/updates.py"

_CLAIM = """*_OUTCOME),
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", state.ticket),
            Absent("waiting"),"""
_PARK = """drop=DUE,
        when=(
            Equals("status", Status.RUNNABLE.value),
            Equals("ticket", state.ticket),
            Absent("waiting"),
            Absent("stop"),"""
_THIS = """Equals("run", state.run),
        OneOf("status", (Status.STARTING.value, Status.RUNNING.value)),"""
_UNLAUNCHED = """*this_attempt(state),
            Absent("task"),
            Absent("stop"),
            Equals("due_at", state.due_at),"""
_RUNNING = """Equals("run", state.run),
            Equals("status", Status.STARTING.value),
            Equals("stop", state.stop) if state.stop else Absent("stop"),"""
_WISH = """put={"stop": reason, "stop_kind": kind, **owes},
        when=(
            Equals("run", state.run),
            Equals("status", state.status.value),
            Absent("stop"),"""
_LEASE = '*this_attempt(state), Absent("task"), Equals("due_at", state.due_at)'
_SLEEP = """put={"token": token},
        when=(Equals("wait", request["wait"]), Equals("status", Status.PENDING.value)),"""
_RELEASE = """Equals("wait", request["wait"]),
            Present("waiting"),
            OneOf("status", (Status.PENDING.value, Status.RUNNABLE.value)),"""
_DEPENDENCY_FAILED = """drop=("waiting", "token", "until"),
        when=(Equals("wait", request["wait"]), Equals("status", Status.PENDING.value)),"""


def _without(text: str, part: str) -> str:
    assert text.count(part) == 1
    return text.replace(part, "")


def _mutant(name: str, old: str, new: str, guards: str, *by: str) -> Mutant:
    return Mutant(name=name, path=_PATH, old=old, new=new, guards=guards, by=by)


def _parts_mutant(name: str, old: str, new: str, guards: str, *by: str) -> Mutant:
    return Mutant(name=name, path=_UPDATES, old=old, new=new, guards=guards, by=by)


RUNNABLE = 'Equals("status", Status.RUNNABLE.value),'
TICKET = 'Equals("ticket", state.ticket),'
LIVE = 'OneOf("status", (Status.STARTING.value, Status.RUNNING.value)),'
PENDING = 'Equals("status", Status.PENDING.value)'
WAIT = 'Equals("wait", request["wait"]),'

MUTANTS = (
    # ── claim and park ────────────────────────────────────────────────────────────────────────
    _mutant(
        "claim-status",
        _CLAIM,
        _without(_CLAIM, RUNNABLE),
        "Two schedulers claim one job, and each attempt has its task.",
        "I2",
        "I4",
    ),
    _mutant(
        "claim-ticket",
        _CLAIM,
        _without(_CLAIM, TICKET),
        "A claim on an old reading begins an attempt under a number that was used.",
        "I7",
    ),
    _mutant(
        "claim-waiting",
        _CLAIM,
        _without(_CLAIM, 'Absent("waiting"),'),
        "A job starts in the middle of its backoff.",
        "I6",
    ),
    _mutant(
        "claim-due",
        """"attempt": number,
            **owes,""",
        '"attempt": number,',
        "A claim whose record is lost is never launched.",
        "I3",
    ),
    _mutant(
        "claim-keeps-what-is-owed",
        '*(() if owes else (Equals("due_at", state.due_at),)),',
        "",
        "A claim keeps a debt that a park has paid, and nobody looks at its launch.",
        "I3",
    ),
    _mutant(
        "claim-leaves-lane",
        'drop=(*LANE, "task", "started", *_OUTCOME),',
        'drop=("task", "started", *_OUTCOME),',
        "A job that runs stays in its lane, before those who wait.",
        "I8",
    ),
    _mutant(
        "park-status",
        _PARK,
        _without(_PARK, RUNNABLE),
        "A job that was claimed meanwhile loses its debt, and its launch with it.",
        "I3",
        "I8",
    ),
    _mutant(
        "park-ticket",
        _PARK,
        _without(_PARK, TICKET),
        "A job is parked under a rank that it no longer has.",
        "I8",
    ),
    _mutant(
        "park-waiting",
        _PARK,
        _without(_PARK, 'Absent("waiting"),'),
        "A job in its backoff loses the debt of its wait, and waits for ever.",
        "I3",
        "I8",
    ),
    # ── launch ────────────────────────────────────────────────────────────────────────────────
    _mutant(
        "launched-attempt",
        'put={"task": task}, when=(*this_attempt(state), Absent("task"))',
        'put={"task": task}, when=(Absent("task"),)',
        "A task is written down for an attempt that it is not of.",
        "I2",
        "I10",
    ),
    _mutant(
        "launched-task",
        'put={"task": task}, when=(*this_attempt(state), Absent("task"))',
        'put={"task": task}, when=this_attempt(state)',
        "An attempt's task is replaced by another.",
        "I2",
    ),
    _mutant(
        "lease-attempt",
        _LEASE,
        'Absent("task"), Equals("due_at", state.due_at)',
        "A launch is leased of an attempt that is over.",
        "I2",
    ),
    _mutant(
        "lease-task",
        _LEASE,
        '*this_attempt(state), Equals("due_at", state.due_at)',
        "An attempt that has its task is launched again.",
        "I2",
    ),
    _mutant(
        "lease-due",
        _LEASE,
        '*this_attempt(state), Absent("task")',
        "Two believe that they alone launch, and take a refusal for proof.",
        "I2",
        "I7",
    ),
    _mutant(
        "lease-moves-debt",
        """put=due(state, later, keep=False),
        when=(*this""",
        """put={"leased": now},
        when=(*this""",
        "The lease is not seen by the others.",
        "I2",
        "I7",
    ),
    _mutant(
        "running-attempt",
        _RUNNING,
        _without(_RUNNING, 'Equals("run", state.run),'),
        "A late word of one attempt is written down of the next.",
        "I2",
        "I3",
    ),
    _mutant(
        "running-status",
        _RUNNING,
        _without(_RUNNING, 'Equals("status", Status.STARTING.value),'),
        "An attempt that has ended runs again by a late word.",
        "I1",
    ),
    _mutant(
        "running-stop",
        _RUNNING,
        _without(_RUNNING, 'Equals("stop", state.stop) if state.stop else Absent("stop"),'),
        "A wish to stop that the start meets is put off with the next look at the attempt.",
        "I3",
    ),
    _mutant(
        "running-due",
        "**({} if keep else due(state, check, keep=False)),",
        "",
        "An end that ECS did not tell of is never found, nor a time that is up.",
        "I3",
    ),
    _mutant(
        "running-keeps-what-is-owed",
        '*((Equals("due_at", state.due_at),) if keep else ()),',
        "",
        "A start keeps a debt that a lease has moved beyond the end of the job's time.",
        "I3",
    ),
    _mutant(
        "running-timeout-due",
        "check = min(check, started + state.timeout * 1000)",
        "check += 0",
        "A job whose time is up runs on until the next look at it.",
        "I3",
    ),
    _mutant(
        "losses-are-counted",
        '"lost": state.lost + 1',
        '"lost": state.lost',
        "A job whose host is lost again and again is tried for ever.",
        "I7",
    ),
    # ── the end of an attempt ─────────────────────────────────────────────────────────────────
    _parts_mutant(
        "attempt-run",
        _THIS,
        LIVE,
        "The end of one attempt ends the next, and gives its capacity back twice.",
        "I4",
        "I2",
    ),
    _parts_mutant(
        "attempt-live",
        _THIS,
        'Equals("run", state.run),',
        "An attempt ends twice, and gives its capacity back twice.",
        "I4",
        "I1",
    ),
    _mutant(
        "end-fan",
        "when=(*this_attempt(state), *same_fan(state)),",
        "when=this_attempt(state),",
        "A job ends without owing anything to those who just began to wait for it.",
        "I3",
    ),
    _mutant(
        "end-due",
        """owes = due(state, outcome["stopped"] + OWED_WITHIN, keep=False) if state.fan else {}""",
        "owes: dict[str, Any] = {}",
        "Nobody remembers that jobs wait for one that has ended.",
        "I3",
    ),
    _mutant(
        "retry-stop",
        'unknown = () if state.stop else (Absent("stop"),)',
        "unknown = ()",
        "A job whose end somebody asked for is tried again.",
        "I3",
    ),
    _mutant(
        "retry-due",
        """put |= {"ticket": state.ticket + 1, **due(state, now + OWED_WITHIN, keep=False)}""",
        """put |= {"ticket": state.ticket + 1}""",
        "A retry whose record is lost never gets its ticket.",
        "I3",
    ),
    _mutant(
        "backoff-due",
        """"until": until,
            **due(state, now + OWED_WITHIN, keep=False),""",
        '"until": until,',
        "A backoff whose record is lost never ends.",
        "I3",
    ),
    _mutant(
        "backoff-wait",
        '"wait": state.wait + 1,\n            "until"',
        '"wait": state.wait or 1,\n            "until"',
        "The second wait of a job has the name and the number of the first.",
        "I3",
    ),
    _mutant(
        "retry-ticket",
        'put |= {"ticket": state.ticket + 1, **due',
        'put |= {"ticket": state.ticket, **due',
        "A retried job's ticket is one that was answered.",
        "I3",
    ),
    _mutant(
        "unlaunched-task",
        _UNLAUNCHED,
        _without(_UNLAUNCHED, 'Absent("task"),'),
        "An attempt that has its task after all is said never to have been.",
        "I2",
        "I10",
    ),
    _mutant(
        "unlaunched-stop",
        _UNLAUNCHED,
        _without(_UNLAUNCHED, 'Absent("stop"),'),
        "A job whose end somebody asked for is tried again.",
        "I3",
    ),
    _mutant(
        "unlaunched-lease",
        _UNLAUNCHED,
        _without(_UNLAUNCHED, 'Equals("due_at", state.due_at),'),
        "A refusal counts as proof although another's RunTask is on its way.",
        "I2",
        "I7",
    ),
    # ── stops ─────────────────────────────────────────────────────────────────────────────────
    _mutant(
        "stop-attempt",
        _WISH,
        _without(_WISH, 'Equals("run", state.run),'),
        "A stop that was meant for one attempt hits the next.",
        "I3",
    ),
    _mutant(
        "stop-first",
        _WISH,
        _without(_WISH, 'Absent("stop"),'),
        "A second wish replaces the first, whose reason was told already.",
        "I3",
    ),
    _mutant(
        "stop-status",
        _WISH,
        _without(_WISH, 'Equals("status", state.status.value),'),
        "A wish that meets the attempt's start is owed only when that is looked at again.",
        "I3",
    ),
    _mutant(
        "stop-due",
        'put={"stop": reason, "stop_kind": kind, **owes},',
        'put={"stop": reason, "stop_kind": kind},',
        "A wish to stop whose record is lost is never carried out.",
        "I3",
    ),
    _mutant(
        "stop-keeps-a-fresh-claim",
        "keep=state.status is Status.STARTING)",
        "keep=False)",
        "A claim that somebody wishes to stop is not launched by its own record.",
        "I3",
    ),
    _mutant(
        "withdraw-status",
        """Equals("status", state.status.value),
            same("next", state.next),""",
        """same("next", state.next),""",
        "A job that was claimed meanwhile fails without giving back its capacity.",
        "I4",
        "I1",
    ),
    _mutant(
        "withdraw-fan",
        """same("next", state.next),
            *same_fan(state),""",
        """same("next", state.next),""",
        "A job is withdrawn without owing anything to those who just began to wait for it.",
        "I3",
    ),
    _mutant(
        "withdraw-due",
        "**(due(state, now + OWED_WITHIN, keep=False) if owing else {}),",
        "",
        "Nobody remembers that jobs wait for one that was cancelled.",
        "I3",
    ),
    # ── dependencies ──────────────────────────────────────────────────────────────────────────
    _mutant(
        "page-status",
        """Equals("status", Status.SUBMITTED.value),
            same("expanded", state.expanded),""",
        """same("expanded", state.expanded),""",
        "Edges are written of a job that was cancelled, and never go.",
        "I3",
    ),
    _mutant(
        "page-expanded",
        """Equals("status", Status.SUBMITTED.value),
            same("expanded", state.expanded),""",
        """Equals("status", Status.SUBMITTED.value),""",
        "A page is counted twice.",
        "I6",
    ),
    _mutant(
        "enter-wait-status",
        'when=(Equals("status", Status.SUBMITTED.value), Equals("expanded", state.pages)),',
        'when=(Equals("expanded", state.pages),),',
        "A job that is on its way waits again.",
        "I1",
    ),
    _mutant(
        "enter-wait-expanded",
        'when=(Equals("status", Status.SUBMITTED.value), Equals("expanded", state.pages)),',
        'when=(Equals("status", Status.SUBMITTED.value),),',
        "A job waits before all that it waits for is known.",
        "I6",
    ),
    _mutant(
        "release-unwaited-status",
        """Equals("status", Status.SUBMITTED.value),
            Equals("expanded", state.pages),
            Equals("closed", state.pages),""",
        """Equals("expanded", state.pages),
            Equals("closed", state.pages),""",
        "A job that is on its way becomes RUNNABLE again.",
        "I1",
        "I4",
    ),
    _mutant(
        "release-unwaited-closed",
        """Equals("status", Status.SUBMITTED.value),
            Equals("expanded", state.pages),
            Equals("closed", state.pages),""",
        """Equals("status", Status.SUBMITTED.value),
            Equals("expanded", state.pages),""",
        "A job becomes RUNNABLE while something is open.",
        "I6",
    ),
    _mutant(
        "doom-status",
        """OneOf("status", (Status.SUBMITTED.value, Status.PENDING.value)),
            Absent("doomed"),""",
        """Absent("doomed"),""",
        "A job that is past waiting is marked as doomed.",
        "I6",
    ),
    _mutant(
        "depended-on-unended",
        'when=(OneOf("status", tuple(sorted(_UNENDED))),)',
        'when=(Present("pk"),)',
        "A job waits for one that has ended.",
        "I3",
    ),
    _mutant(
        "defer-due",
        'when=(Equals("status", state.status.value), Equals("due_at", state.due_at)),',
        'when=(Equals("status", state.status.value),),',
        "An old look at a job puts off what it has come to owe since.",
        "I3",
    ),
    _mutant(
        "defer-status",
        'when=(Equals("status", state.status.value), Equals("due_at", state.due_at)),',
        'when=(Equals("due_at", state.due_at),),',
        "An old look at a job puts off what it has come to owe since.",
        "I3",
    ),
    # ── the wait ──────────────────────────────────────────────────────────────────────────────
    _mutant(
        "sleep-status",
        _SLEEP,
        _without(_SLEEP, f", {PENDING}").replace('["wait"])', '["wait"]),'),
        "An execution goes to sleep on a job that nobody will ever wake.",
        "I3",
    ),
    _mutant(
        "sleep-wait",
        _SLEEP,
        _without(_SLEEP, WAIT + " ").replace("PENDING.value)", "PENDING.value),"),
        "An execution of an older wait takes the place of the one that sleeps.",
        "I3",
    ),
    _mutant(
        "release-wait",
        _RELEASE,
        _without(_RELEASE, WAIT),
        "An execution of an older wait ends a newer one before its time.",
        "I6",
    ),
    _mutant(
        "release-waiting",
        _RELEASE,
        _without(_RELEASE, 'Present("waiting"),'),
        "A wait that is over is ended again, and a job that is parked gets another ticket.",
        "I3",
    ),
    _mutant(
        "release-status",
        _RELEASE,
        _without(_RELEASE, 'OneOf("status", (Status.PENDING.value, Status.RUNNABLE.value)),'),
        "A job that was cancelled becomes RUNNABLE by the end of its wait.",
        "I1",
    ),
    _mutant(
        "release-due",
        """"status": Status.RUNNABLE.value,
            "due_shard": request["due_shard"],
            "due_at": now + OWED_WITHIN,""",
        '"status": Status.RUNNABLE.value,',
        "A job whose wait is over never gets its ticket.",
        "I3",
    ),
    _mutant(
        "dependency-failed-status",
        _DEPENDENCY_FAILED,
        _without(_DEPENDENCY_FAILED, f", {PENDING}").replace('["wait"])', '["wait"]),'),
        "A job that has ended fails by the end of its wait.",
        "I1",
        "I3",
    ),
    _mutant(
        "dependency-failed-due",
        """"list_key": request["failed_list_key"],
            "due_shard": request["due_shard"],
            "due_at": now + OWED_WITHIN,""",
        '"list_key": request["failed_list_key"],',
        "Nobody remembers that jobs wait for one whose dependency failed.",
        "I3",
    ),
    _mutant(
        "wait-over-token",
        "return replace(end, when=(*end.when, asleep))",
        "return end",
        "A wait is ended over an execution that just fell asleep, and that nobody wakes.",
        "I3",
    ),
)
