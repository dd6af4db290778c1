"""What ECS accepts of RunTask and RegisterTaskDefinition, and how it says no.

Source: the ECS API reference (RunTask, RegisterTaskDefinition, "API failures messages").
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

#: Characters of RunTask's `overrides` as JSON, formatting included.
MOST_OVERRIDES = 8192

_TOKEN = re.compile(r"[!-~]{1,64}")
_STARTED_BY = re.compile(r"[A-Za-z0-9_/-]{1,128}")
_FAMILY = re.compile(r"[A-Za-z0-9_-]{1,255}")


def overrides_length(overrides: Mapping[str, Any]) -> int:
    """How many of RunTask's 8,192 characters these overrides take."""
    return len(json.dumps(overrides, separators=(",", ":"), ensure_ascii=False))


def refusal_of_run(request: Mapping[str, Any]) -> str | None:
    """Why ECS would refuse this RunTask request whatever its state; None when it would not."""
    if not _TOKEN.fullmatch(request.get("clientToken", "")):
        return "clientToken must have 1 to 64 characters in the range of 33-126."
    if not _STARTED_BY.fullmatch(request.get("startedBy", "")):
        return "startedBy must have 1 to 128 letters, numbers, hyphens, slashes and underscores."
    if overrides_length(request.get("overrides", {})) > MOST_OVERRIDES:
        return f"Container Overrides length must be at most {MOST_OVERRIDES}"
    if request.get("count", 1) != 1:
        return "count must be 1."
    return None


def refusal_of_definition(definition: Mapping[str, Any]) -> str | None:
    """Why ECS would refuse to register this task definition; None when it seems right."""
    if not _FAMILY.fullmatch(definition.get("family", "")):
        return "Family must have 1 to 255 letters, numbers, hyphens and underscores."
    containers = definition.get("containerDefinitions") or ()
    if not containers:
        return "TaskDefinition has no container definitions."
    if any(not c.get("name") or not c.get("image") for c in containers):
        return "Container.name and Container.image are required."
    return None


#: Words of errors and failures that mean "not now", whatever their code.
_CAPACITY = (
    "capacity is unavailable",
    "insufficient capacity",
    "reached the limit",
    "number of vcpus",
    "no container instances were found",
    "resource:",
    "no active instances",
    "empty capacity provider",
    "constraint unsatisfied",
)
#: Reasons of RunTask's `failures`: the host of the placement is not (yet, or any longer) there.
_HOST = ("AGENT", "INACTIVE", "MISSING", "LOCATION")


def speaks_of_capacity(words: str) -> bool:
    """ECS has no room or quota now, and may have later."""
    lowered = words.lower()
    return any(part in lowered for part in _CAPACITY)


def failure_is_capacity(reason: str) -> bool:
    """The same, for one of RunTask's `failures`."""
    return reason in _HOST or speaks_of_capacity(reason)
