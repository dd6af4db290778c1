"""Whether a failed attempt is tried again: AWS Batch's retryStrategy, to the letter.

Source: AWS Batch's API reference for RetryStrategy and EvaluateOnExit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: How a stop that somebody wished for is named on a job's state.
STOPS = ("cancel", "terminate", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptOutcome:
    """How one attempt ended. Times are epoch milliseconds; None means that ECS did not say."""

    stopped: int
    exit_code: int | None = None
    reason: str | None = None  #: the container's
    status_reason: str | None = None  #: the attempt's
    stop_kind: str | None = None  #: cancel, terminate or timeout, when the stop was wished for
    started: int | None = None
    task: str | None = None
    refused: bool = False  #: ECS can never run it as asked: trying again would change nothing


class RetryCode(StrEnum):
    """What decided; low-cardinality, fit for metrics."""

    STOPPED = "STOPPED"  #: cancelled, terminated or timed out
    REFUSED = "REFUSED"  #: the definition can never run
    SPARED = "SPARED"  #: its host was lost, which costs no attempt
    EXHAUSTED = "EXHAUSTED"  #: no attempts left
    RULE = "RULE"  #: a rule of evaluateOnExit matched
    DEFAULT = "DEFAULT"  #: no rule matched: AWS Batch retries


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """Whether to try again, what decided, and a sentence for people."""

    code: RetryCode
    reason: str
    retry: bool


def decide(
    retry_strategy: Mapping[str, Any],
    attempt_number: int,
    outcome: AttemptOutcome,
    spared: bool = False,
) -> RetryDecision:
    """Decide about the failed attempt `attempt_number` (from 1) of those that count. One that is
    `spared` is tried again and does not count, unless a rule says EXIT."""
    allowed = retry_strategy.get("attempts") or 1
    if outcome.stop_kind in STOPS:
        why = f"a stop was asked for ({outcome.stop_kind}): such jobs are not retried"
        return RetryDecision(RetryCode.STOPPED, why, False)
    if outcome.refused:
        return RetryDecision(RetryCode.REFUSED, "ECS can never run it as defined", False)
    rule, exits = _ruling(retry_strategy, outcome)
    if spared and not exits:
        return RetryDecision(RetryCode.SPARED, "its host was lost: that costs no attempt", True)
    if attempt_number >= allowed:
        why = f"attempt {attempt_number} of {allowed} was the last"
        return RetryDecision(RetryCode.EXHAUSTED, why, False)
    if rule:
        why = f"rule {rule} of evaluateOnExit says {'EXIT' if exits else 'RETRY'}"
        return RetryDecision(RetryCode.RULE, why, not exits)
    return RetryDecision(RetryCode.DEFAULT, f"attempt {attempt_number} of {allowed} failed", True)


def _ruling(retry_strategy: Mapping[str, Any], outcome: AttemptOutcome) -> tuple[int, bool]:
    """(the number of the first rule that matches, 0 for none; whether it says EXIT)."""
    for number, rule in enumerate(retry_strategy.get("evaluateOnExit") or (), start=1):
        if matches(rule, outcome):
            return number, str(rule["action"]).upper() != "RETRY"
    return 0, False


def matches(rule: Mapping[str, Any], outcome: AttemptOutcome) -> bool:
    """Every condition that the rule states holds; what ECS did not say reads as empty text.

    So `onReason: *` matches an attempt without a container reason, as the documented recipe
    (retry on `Host EC2*`, else exit on `*`) needs.
    """
    exit_code = "" if outcome.exit_code is None else str(outcome.exit_code)
    said = (
        ("onStatusReason", outcome.status_reason or ""),
        ("onReason", outcome.reason or ""),
        ("onExitCode", exit_code),
    )
    return all(_fits(rule[name], text) for name, text in said if rule.get(name) is not None)


def _fits(pattern: str, text: str) -> bool:
    """Exact, or by prefix when the pattern ends in `*`; capitals matter."""
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text == pattern
