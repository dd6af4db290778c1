"""What a fair-share scheduling policy must be, and the shape in which it is kept and described.

Tables hold whole numbers only: weight factors are kept beside the described `detail`, in
ten-thousandths, which is as fine as AWS Batch tells them apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from lambdas.core import rules
from lambdas.core.catalog import Queue
from lambdas.core.errors import ClientError, InvalidRequest
from lambdas.core.fair_share import ONE
from lambdas.core.tables import Item

LONGEST_DECAY = 604_800
HIGHEST_RESERVATION = 99
LEAST_WEIGHT, MOST_WEIGHT = 0.0001, 999.9999
#: As many as AWS Batch lets be active in one queue.
MOST_SHARES = 500

_SHARE = re.compile(r"[A-Za-z0-9]{1,255}\*?")


def check_create(body: Mapping[str, Any]) -> None:
    """Raises ClientError when CreateSchedulingPolicy's `body` cannot be had here."""
    rules.name("name", body["name"])
    rules.tags("tags", body.get("tags", {}))
    check_update(body)


def check_update(body: Mapping[str, Any]) -> None:
    """The rules that a create and an update share."""
    if body.get("quotaSharePolicy") is not None:
        raise ClientError(
            "quotaSharePolicy is not supported: it is for SageMaker's queues; use fairsharePolicy."
        )
    policy = body.get("fairsharePolicy") or {}
    decay = policy.get("shareDecaySeconds", 0)
    reservation = policy.get("computeReservation", 0)
    _within("fairsharePolicy.shareDecaySeconds", decay, LONGEST_DECAY)
    _within("fairsharePolicy.computeReservation", reservation, HIGHEST_RESERVATION)
    _distribution("fairsharePolicy.shareDistribution", policy.get("shareDistribution") or ())


def share_identifier(field: str, value: str) -> None:
    """Of a job, or of an entry of a policy: there a last `*` stands for every end."""
    if not _SHARE.fullmatch(value):
        raise InvalidRequest(
            field, value, "1 to 255 letters and digits, and one '*' at the end, are allowed."
        )


def check_share(value: str | None, queue: Queue) -> None:
    """A job names its share where the queue has a policy, and only there (AWS Batch's SubmitJob)."""
    if value and not queue.policy:
        raise ClientError(
            f"shareIdentifier is not allowed: job queue {queue.name} has no scheduling policy."
        )
    if queue.policy and not value:
        raise ClientError(
            f"shareIdentifier is required: job queue {queue.name} has a scheduling policy."
        )
    if value:
        share_identifier("shareIdentifier", value)


def _within(field: str, value: int, most: int) -> None:
    if not 0 <= value <= most:
        raise InvalidRequest(field, value, f"0 to {most} is allowed.")


def _distribution(field: str, entries: Sequence[Mapping[str, Any]]) -> None:
    if len(entries) > MOST_SHARES:
        raise ClientError(f"{field} has {len(entries)} entries: at most {MOST_SHARES} are allowed.")
    for index, share in enumerate(entries):
        share_identifier(f"{field}[{index}].shareIdentifier", share["shareIdentifier"])
        weight = share.get("weightFactor", 1.0)
        if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
            raise InvalidRequest(
                f"{field}[{index}].weightFactor",
                weight,
                f"{LEAST_WEIGHT} to {MOST_WEIGHT} is allowed.",
            )
    _no_overlaps(field, [share["shareIdentifier"] for share in entries])


def _no_overlaps(field: str, shares: Sequence[str]) -> None:
    """No two entries may speak of one share. Sorted, what a prefix begins follows it at once:
    `*` sorts before letters and digits."""
    ordered = sorted(shares)
    for one, other in pairwise(ordered):
        begins = one.endswith("*") and other.startswith(one[:-1])
        if one == other or begins or other == f"{one}*":
            raise InvalidRequest(field, other, f"it overlaps with '{one}'.")


# ── how it is kept ────────────────────────────────────────────────────────────────────────────


def kept(policy: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, int]]:
    """A checked fairsharePolicy without its weights, and these by share in ten-thousandths."""
    entries = policy.get("shareDistribution") or ()
    names = [{"shareIdentifier": share["shareIdentifier"]} for share in entries]
    weights = {
        share["shareIdentifier"]: round(share.get("weightFactor", 1.0) * ONE) for share in entries
    }
    detail = {
        "shareDecaySeconds": policy.get("shareDecaySeconds", 0),
        "computeReservation": policy.get("computeReservation", 0),
        "shareDistribution": names,
    }
    return detail, weights


def described(item: Item) -> dict[str, Any]:
    """The policy in a catalog item as DescribeSchedulingPolicies answers it."""
    detail, weights = item["detail"], item["weights"]
    fair = detail["fairsharePolicy"]
    shares = [
        {**share, "weightFactor": weights[share["shareIdentifier"]] / ONE}
        for share in fair["shareDistribution"]
    ]
    return {**detail, "fairsharePolicy": {**fair, "shareDistribution": shares}}
