"""`run --jobs N`: a day of so many jobs through the production services, and what it costs.

`run --workflow FILE` plays a workload instead, as `simulate` does.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from lambdas.core.metering import Tally
from simulator import bill, command_simulate
from simulator.quotas import Hottest
from simulator.scale import Came, Day, live_through

#: Allocations between two collections of the youngest garbage: nearly all of ours dies by itself.
_COLLECT_AFTER = 200_000


def register(subparsers: Any) -> None:
    """Add `run` to argparse's subparsers."""
    parser = subparsers.add_parser("run", help="a day of many jobs, and what it costs")
    parser.add_argument("--jobs", type=int, default=10_000, metavar="N")
    parser.add_argument("--mix", choices=("fixed", "plain"), default="fixed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--hours", type=float, default=24, help="over which jobs arrive (24)")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1), metavar="N")
    parser.add_argument("--curve", action="store_true", help="for N/100, N/10 and N jobs")
    parser.add_argument("--no-quotas", action="store_true", help="AWS refuses nothing")
    parser.add_argument("--workflow", metavar="FILE", help="play these workflows, each by itself")
    parser.add_argument("--json", action="store_true", help="JSON alone")
    parser.set_defaults(run=run)


def run(asked: argparse.Namespace) -> int:
    """1 when a job was lost or ran twice, or an invariant is violated, else 0."""
    if asked.workflow:
        return _played(asked)
    if asked.jobs < 1 or asked.workers < 1 or not 0 < asked.hours <= 1000:
        print("--jobs and --workers are at least 1, --hours is more than 0.", file=sys.stderr)
        return 2
    sizes = [asked.jobs // 100, asked.jobs // 10, asked.jobs] if asked.curve else [asked.jobs]
    found = [_figures(size, asked) for size in sizes if size]
    for figures in found:
        print(json.dumps(figures))
    return 1 if any(f["lost"] or f["double_run"] or f["violations"] for f in found) else 0


def _played(asked: argparse.Namespace) -> int:
    parser = argparse.ArgumentParser()
    command_simulate.add_arguments(parser)
    words = ["--workflow", asked.workflow, "--each", "--seed", str(asked.seed)]
    return command_simulate.run(parser.parse_args(words + ["--json"] * asked.json))


def _figures(jobs: int, asked: argparse.Namespace) -> dict[str, Any]:
    began = time.perf_counter()
    days = _days(jobs, asked)
    if not asked.json:
        print(f"{jobs:,} jobs in {len(days)} processes …", file=sys.stderr, flush=True)
    if len(days) == 1:
        lived = [_lived(days[0])]
    else:
        with ProcessPoolExecutor(len(days)) as pool:
            lived = list(pool.map(_lived, days))
    figures = _told(asked, jobs, [came for came, _, _ in lived])
    timed = {
        "wall_s": round(time.perf_counter() - began, 1),
        "cpu_s": round(sum(cpu for _, cpu, _ in lived), 1),
        "peak_rss_mb": round(sum(rss for _, _, rss in lived)),
    }
    return figures | timed


def _days(jobs: int, asked: argparse.Namespace) -> list[Day]:
    """One world a process: cells that share nothing but RunTask's rate, of which each has a part."""
    workers = min(asked.workers, jobs)
    parts = [jobs // workers + (place < jobs % workers) for place in range(workers)]
    rate, share = max(1, 20 // workers), None if asked.no_quotas else 1 / workers
    return [
        Day(part, asked.mix, asked.seed * 100 + place, asked.hours, rate, share)
        for place, part in enumerate(parts)
    ]


def _lived(day: Day) -> tuple[Came, float, float]:
    """One world's day, its CPU seconds and this process's largest size (MB)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 100)
    began = time.process_time()
    came = live_through(day)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return came, time.process_time() - began, peak / (1e6 if sys.platform == "darwin" else 1e3)


def _told(asked: argparse.Namespace, jobs: int, days: Sequence[Came]) -> dict[str, Any]:
    tallies = [tally for came in days for tally in came.tallies]
    executions = sum(came.executions for came in days)
    invocations = _added(came.invocations for came in days)
    requests = sum(came.requests for came in days)
    usd = bill.control_plane(tallies, jobs, executions, sum(invocations.values()), requests)
    wrong = [said for came in days for said in came.violations]
    for said in wrong[:5]:
        print(said, file=sys.stderr)
    return {
        "jobs": jobs,
        "mix": asked.mix,
        "worlds": len(days),
        "quotas": not asked.no_quotas,
        "throttled": _added(came.throttled for came in days),
        "hottest_key": _hottest([came.hottest_write for came in days]),
        "hottest_key_read": _hottest([came.hottest_read for came in days]),
        "lost": sum(came.lost for came in days),
        "double_run": sum(came.double_run for came in days),
        "violations": len(wrong),
        "succeeded": sum(came.succeeded for came in days),
        "failed": sum(came.failed for came in days),
        "virtual_hours": max(came.virtual_hours for came in days),
        "units_per_job": _units(tallies, jobs),
        "calls_per_job": _calls(tallies, jobs),
        "invocations_per_job": {name: round(n / jobs, 4) for name, n in invocations.items()},
        "usd_per_million_jobs": round(sum(usd.values()) / jobs * 1e6, 2),
        "usd_by_service": {name: round(part / jobs * 1e6, 2) for name, part in usd.items()},
    }


def _added(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    total = Counter[str]()
    for count in counts:
        total.update(count)
    return dict(sorted(total.items()))


def _hottest(found: Sequence[Hottest]) -> dict[str, Any]:
    """The busiest second of any key in any world."""
    hottest = max(found, key=lambda one: one.units)
    return {"units_a_second": hottest.units, "key": hottest.key}


def _units(tallies: Sequence[Tally], jobs: int) -> dict[str, float]:
    return {
        "write": round(sum(tally.write_units for tally in tallies) / jobs, 2),
        "read": round(sum(tally.read_units for tally in tallies) / jobs, 2),
    }


def _calls(tallies: Sequence[Tally], jobs: int) -> dict[str, float]:
    calls: dict[str, int] = defaultdict(int)
    for tally in tallies:
        if not tally.index:
            calls[f"{tally.service}.{tally.operation}"] += tally.calls
    return {name: round(number / jobs, 3) for name, number in sorted(calls.items())}
