"""Which jobs ListJobs asks for: AWS Batch's statuses and filters, read from the request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lambdas.core.catalog import Arns
from lambdas.core.errors import ClientError, InvalidRequest
from lambdas.core.job import JobState, Status
from lambdas.core.tables import Item

#: The statuses' groups in a queue's list.
_GROUPS = tuple(dict.fromkeys(status.group for status in Status))

NAMES = ("JOB_NAME", "JOB_DEFINITION", "BEFORE_CREATED_AT", "AFTER_CREATED_AT", "SHARE_IDENTIFIER")
_LATEST = 10**15 - 1


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A status (None: any), a pattern by filter name, and bounds of the list's sort key."""

    status: Status | None
    name: str | None = None
    definition: str | None = None
    revision: str | None = None  #: name:revision
    share: str | None = None
    low: str | None = None
    high: str | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The parts of a queue's list to look at."""
        return (self.status.group,) if self.status else _GROUPS

    def fits_entry(self, entry: Item) -> bool:
        """Whether a list's entry may be wanted, by what the list says of it."""
        return self._fits(entry["name"], entry["definition"])

    def fits(self, state: JobState) -> bool:
        if self.status and state.shown is not self.status:
            return False
        if self.share is not None and state.share != self.share:
            return False
        return self._fits(state.name, state.definition)

    def _fits(self, name: str, definition: str) -> bool:
        if self.name is not None and not _matches(self.name.lower(), name.lower()):
            return False
        if self.revision is not None:
            return self.revision == definition
        pattern = self.definition
        return pattern is None or _matches(pattern, definition.rpartition(":")[0])


def filter_of(body: Mapping[str, Any], arns: Arns) -> JobFilter:
    """Read jobStatus and filters. With a filter the status is ignored, except with a share.

    Raises ClientError.
    """
    filters: Sequence[Mapping[str, Any]] = body.get("filters") or []
    if not filters:
        return JobFilter(_status(body) or Status.RUNNING)
    if len(filters) > 1:
        raise ClientError(f"filters has {len(filters)} entries: one filter at a time is allowed.")
    name = filters[0].get("name", "")
    values: Sequence[str] = filters[0].get("values") or []
    if name not in NAMES:
        raise InvalidRequest("filters[0].name", name, f"one of {', '.join(NAMES)} is allowed.")
    if len(values) != 1:
        raise ClientError(f"filters[0].values has {len(values)} values: one is needed.")
    return _filter(name, values[0], _status(body), arns)


def _filter(name: str, value: str, status: Status | None, arns: Arns) -> JobFilter:
    match name:
        case "JOB_NAME":
            return JobFilter(None, name=value)
        case "JOB_DEFINITION" if value.startswith("arn:"):
            return JobFilter(None, revision=value.removeprefix(_definitions(arns)))
        case "JOB_DEFINITION":
            return JobFilter(None, definition=value)
        case "SHARE_IDENTIFIER":
            return JobFilter(status, share=value)
        case "BEFORE_CREATED_AT":
            return JobFilter(None, high=f"{_moment(value):015d}")
        case _:
            return JobFilter(None, low=f"{min(_moment(value) + 1, _LATEST):015d}")


def _definitions(arns: Arns) -> str:
    """What every ARN of a job definition here starts with."""
    return arns.definition("", 0).removesuffix(":0")


def _status(body: Mapping[str, Any]) -> Status | None:
    asked = body.get("jobStatus")
    if asked is None:
        return None
    if asked not in Status.__members__:
        allowed = f"one of {', '.join(Status)} is allowed."
        raise InvalidRequest("jobStatus", asked, allowed)
    return Status(asked)


def _moment(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 15):
        raise InvalidRequest(
            "filters[0].values[0]", value, "milliseconds since the epoch, in digits, are needed."
        )
    return int(value)


def _matches(pattern: str, text: str) -> bool:
    """Exact, or by prefix when the pattern ends in `*`."""
    if pattern.endswith("*"):
        return text.startswith(pattern[:-1])
    return text == pattern
