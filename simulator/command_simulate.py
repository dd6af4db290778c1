"""`simulate FILE`: play a workload through the production services in virtual time, and tell when it
ends, what it costs and where it waits (docs/simulate.md)."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

from simulator.picture import picture
from simulator.report import Report, report_of
from simulator.report_table import columns, duration, told, usd
from simulator.workloads.files import Defaults, read_workload, workload_of, write_lines
from simulator.workloads.generator import recipe_of
from simulator.workloads.model import Workload, WorkloadError
from simulator.workloads.play import Played, play
from simulator.workloads.yard import Place, Yard, places_of, priorities_of


def register(subparsers: Any) -> None:
    """Add `simulate` to argparse's subparsers."""
    parser = subparsers.add_parser(
        "simulate",
        aliases=["workflow"],
        help="play a workload in virtual time: when it ends, what it costs, where it waits",
        description="Play a workload through the production services in virtual time.",
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a simulation."""
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="a workload file")
    parser.add_argument("--workflow", type=Path, metavar="FILE", help="the same")
    parser.add_argument("--generate", metavar="SETTINGS", help='"jobs=1000 arrivals=poisson:200/h"')
    parser.add_argument("--out", type=Path, metavar="FILE", help="keep what was generated")
    parser.add_argument(
        "--environment",
        action="append",
        default=[],
        metavar="KIND=VCPUS",
        help="fargate=64 or fargate-spot=256; again for more, in the order of their use",
    )
    parser.add_argument("--vcpus", type=int, metavar="N", help="the same as fargate=N (usual: 64)")
    parser.add_argument("--queue", action="append", default=[], metavar="NAME=PRIORITY")
    parser.add_argument("--cores", type=float, default=1.0, help="of jobs that say none (1)")
    parser.add_argument("--memory", type=int, default=2048, help="MiB, the same (2048)")
    parser.add_argument(
        "--start-up", type=float, default=30.0, metavar="S", help="from RunTask to RUNNING (30)"
    )
    parser.add_argument(
        "--launch-rate", type=int, default=20, metavar="N", help="launches a second (20)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--picture", type=Path, metavar="FILE.svg", help="draw it: who ran when")
    parser.add_argument("--each", action="store_true", help="every workflow by itself")
    parser.add_argument("--json", action="store_true", help="JSON alone")


def run(asked: argparse.Namespace) -> int:
    """0; 1 when something is wrong with what was asked, or an invariant was violated."""
    try:
        return _each(asked) if asked.each else _together(asked)
    except WorkloadError as error:
        print(f"batchyard: {error}", file=sys.stderr)
        return 1


# ── what was asked ────────────────────────────────────────────────────────────────────────────


def yard_of(asked: argparse.Namespace) -> Yard:
    """The deployment that the options describe. Raises WorkloadError."""
    if asked.environment and asked.vcpus is not None:
        raise WorkloadError("--vcpus and --environment say the same thing: give one of them.")
    _within("--vcpus", 64 if asked.vcpus is None else asked.vcpus, 1, 1_000_000)
    _within("--launch-rate", asked.launch_rate, 1, 100_000)
    _within("--start-up", asked.start_up, 0, 3600)
    usual = (Place("fargate", "FARGATE", 64 if asked.vcpus is None else asked.vcpus),)
    return Yard(
        places=places_of(asked.environment) or usual,
        priorities=priorities_of(asked.queue),
        launch_rate=asked.launch_rate,
        start_up=asked.start_up,
        seed=asked.seed,
    )


def workload_asked(asked: argparse.Namespace) -> Workload:
    """The workload of the options. Raises WorkloadError."""
    sources = [source for source in (asked.file, asked.workflow, asked.generate) if source]
    if len(sources) != 1:
        raise WorkloadError('One workload is needed: FILE, or --generate "SETTINGS".')
    if asked.out and not asked.generate:
        raise WorkloadError("--out keeps what --generate makes: give both.")
    _within("--cores", asked.cores, 0.001, 1_000)
    _within("--memory", asked.memory, 4, 16_777_216)
    defaults = Defaults(round(asked.cores * 1000), asked.memory, asked.seed)
    if not asked.generate:
        return read_workload(sources[0], defaults)
    lines = list(recipe_of(asked.generate).lines(asked.seed))
    if asked.out:
        write_lines(lines, asked.out)
    return workload_of(lines, defaults)


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise WorkloadError(f"{name} is {value:g}: {least:g} to {most:,.10g} is allowed.")


# ── what comes of it ──────────────────────────────────────────────────────────────────────────


def _together(asked: argparse.Namespace) -> int:
    began = time.process_time()
    yard = yard_of(asked)
    played = play(workload_asked(asked), yard)
    report = report_of(played)
    if asked.picture:
        _draw(played, report, asked.picture)
    cpu_s = round(time.process_time() - began, 2)
    if asked.json:
        print(json.dumps({**report.as_json(), "cpu_s": cpu_s}))
    else:
        print(told(report))
    return 1 if report.violations else 0


def _draw(played: Played, report: Report, file: Path) -> None:
    """Raises WorkloadError when the file cannot be written."""
    try:
        file.write_text(picture(played, report), encoding="utf-8")
    except OSError as error:
        raise WorkloadError(f"--picture {file}: {error.strerror}.") from None
    print(f"drawn: {file}", file=sys.stderr)


def _each(asked: argparse.Namespace) -> int:
    """Every group alone in a deployment of its own, one line each."""
    if asked.picture:
        raise WorkloadError(
            "--picture draws one workload, and --each plays many: give one of them."
        )
    yard, rows, reports = yard_of(asked), [], []
    for alone in _apart(workload_asked(asked)):
        began = time.process_time()
        report = report_of(play(alone, yard))
        cpu_s = time.process_time() - began
        reports.append(report)
        rows.append({**report.as_json(), "cpu_s": round(cpu_s, 2)})
    ratios = [report.total.ratio for report in reports if report.total.ratio]
    middle = round(median(ratios), 4) if ratios else None
    if asked.json:
        print(json.dumps({"median_ratio": middle, "runs": rows}))
    else:
        print(_table(reports, [row["cpu_s"] for row in rows]))
        print(f"\nMedian ratio: {middle}")
    return 1 if any(report.violations for report in reports) else 0


def _apart(workload: Workload) -> Iterator[Workload]:
    """Each group as a workload of its own. Raises WorkloadError when one waits for another."""
    for group in workload.groups:
        kept = [place for place, job in enumerate(workload.jobs) if job.group == group]
        places = {place: number for number, place in enumerate(kept)}
        jobs = []
        for place in kept:
            job = workload.jobs[place]
            other = next((parent for parent in job.parents if parent not in places), None)
            if other is not None:
                waits = f"{group} waits for {workload.jobs[other].group}"
                raise WorkloadError(f"--each plays every workflow by itself, but {waits}.")
            jobs.append(replace(job, parents=tuple(places[parent] for parent in job.parents)))
        yield Workload(tuple(jobs))


def _table(reports: list[Report], cpu_s: list[float]) -> str:
    head = ("", "jobs", "failed", "makespan", "least", "ratio", "cost", "CPU")
    rows = [
        (
            report.groups[0].name,
            f"{report.total.jobs:,}",
            f"{report.total.failed:,}",
            duration(report.total.makespan_s),
            duration(report.total.least_s),
            f"{report.total.ratio:.2f}" if report.total.ratio else "–",
            usd(report.cost.total_usd),
            f"{seconds:.1f} s",
        )
        for report, seconds in zip(reports, cpu_s, strict=True)
    ]
    return columns([head, *rows])
