"""What a deployment costs while nobody uses it, at list prices.

us-east-1, as published in November 2026, without any free allowance; usage by jobs is told by
`make bench`.
"""

from __future__ import annotations

from dataclasses import dataclass

from stacks.config import DeploymentConfig

PRICED = "us-east-1, November 2026"
HOURS = 730
MINUTES = HOURS * 60

ENDPOINT_HOUR = 0.01  #: one interface endpoint in one zone
ENDPOINTS = 3  #: constructs.network.INTERFACE_ENDPOINTS
ALARM = 0.10
ALARMS = 20
METRIC = 0.30
SQS_MILLION = 0.40
#: Lambda keeps at least 2 long polls of 20 seconds open at a quiet queue (5 while it warms up).
POLLS_A_MINUTE = 5 * 3
POLLED_QUEUES = 4
LAMBDA_GB_SECOND = 0.0000133334
LAMBDA_MILLION = 0.20
DYNAMODB_READ_MILLION = 0.125
#: `reconcile` looks at 8 shards of what is due, and at the catalog and the bells.
READS_A_MINUTE = 16


@dataclass(frozen=True, slots=True)
class Item:
    """One line: what is paid for, and how much a month."""

    name: str
    monthly: float
    by_the_hour: bool = False


def idle(config: DeploymentConfig) -> tuple[Item, ...]:
    """Every standing cost of this deployment."""
    endpoints = ENDPOINTS * config.network.zones if config.network.profile == "private" else 0
    seconds = MINUTES * 0.5
    return (
        Item(f"{endpoints} interface endpoints", endpoints * ENDPOINT_HOUR * HOURS, True),
        Item(f"{ALARMS} alarms", ALARMS * ALARM),
        Item("1 metric of our own", METRIC),
        Item("polls of 4 queues", POLLED_QUEUES * POLLS_A_MINUTE * MINUTES * SQS_MILLION / 1e6),
        Item(
            "reconcile, every minute",
            MINUTES * LAMBDA_MILLION / 1e6
            + seconds * 0.5 * LAMBDA_GB_SECOND
            + MINUTES * READS_A_MINUTE * DYNAMODB_READ_MILLION / 1e6,
        ),
    )


def told(config: DeploymentConfig) -> str:
    """The costs as a person reads them."""
    items = idle(config)
    hourly = sum(item.monthly for item in items if item.by_the_hour)
    small = sum(item.monthly for item in items if not item.by_the_hour)
    lines = [
        f"Idle cost of {config.deployment!r}, network profile {config.network.profile} "
        f"(list prices, {PRICED}):",
        *(f"  {item.name:<28} ${item.monthly:>7.2f} a month" for item in items),
        f"  paid by the hour: ${hourly:.2f}; the rest, ${small:.2f}, is within AWS's free "
        "allowances in most accounts, alarms beyond ten apart",
    ]
    return "\n".join(lines)
