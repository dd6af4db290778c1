"""What the jobs prove: a verdict and its evidence for each line of docs/unproven-on-aws.md.

A verdict is taken only from what was seen. What a run of half an hour cannot settle stays
`not tested`, with what it did see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from local.smoke.cases import BIG, DEPENDENT_FAILED, OUT_OF_MEMORY, Ran

PAGE = Path(__file__).resolve().parents[2] / "docs" / "unproven-on-aws.md"
#: An end seen within this (seconds) came by ECS's event: `reconcile` looks every 20 minutes.
BY_EVENT = 60.0

Task = Mapping[str, Any]


class Verdict(StrEnum):
    PROVEN = "proven"
    REFUTED = "refuted"
    NOT_TESTED = "not tested"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one assumption turned out to be."""

    number: int
    verdict: Verdict
    evidence: str


def judged(number: int, holds: bool, evidence: str) -> Finding:
    return Finding(number, Verdict.PROVEN if holds else Verdict.REFUTED, evidence)


def untested(number: int, why: str) -> Finding:
    return Finding(number, Verdict.NOT_TESTED, why)


def assumptions(page: Path = PAGE) -> dict[int, str]:
    """The page's lines, by number."""
    rows = re.findall(r"^\| (\d+) \| (.*?) \| .* \|$", page.read_text(), re.MULTILINE)
    return {int(number): text for number, text in rows}


def whole(found: Iterable[Finding], page: Path = PAGE) -> list[Finding]:
    """One finding a line of the page, in its order."""
    told = {finding.number: finding for finding in found}
    return [told.get(n, untested(n, "nothing in this run shows it")) for n in assumptions(page)]


def table(found: Sequence[Finding], page: Path = PAGE) -> str:
    """The findings as a person reads them."""
    texts = assumptions(page)
    lines = [f"{'#':>3}  {'verdict':10}  evidence"]
    for f in found:
        lines.append(f"{f.number:>3}  {f.verdict:10}  {f.evidence}")
        if f.verdict is Verdict.REFUTED:
            lines.append(f"{'':15}  was assumed: {texts[f.number]}")
    return "\n".join(lines)


# ── from the jobs ─────────────────────────────────────────────────────────────────────────────


def of_jobs(ran: Mapping[str, Ran], task: Task | None, group_was_there: bool) -> list[Finding]:
    """What the jobs, and the plain one's task as ECS describes it, show."""
    if task is None:
        why = f"the plain job has no task: {ran['plain'].job.get('statusReason', 'no reason')}"
        found = [untested(1, why), untested(2, why)]
    else:
        found = [_started_by(task), _provider(task)]
    return [*found, *(rule(ran) for rule in _RULES), _log_group(ran["plain"], group_was_there)]


def _started_by(task: Task) -> Finding:
    told = str(task.get("startedBy", ""))
    return judged(1, "/" in told, f"ECS keeps startedBy {told!r}, {len(told)} characters")


def _provider(task: Task) -> Finding:
    told = task.get("capacityProviderName") or task.get("launchType")
    return judged(2, told in ("FARGATE", "FARGATE_SPOT"), f"a task ran on capacity provider {told}")


def _memory(ran: Mapping[str, Ran]) -> Finding:
    outcome = ran["out-of-memory"].outcome
    code, reason = outcome.get("exitCode"), outcome.get("reason")
    holds = (code, reason) == (137, OUT_OF_MEMORY)
    return judged(6, holds, f"256 MiB of a task of 512: exit code {code}, {reason or 'no reason'}")


def _event(ran: Mapping[str, Ran]) -> Finding:
    """Waiting jobs end by our own hand; the others by ECS's word."""
    told = [r for r in ran.values() if r.seen and r.attempts]
    ends = {r.name: r.seen - r.job["stoppedAt"] / 1000 for r in told}
    if not ends:
        return untested(7, "no job with a task ended")
    slowest = max(ends, key=lambda name: ends[name])
    reason = ran["out-of-memory"].outcome.get("reason")
    evidence = f"every end was recorded within {ends[slowest]:.0f} s ({slowest})"
    return judged(7, ends[slowest] < BY_EVENT and bool(reason), f"{evidence}, reason {reason!r}")


def _waits(ran: Mapping[str, Ran]) -> Finding:
    return judged(8, *_went_well(ran, "after-two"))


def _answers(ran: Mapping[str, Ran]) -> Finding:
    """SendTaskSuccess lets a job go, SendTaskFailure fails it."""
    success, evidence = _went_well(ran, "after-two")
    told = ran["after-a-failure"].job.get("statusReason")
    return judged(9, success and told == DEPENDENT_FAILED, f"{evidence}; the other ended: {told!r}")


def _log_group(plain: Ran, was_there: bool) -> Finding:
    told = f"the plain job's log reads {plain.lines}"
    if was_there:
        return untested(14, f"the group was there before; {told}")
    return judged(14, "plain" in plain.lines, told)


def _key(ran: Mapping[str, Ran]) -> Finding:
    wanted = ran["uploaded"].expected.line
    return judged(15, wanted in ran["uploaded"].lines, f"the job says {ran['uploaded'].lines}")


def _backoff(ran: Mapping[str, Ran]) -> Finding:
    well, evidence = _went_well(ran, "retried")
    attempts = ran["retried"].attempts
    if not well or len(attempts) < 2:
        return judged(19, False, evidence)
    gap = (attempts[1]["startedAt"] - attempts[0]["stoppedAt"]) / 1000
    return judged(19, gap >= 5, f"a backoff of 5 s: the next attempt began {gap:.0f} s later")


_RULES: Sequence[Callable[[Mapping[str, Ran]], Finding]] = (
    _memory,
    _event,
    _waits,
    _answers,
    _key,
    _backoff,
)


def staged(ran: Mapping[str, Ran]) -> str:
    """Overrides beyond RunTask's limit, in a sentence."""
    well, evidence = _went_well(ran, "long-overrides")
    return f"a variable of {BIG} characters {'arrived' if well else 'did not arrive'}: {evidence}"


def _went_well(ran: Mapping[str, Ran], name: str) -> tuple[bool, str]:
    faults = ran[name].faults(ran)
    return not faults, f"{name}: {'; '.join(faults) or ran[name].status}"
