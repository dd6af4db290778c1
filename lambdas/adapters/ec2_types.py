"""The table of EC2 instance types that is shipped: us-east-1, on-demand list prices of 2026-07.

It serves where the account's own types and prices are not known: on a laptop, in the simulator,
and before the first refresh. Shapes from moto's table and prices from Karpenter's, both Apache-2.0.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from lambdas.core.instances import InstanceType

TABLE = Path(__file__).with_name("ec2_types.csv")


@cache
def shipped() -> tuple[InstanceType, ...]:
    """Every type of the table that has a price."""
    with TABLE.open(newline="") as lines:
        return tuple(_types(csv.DictReader(lines)))


def _types(rows: Iterable[dict[str, str]]) -> Iterable[InstanceType]:
    for row in rows:
        flags = row["flags"]
        yield InstanceType(
            name=row["name"],
            vcpus=int(row["vcpus"]),
            memory=int(row["memory_mib"]),
            price=float(row["usd_per_hour"]),
            gpus=int(row["gpus"]),
            architectures=tuple(row["architectures"].split("+")),
            spot="s" in flags,
            current="c" in flags,
            burstable="b" in flags,
            bare_metal="m" in flags,
            other_accelerators="a" in flags,
        )
