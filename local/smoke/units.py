"""Consumed write units of plain jobs, by CloudWatch, against the memory tables' arithmetic."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benchmarks import control_plane
from lambdas.core.tables import CAPACITY, CATALOG, JOBS
from local.smoke.cases import Cases, Ran
from local.smoke.deployed import Platform
from local.smoke.findings import Finding, judged, untested

JOBS_AT_ONCE = 12
MINUTE = 60.0
LAG = 330.0  #: seconds until CloudWatch has surely told; two minutes as a rule
LEAST_LAG = 150.0
LOOK_EVERY = 20.0
#: `reconcile` and the ends of earlier jobs write a little beside: what difference is none.
TOLERANCE = 0.15
_TABLES = {"jobs-table": JOBS, "catalog-table": CATALOG, "capacity-table": CAPACITY}


def measure(
    cases: Cases,
    now: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[list[Ran], list[Finding]]:
    """Plain jobs in whole minutes of their own, and what CloudWatch says was consumed in them."""
    began = (now() // MINUTE + 1) * MINUTE
    sleep(began - now())
    ran = cases.plain(JOBS_AT_ONCE)
    ended = (now() // MINUTE + 1) * MINUTE
    sleep(ended - now())
    units = _settled(cases.platform, began, ended, now, sleep)
    return ran, findings(units, len(ran))


def findings(units: dict[str, float], jobs: int) -> list[Finding]:
    """The verdicts on the bill: each table's and each index's units against the arithmetic."""
    if not sum(units.values()):
        return [untested(n, "CloudWatch told no consumed units") for n in (16, 17)]
    expected = control_plane.measure("plain", jobs, control_plane.plain)
    seen, indexes = sum(units.values()) / jobs, _indexes(units) / jobs
    indexes_expected = _indexes(dict(expected.by_table))
    return [
        judged(
            16,
            abs(seen - expected.write_units) <= TOLERANCE * expected.write_units,
            f"{seen:.1f} write units a plain job of {jobs}; the arithmetic says "
            f"{expected.write_units:.1f}",
        ),
        judged(
            17,
            indexes <= (1 + TOLERANCE) * indexes_expected,
            f"{indexes:.1f} of them in indexes; the arithmetic says {indexes_expected:.1f}",
        ),
    ]


def _indexes(units: dict[str, float]) -> float:
    return sum(value for name, value in units.items() if "." in name)


def _settled(
    platform: Platform,
    began: float,
    ended: float,
    now: Callable[[], float],
    sleep: Callable[[float], None],
) -> dict[str, float]:
    """The sums once two looks agree, or when CloudWatch has had its time."""
    before: dict[str, float] = {}
    while True:
        units, age = _consumed(platform, began, ended), now() - ended
        settled = units == before and any(units.values()) and age > LEAST_LAG
        if settled or age > LAG:
            return units
        before = units
        sleep(LOOK_EVERY)


def _consumed(platform: Platform, began: float, ended: float) -> dict[str, float]:
    """Write units by table, and by `table.index`."""
    watch = platform.client("cloudwatch")
    found: dict[str, float] = {}
    for parameter, schema in _TABLES.items():
        table = platform.parameters[parameter]
        name = parameter.removesuffix("-table")
        found[name] = _sum(watch, began, ended, TableName=table)
        for index in schema.indexes:
            dimensions = {"TableName": table, "GlobalSecondaryIndexName": index.name}
            found[f"{name}.{index.name}"] = _sum(watch, began, ended, **dimensions)
    return found


def _sum(watch: Any, began: float, ended: float, **dimensions: str) -> float:
    answer = watch.get_metric_statistics(
        Namespace="AWS/DynamoDB",
        MetricName="ConsumedWriteCapacityUnits",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=datetime.fromtimestamp(began, UTC),
        EndTime=datetime.fromtimestamp(ended, UTC),
        Period=int(MINUTE),
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))
