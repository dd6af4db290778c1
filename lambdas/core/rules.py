"""AWS Batch's rules that its service model does not say: names, resources, retries, tags.

Every rule takes the path of a field and its value, and raises InvalidRequest with one sentence.
The model has been checked before (adapters.aws.batch_model): types here are as they should be.
Rules of one kind of resource: rules_definition, rules_environment, rules_queue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lambdas.core.errors import ClientError, InvalidRequest, shown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
_VCPUS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?")
_MEBIBYTES = re.compile(r"[0-9]{1,9}")
_REASON = re.compile(r"[A-Za-z0-9.:\s]*\*?")
_EXIT_CODE = re.compile(r"[0-9]*\*?")

MOST_ATTEMPTS = 10
MOST_EXIT_RULES = 5
LONGEST_PATTERN = 512
SHORTEST_TIMEOUT = 60
LEAST_MEMORY = 4
HIGHEST_JOB_PRIORITY = 9999

LONGEST_PARAMETER = 255

MOST_TAGS = 50
LONGEST_TAG_KEY = 128
LONGEST_TAG_VALUE = 256
_TAG_MARKS = frozenset("_.:/=+-@")


def name(field: str, value: str) -> None:
    """Of a job, definition, queue or environment."""
    if not _NAME.fullmatch(value):
        raise InvalidRequest(
            field,
            value,
            "1 to 128 letters, digits, hyphens and underscores, the first a letter or digit.",
        )


def job_priority(field: str, value: int) -> None:
    """Of a job inside its share."""
    if not 0 <= value <= HIGHEST_JOB_PRIORITY:
        raise InvalidRequest(field, value, f"0 to {HIGHEST_JOB_PRIORITY} is allowed.")


# ── what a container is given ─────────────────────────────────────────────────────────────────


def environment(field: str, variables: Sequence[Mapping[str, str]]) -> None:
    """`AWS_BATCH…` is the platform's own; a name that no process could read is refused."""
    for index, variable in enumerate(variables):
        key, equals, _ = variable.get("name", "").partition("=")
        told = f"{key}=…" if equals else key  # what follows may be a value: it is not repeated
        if key.startswith("AWS_BATCH"):
            raise InvalidRequest(
                f"{field}[{index}].name", told, "names that start with AWS_BATCH are reserved."
            )
        if equals or not key:
            raise InvalidRequest(f"{field}[{index}].name", told, "a name without '=' is needed.")


def resources(field: str, requirements: Sequence[Mapping[str, str]]) -> None:
    """resourceRequirements of a Fargate job, each kind at most once."""
    seen: set[str] = set()
    for index, requirement in enumerate(requirements):
        kind, value = requirement["type"], requirement["value"]
        path = f"{field}[{index}]"
        if kind in seen:
            raise InvalidRequest(f"{path}.type", kind, "each type is allowed once.")
        seen.add(kind)
        _resource(path, kind, value)


