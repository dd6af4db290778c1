"""A report as a person reads it: tables of plain text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simulator.report import ALL, Figures, Report, Waited

#: Groups that are told one by one; of more, these take the longest.
MOST_GROUPS = 40
_LONGEST_NAME = 44


def told(report: Report) -> str:
    """The whole report."""
    parts = [
        _groups(report),
        f"Where it waited, of {report.total.jobs:,} jobs:\n" + _waits(report.total),
        "What it costs, at list prices of us-east-1, November 2026:\n" + _costs(report),
        *_remarks(report),
    ]
    return "\n\n".join(parts)


def _groups(report: Report) -> str:
    longest = sorted(report.groups, key=lambda group: -group.makespan_s)[:MOST_GROUPS]
    shown = [group for group in report.groups if group in longest]
    rows = [_group(group) for group in shown] if len(report.groups) > 1 else []
    name = report.groups[0].name if len(report.groups) == 1 else ALL
    rows.append(_group(report.total, name))
    head = ("", "jobs", "succeeded", "failed", "makespan", "critical path", "least", "ratio")
    table = columns([head, *rows])
    left_out = len(report.groups) - len(shown)
    if left_out:
        table += f"\n({left_out:,} groups that took less long are left out; --json has them)"
    return table


def _group(group: Figures, name: str | None = None) -> tuple[str, ...]:
    return (
        _short(name or group.name),
        f"{group.jobs:,}",
        f"{group.succeeded:,}",
        f"{group.failed:,}",
        duration(group.makespan_s),
        duration(group.critical_path_s),
        duration(group.least_s),
        f"{group.ratio:.2f}" if group.ratio else "–",
    )


def _waits(total: Figures) -> str:
    head = ("", "jobs", "in all", "median", "95 %")
    waits = [*total.waits, total.waiting_s]
    rows = [_wait(wait, name) for wait, name in zip(waits, _names(total), strict=True)]
    return columns([head, *rows])


def _names(total: Figures) -> Iterable[str]:
    yield from (wait.where for wait in total.waits)
    yield "free to run → running"


def _wait(wait: Waited, name: str) -> tuple[str, ...]:
    lengths = (wait.total_s, wait.median_s, wait.p95_s)
    return (name, f"{wait.jobs:,}", *map(duration, lengths))


def _costs(report: Report) -> str:
    cost = report.cost
    head = ("", "tasks", "vCPU-hours", "GB-hours", "USD")
    rows = []
    for env in cost.fargate:
        kind = "Fargate Spot, 70 % off" if env.spot else "Fargate"
        hours = f"{env.vcpu_hours:,.2f}", f"{env.gb_hours:,.2f}"
        rows.append((f"{env.environment} ({kind})", f"{env.tasks:,}", *hours, usd(env.usd)))
    addresses = sum(env.addresses_usd for env in cost.fargate)
    rows.append(("public addresses", "", "", "", usd(addresses)))
    rows.append(("control plane", "", "", "", usd(cost.control_plane_usd)))
    rows.append(("in all", "", "", "", usd(cost.total_usd)))
    return columns([head, *rows])


def _remarks(report: Report) -> list[str]:
    remarks = [f"Note: {note}." for note in report.notes]
    remarks += [f"VIOLATED: {violation}" for violation in report.violations]
    return ["\n".join(remarks)] if remarks else []


# ── parts ─────────────────────────────────────────────────────────────────────────────────────


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows under each other: the first column to the left, numbers to the right."""
    widths = [max(len(row[number]) for row in rows) for number in range(len(rows[0]))]
    return "\n".join(_line(row, widths) for row in rows)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = zip(row, widths, strict=True)
    cells = [f"  {first[0]:<{first[1]}}", *(f"{cell:>{width}}" for cell, width in others)]
    return "   ".join(cells).rstrip()


def duration(seconds: float) -> str:
    """0.25 s · 12.3 s · 4 min 10 s · 3 h 05 min · 2 d 4 h"""
    if seconds < 10:
        return f"{seconds:.2g} s" if seconds else "0"
    if round(seconds) < 120:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 120:
        return f"{minutes} min {rest:02} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02} min"
    return f"{hours // 24} d {hours % 24} h"


def usd(amount: float) -> str:
    """Cents, and finer where there are few of them."""
    return f"${amount:,.2f}" if amount >= 0.1 or not amount else f"${amount:.4f}"


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}"
