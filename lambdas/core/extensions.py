"""Batchyard's extensions of AWS Batch: `batchyard:` tags on a job or its definition.

They travel as tags because every AWS Batch client can send tags. They are read and checked when a
job is submitted, and never reach ECS. What is promised but does not work yet is refused, in so
many words: a tag that is accepted and ignored would be a lie.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from lambdas.core.arrays import LARGEST
from lambdas.core.errors import ClientError, InvalidRequest
from lambdas.core.fargate import DISK_MAX, DISK_MIN

PREFIX = "batchyard:"

#: The longest duration in a backoff, seconds: a day.
LONGEST = 86_400
MOST_FACTOR = 10

#: Losses of a host that cost a job no attempt, unless its tag says otherwise; the most it may say.
LOSSES, MOST_LOSSES = 5, 100

_DURATION = r"[0-9]{1,5}[smh]"
_BACKOFF = re.compile(
    rf"(?P<first>{_DURATION})(?: +x(?P<factor>[0-9]{{1,2}}(?:\.[0-9]{{1,3}})?))?"
    rf"(?: +max +(?P<most>{_DURATION}))?"
)
_TOKEN = re.compile(r"[!-~]{1,128}")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BACKOFF_ALLOWED = (
    "a first pause, and optionally a factor and the longest pause, such as '10s x2 max 10m' "
    f"(1s to 24h, factor 1 to {MOST_FACTOR}), are allowed."
)


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long to wait between attempts: `first` seconds, times `factor` each time, at most `most`."""

    first: int
    factor: Fraction = Fraction(1)
    most: int = LONGEST

    @classmethod
    def parse(cls, text: str, field: str = "batchyard:backoff") -> Backoff:
        """Read `10s x2 max 10m`. Raises InvalidRequest naming `field`."""
        match = _BACKOFF.fullmatch(text.strip())
        if match is None:
            raise InvalidRequest(field, text, _BACKOFF_ALLOWED)
        most = match["most"]
        backoff = cls(
            _seconds(match["first"]),
            Fraction(match["factor"] or 1),
            _seconds(most) if most else LONGEST,
        )
        if not (
            1 <= backoff.first <= backoff.most <= LONGEST and 1 <= backoff.factor <= MOST_FACTOR
        ):
            raise InvalidRequest(field, text, _BACKOFF_ALLOWED)
        return backoff

    def delay(self, attempt: int) -> int:
        """Whole seconds between the end of attempt `attempt` (from 1) and the next."""
        pause = Fraction(self.first)
        for _ in range(attempt - 1):
            if pause >= self.most or self.factor == 1:
                break
            pause *= self.factor
        return round(min(pause, Fraction(self.most)))


def split(tags: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """(extensions by name without prefix, the other tags)."""
    ours = {key[len(PREFIX) :]: value for key, value in tags.items() if key.startswith(PREFIX)}
    return ours, {key: value for key, value in tags.items() if not key.startswith(PREFIX)}


def read(tags: Mapping[str, str], field: str, *, of_job: bool) -> dict[str, str]:
    """The extensions among `tags`, checked, by name without prefix.

    `of_job` is False for a definition's tags: a client token there would make every job one job.
    Raises ClientError: one sentence naming tag, value and what is allowed.
    """
    found, _ = split(tags)
    for name, value in found.items():
        _check(f"{field}.{PREFIX}{name}", name, value)
        if name == "client-token" and not of_job:
            raise ClientError(f"{field}.{PREFIX}{name} belongs to a job: a definition has none.")
    return found


def _check(path: str, name: str, value: str) -> None:
    match name:
        case "backoff":
            Backoff.parse(value, path)
        case "client-token":
            if not _TOKEN.fullmatch(value):
                raise InvalidRequest(
                    path, value, "1 to 128 printable characters without spaces are allowed."
                )
        case "disk-gib":
            disk_gib(value, path)
        case "depends-on":
            _check_depends_on(path, value)
        case "infrastructure-attempts":
            infrastructure_attempts({name: value}, path)
        case "max-parallel":
            max_parallel({name: value}, path)
        case _ if name in _LATER:
            raise ClientError(f"{path} is not yet supported: {_LATER[name]}")
        case _:
            known = ", ".join(sorted(KNOWN))
            raise ClientError(f"{path} is unknown: the {PREFIX} tags are {known}.")


def disk_gib(value: str, path: str = "batchyard:disk-gib") -> int:
    """GiB of ephemeral disk. Raises InvalidRequest."""
    if not (value.isascii() and value.isdigit() and DISK_MIN <= int(value[:9]) <= DISK_MAX):
        raise InvalidRequest(
            path, value, f"a whole number of GiB, {DISK_MIN} to {DISK_MAX} on Fargate, is allowed."
        )
    return int(value)


def infrastructure_attempts(extensions: Mapping[str, str], path: str = "") -> int:
    """How many losses of a host (Spot taken back, a host gone) cost a job no attempt. Raises
    InvalidRequest naming `path`."""
    value = extensions.get("infrastructure-attempts")
    if value is None:
        return LOSSES
    if not (value.isascii() and value.isdigit() and int(value[:9]) <= MOST_LOSSES):
        raise InvalidRequest(path, value, f"a whole number from 0 to {MOST_LOSSES} is allowed.")
    return int(value)


def max_parallel(extensions: Mapping[str, str], path: str = "batchyard:max-parallel") -> int:
    """How many children of an array may be under way at once; 0: any number. Raises InvalidRequest
    naming `path`."""
    value = extensions.get("max-parallel")
    if value is None:
        return 0
    if not (value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= LARGEST):
        raise InvalidRequest(path, value, f"a whole number from 1 to {LARGEST} is allowed.")
    return int(value)


def _check_depends_on(path: str, value: str) -> None:
    if value not in ("succeeded", "failed", "finished"):
        raise InvalidRequest(path, value, "succeeded, failed or finished is allowed.")


def _seconds(duration: str) -> int:
    return int(duration[:-1]) * _SECONDS[duration[-1]]


#: Promised, and honestly refused until they work.
_LATER = {
    "on-oom": "every attempt has the same memory, as on AWS Batch.",
    "spot-attempts": "every attempt may run on any environment of the queue, as on AWS Batch.",
}
KNOWN = frozenset(
    {
        "backoff",
        "client-token",
        "disk-gib",
        "depends-on",
        "infrastructure-attempts",
        "max-parallel",
        *_LATER,
    }
)