def milli_vcpus_of(value: str) -> int:
    """VCPU's value in thousandths, rounded up: no job gets less than it asked for."""
    return int(-(Decimal(value) * -1000 // 1))


def needs(requirements: Iterable[Mapping[str, str]]) -> tuple[int, int]:
    """(milli-vCPUs, MiB) of checked resourceRequirements; 0 for what is not said."""
    said = {requirement["type"]: requirement["value"] for requirement in requirements}
    return milli_vcpus_of(said.get("VCPU", "0")), int(said.get("MEMORY", "0"))


def _resource(path: str, kind: str, value: str) -> None:
    if kind == "GPU":
        raise InvalidRequest(f"{path}.type", kind, "Fargate has no GPUs; VCPU, MEMORY are allowed.")
    if kind == "MEMORY" and not (_MEBIBYTES.fullmatch(value) and int(value) >= LEAST_MEMORY):
        raise InvalidRequest(
            f"{path}.value", value, f"MEMORY is a whole number of MiB, at least {LEAST_MEMORY}."
        )
    if kind == "VCPU" and not (_VCPUS.fullmatch(value) and milli_vcpus_of(value)):
        raise InvalidRequest(
            f"{path}.value", value, "VCPU is a positive decimal number, such as 0.25 or 4."
        )


def parameters(field: str, value: Mapping[str, str]) -> None:
    """What placeholders are replaced by, by name."""
    for key in value:
        if not 0 < len(key) <= LONGEST_PARAMETER:
            raise InvalidRequest(
                f"{field}: the name", key, f"1 to {LONGEST_PARAMETER} characters are allowed."
            )


# ── retries and time-outs ─────────────────────────────────────────────────────────────────────


def retry_strategy(field: str, strategy: Mapping[str, Any]) -> None:
    """AWS Batch's: 1 to 10 attempts, at most 5 rules, rules only with attempts."""
    attempts, rules = strategy.get("attempts"), strategy.get("evaluateOnExit", ())
    if attempts is not None and not 1 <= attempts <= MOST_ATTEMPTS:
        raise InvalidRequest(f"{field}.attempts", attempts, f"1 to {MOST_ATTEMPTS} is allowed.")
    if rules and attempts is None:
        raise ClientError(f"{field}.attempts is required where evaluateOnExit is given.")
    if len(rules) > MOST_EXIT_RULES:
        raise ClientError(
            f"{field}.evaluateOnExit has {len(rules)} rules: at most {MOST_EXIT_RULES} are allowed."
        )
    for index, rule in enumerate(rules):
        _exit_rule(f"{field}.evaluateOnExit[{index}]", rule)


def _exit_rule(path: str, rule: Mapping[str, str]) -> None:
    words = "letters, digits, '.', ':' and white space, and one '*' at the end, are allowed."
    digits = "digits, and one '*' at the end, are allowed."
    for member, grammar, allowed in (
        ("onStatusReason", _REASON, words),
        ("onReason", _REASON, words),
        ("onExitCode", _EXIT_CODE, digits),
    ):
        pattern = rule.get(member)
        if pattern is None:
            continue
        if not 0 < len(pattern) <= LONGEST_PATTERN:
            raise InvalidRequest(
                f"{path}.{member}", pattern, f"1 to {LONGEST_PATTERN} characters are allowed."
            )
        if not grammar.fullmatch(pattern):
            raise InvalidRequest(f"{path}.{member}", pattern, allowed)


def normalised_retry(strategy: Mapping[str, Any]) -> dict[str, Any]:
    """The strategy as it is kept: actions in capitals (AWS Batch reads them in any case)."""
    rules = [
        {**rule, "action": rule["action"].upper()} for rule in strategy.get("evaluateOnExit", ())
    ]
    return {"attempts": strategy.get("attempts", 1), "evaluateOnExit": rules}


def timeout(field: str, value: Mapping[str, int]) -> None:
    """At least a minute; an empty one is none."""
    seconds = value.get("attemptDurationSeconds")
    if seconds is not None and seconds < SHORTEST_TIMEOUT:
        raise InvalidRequest(
            f"{field}.attemptDurationSeconds", seconds, f"{SHORTEST_TIMEOUT} or more is allowed."
        )


# ── tags ──────────────────────────────────────────────────────────────────────────────────────


def tags(field: str, value: Mapping[str, str]) -> None:
    """At most 50, in the alphabet that every AWS service takes, without the prefix `aws:`."""
    if len(value) > MOST_TAGS:
        raise ClientError(f"{field} has {len(value)} tags: at most {MOST_TAGS} are allowed.")
    for key, content in value.items():
        if not 0 < len(key) <= LONGEST_TAG_KEY:
            raise InvalidRequest(
                f"{field}: the key", key, f"1 to {LONGEST_TAG_KEY} characters are allowed."
            )
        if key.lower().startswith("aws:"):
            raise InvalidRequest(f"{field}: the key", key, "the prefix aws: is reserved.")
        if len(content) > LONGEST_TAG_VALUE:
            raise InvalidRequest(
                f"{field}[{shown(key)}]",
                content,
                f"at most {LONGEST_TAG_VALUE} characters are allowed.",
            )
        _tag_text(f"{field}: the key", key)
        _tag_text(f"{field}[{shown(key)}]", content)


def _tag_text(path: str, text: str) -> None:
    if any(not (c.isalnum() or c == " " or c in _TAG_MARKS) for c in text):
        raise InvalidRequest(path, text, "letters, digits, spaces and _ . : / = + - @ are allowed.")


# ── what comes later ──────────────────────────────────────────────────────────────────────────


def refuse(field: str, body: Mapping[str, Any], names: Sequence[str], why: str) -> None:
    """Refuse any of `names` that `body` gives a value: accepting and ignoring it would be a lie."""
    for member in names:
        if body.get(member) not in (None, [], {}, "", False):
            path = f"{field}.{member}" if field else member
            raise ClientError(f"{path} is not supported: {why}")
