"""Summarise a file of daily weather from S3: a JSON summary and a picture of it.

This is the program of a batch job, whole: it is sent as the job's command (`python3 -c …`) and
runs the same on a laptop, in a container and on AWS. It needs Python and, for S3, boto3.

It reads  s3://$BATCHYARD_INPUT_BUCKET/$BATCHYARD_INPUT_KEY  (the S3 trigger sets both): a CSV with
the columns date, precipitation (mm), temp_max, temp_min (°C), wind (m/s) and weather. It writes
summary.json and weather.svg under  s3://$OUTPUT_BUCKET/$OUTPUT_PREFIX<name of the file>/ .
"""

import csv
import io
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import ItemsView, Iterable, Mapping
from datetime import date
from html import escape
from typing import Any

COLUMNS = ("date", "precipitation", "temp_max", "temp_min", "wind", "weather")
WET = 1.0  # mm in a day; climatologists call a day with less a dry one


Day = dict[str, Any]
Figures = dict[str, Any]


class BadFile(Exception):
    """The file is not one we can read; the message is one sentence for a person."""


# ── reading ───────────────────────────────────────────────────────────────────────────────────


def read(text: str) -> list[Day]:
    """The days of a CSV, in order of date."""
    table = csv.DictReader(io.StringIO(text))
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise BadFile(f"the file has no column {', '.join(missing)}: it needs {', '.join(COLUMNS)}")
    days = [day(row, line) for line, row in enumerate(table, start=2)]
    if not days:
        raise BadFile("the file has a heading and no days")
    return sorted(days, key=lambda d: d["date"])


def day(row: dict[str, str], line: int) -> Day:
    try:
        return {
            "date": date.fromisoformat(row["date"].replace("/", "-")),
            "rain": float(row["precipitation"]),
            "high": float(row["temp_max"]),
            "low": float(row["temp_min"]),
            "wind": float(row["wind"]),
            "kind": row["weather"].strip(),
        }
    except (ValueError, AttributeError, TypeError) as error:
        raise BadFile(f"line {line} is not a day of weather: {error}") from None


# ── summing up ────────────────────────────────────────────────────────────────────────────────


def summarise(days: list[Day]) -> Figures:
    """Everything the JSON says, by month, by year and in all."""
    return {
        "days": len(days),
        "first": str(days[0]["date"]),
        "last": str(days[-1]["date"]),
        "all": figures(days),
        "years": {key: figures(some) for key, some in grouped(days, "%Y")},
        "months": {key: figures(some) for key, some in grouped(days, "%Y-%m")},
        "records": records(days),
        "stretches": {"dry": longest(days, wet=False), "wet": longest(days, wet=True)},
    }


def grouped(days: list[Day], form: str) -> ItemsView[str, list[Day]]:
    groups: dict[str, list[Day]] = {}
    for d in days:
        groups.setdefault(d["date"].strftime(form), []).append(d)
    return groups.items()


def figures(days: list[Day]) -> Figures:
    return {
        "days": len(days),
        "lowest": min(d["low"] for d in days),
        "mean_low": mean(d["low"] for d in days),
        "mean": mean((d["low"] + d["high"]) / 2 for d in days),
        "mean_high": mean(d["high"] for d in days),
        "highest": max(d["high"] for d in days),
        "precipitation": round(sum(d["rain"] for d in days), 1),
        "wet_days": sum(d["rain"] >= WET for d in days),
        "mean_wind": mean(d["wind"] for d in days),
        "strongest_wind": max(d["wind"] for d in days),
        "weather": dict(Counter(d["kind"] for d in days).most_common()),
    }


def mean(values: Iterable[float]) -> float:
    every = list(values)
    return round(sum(every) / len(every), 2)


def records(days: list[Day]) -> dict[str, Figures]:
    """The day of each record; the first of equals."""
    best = {
        "hottest": max(days, key=lambda d: d["high"]),
        "coldest": min(days, key=lambda d: d["low"]),
        "wettest": max(days, key=lambda d: d["rain"]),
        "windiest": max(days, key=lambda d: d["wind"]),
    }
    told = {"hottest": "high", "coldest": "low", "wettest": "rain", "windiest": "wind"}
    return {k: {"date": str(d["date"]), "value": d[told[k]]} for k, d in best.items()}


def longest(days: list[Day], wet: bool) -> Figures:
    """The longest run of wet (or dry) days without a gap in the calendar; the first of equals."""
    best: list[Day] = []
    run: list[Day] = []
    for d in days:
        if (d["rain"] >= WET) != wet:
            run = []
        else:
            follows = run and (d["date"] - run[-1]["date"]).days == 1
            run = [*run, d] if follows else [d]
        best = run if len(run) > len(best) else best
    if not best:
        return {"days": 0}
    rain = round(sum(d["rain"] for d in best), 1)
    ends = {"from": str(best[0]["date"]), "to": str(best[-1]["date"])}
    return {"days": len(best), **ends, "precipitation": rain}


# ── drawing ───────────────────────────────────────────────────────────────────────────────────

WIDTH, HEIGHT, LEFT, RIGHT = 1280, 800, 76, 40
INK, SOFT, LINE, PAPER = "#22303c", "#6b7885", "#e4e2dc", "#fcfbf8"
#: Colours of a day's mean temperature: below 0 °C, each 5 °C, above 25 °C.
HEAT = ("#3b4ba0", "#4a86c0", "#7fb8d6", "#a9d5c9", "#f2d37a", "#f79a52", "#d8412f")
KINDS = {  # in the order in which they are stacked
    "sun": "#f6c344",
    "fog": "#b9bec6",
    "drizzle": "#8fc3dd",
    "rain": "#3f7fb5",
    "snow": "#c9b8e8",
}
MONTHS = "JFMAMJJASOND"


class Panel:
    """A plot in the picture: days across, values up."""

    def __init__(
        self, top: int, height: int, low: float, high: float, first: date, last: date
    ) -> None:
        self.top, self.height, self.low, self.high = top, height, low, high
        self.first, self.span = first.toordinal(), last.toordinal() - first.toordinal() + 1

    def x(self, when: date) -> float:
        return LEFT + (when.toordinal() - self.first) / self.span * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        return self.top + self.height * (self.high - value) / (self.high - self.low)

    def grid(self, step: int, unit: str) -> list[str]:
        parts, value = [], self.low
        while value <= self.high:
            y = self.y(value)
            parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{LINE}"/>')
            parts.append(label(LEFT - 10, y + 4, f"{value:g}{unit}", "end"))
            value += step
        return parts


def picture(days: list[Day], name: str) -> str:
    """The summary as an SVG image: temperatures, precipitation and kinds of weather."""
    summary = summarise(days)
    first, last = days[0]["date"], days[-1]["date"]
    warm = Panel(128, 300, *bounds(days), first, last)
    rain = Panel(484, 150, 0, ceiling(summary), first, last)
    kind = Panel(690, 44, 0, 1, first, last)
    parts = [
        *heading(summary, name),
        *temperatures(warm, days, summary),
        *precipitation(rain, summary),
        *weather(kind, summary),
        *calendar(warm, kind, summary),
    ]
    style = "text{font-family:'Helvetica Neue',Helvetica,Arial,sans-serif}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" role="img"><title>{escape(name)}</title>'
        f'<style>{style}</style><rect width="100%" height="100%" fill="{PAPER}"/>'
        + "".join(parts)
        + "</svg>\n"
    )


def bounds(days: list[Day]) -> tuple[float, float]:
    """The temperature axis: whole tens around everything."""
    low, high = min(d["low"] for d in days), max(d["high"] for d in days)
    return 10 * (low // 10), 10 * -(-high // 10)


def ceiling(summary: Figures) -> float:
    most: float = max(m["precipitation"] for m in summary["months"].values())
    return max(50, 50 * -(-most // 50))


def label(
    x: float,
    y: float,
    text: str,
    anchor: str = "start",
    size: int = 12,
    fill: str = SOFT,
    weight: int = 400,
) -> str:
    text = text.replace("-", "−") if text[:1] == "-" else text
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'font-weight="{weight}" fill="{fill}">{escape(text)}</text>'
    )


def heading(summary: Figures, name: str) -> list[str]:
    dry, total = summary["stretches"]["dry"], summary["all"]
    said = (
        f"{summary['days']:,} days, {summary['first']} to {summary['last']}  ·  "
        f"{total['mean']:.1f} °C on average  ·  {total['precipitation']:,.0f} mm of precipitation "
        f"on {total['wet_days']} wet days  ·  longest dry spell {dry['days']} days"
    )
    return [
        label(LEFT, 52, name.replace("-", " ").capitalize(), size=30, fill=INK, weight=700),
        label(LEFT, 78, said, size=14),
    ]


def temperatures(panel: Panel, days: list[Day], summary: Figures) -> list[str]:
    """One stroke a day from its low to its high, coloured by the mean; records are named."""
    parts = [label(LEFT, panel.top - 14, "Temperature", size=14, fill=INK, weight=700)]
    parts += [label(LEFT + 92, panel.top - 14, "low to high of each day, and each month's means")]
    parts += panel.grid(10, "°")
    strokes: dict[str, list[str]] = {}
    for d in days:
        x = (panel.x(d["date"]) + panel.x(date.fromordinal(d["date"].toordinal() + 1))) / 2
        path = f"M{x:.1f} {panel.y(d['high']):.1f}V{panel.y(d['low']):.1f}"
        strokes.setdefault(colour((d["low"] + d["high"]) / 2), []).append(path)
    for tint, paths in strokes.items():
        parts.append(f'<path d="{"".join(paths)}" stroke="{tint}" stroke-width="1.05"/>')
    for side in ("mean_high", "mean_low"):
        points = " ".join(
            f"{middle(panel, key):.1f},{panel.y(m[side]):.1f}"
            for key, m in summary["months"].items()
        )
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{INK}" stroke-width="1.5" '
            'stroke-linejoin="round" stroke-opacity=".8"/>'
        )
    for what in ("hottest", "coldest"):
        parts += record(panel, summary["records"][what], what)
    return parts + scale(panel.top - 14)


def record(panel: Panel, best: Figures, what: str) -> list[str]:
    x, y = panel.x(date.fromisoformat(best["date"])), panel.y(best["value"])
    value = f"{best['value']:g}".replace("-", "−")
    said = f"{what} {value} °C, {best['date']}"
    anchor = "end" if x > WIDTH / 2 else "start"
    return [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{PAPER}" stroke="{INK}" '
        'stroke-width="1.5"/>',
        label(x + (-10 if anchor == "end" else 10), y + 4, said, anchor, fill=INK),
    ]


def colour(mean: float) -> str:
    return HEAT[max(0, min(len(HEAT) - 1, int(mean // 5) + 1))]


def scale(y: float) -> list[str]:
    """The legend of the temperatures' colours."""
    x = WIDTH - RIGHT - 26 * len(HEAT) - 78
    parts = [label(x - 8, y, "below 0 °C", "end")]
    for n, tint in enumerate(HEAT):
        parts.append(f'<rect x="{x + 26 * n}" y="{y - 9}" width="26" height="10" fill="{tint}"/>')
    return [*parts, label(x + 26 * len(HEAT) + 8, y, "above 25 °C")]


def precipitation(panel: Panel, summary: Figures) -> list[str]:
    """One bar a month; the wettest is named."""
    months = summary["months"]
    parts = [label(LEFT, panel.top - 14, "Precipitation", size=14, fill=INK, weight=700)]
    parts += [label(LEFT + 102, panel.top - 14, "mm a month"), *panel.grid(50, "")]
    most = max(months, key=lambda key: months[key]["precipitation"])
    for key, m in months.items():
        tint = "#1f5f95" if key == most else "#5b9bcb"
        parts.append(bar(panel, key, 0, m["precipitation"], tint))
    y = panel.y(months[most]["precipitation"])
    said = f"{months[most]['precipitation']:.0f} mm"
    return [*parts, label(middle(panel, most), y - 6, said, "middle", fill=INK)]


def weather(panel: Panel, summary: Figures) -> list[str]:
    """Each month's days by kind of weather, stacked to the whole."""
    parts = [label(LEFT, panel.top - 14, "Kinds of weather", size=14, fill=INK, weight=700)]
    seen = summary["all"]["weather"]
    others = [kind for kind in seen if kind not in KINDS]
    kinds = {**{k: v for k, v in KINDS.items() if k in seen}, **dict.fromkeys(others, "#d8d3c8")}
    x = LEFT + 142
    for kind, tint in kinds.items():
        said = f"{kind} {seen[kind] / summary['days']:.0%}"
        parts.append(f'<circle cx="{x}" cy="{panel.top - 18}" r="5" fill="{tint}"/>')
        parts.append(label(x + 10, panel.top - 14, said))
        x += 32 + 6 * len(said)
    for key, m in summary["months"].items():
        low = 0.0
        for kind, tint in kinds.items():
            high = low + m["weather"].get(kind, 0) / m["days"]
            parts.append(bar(panel, key, low, high, tint))
            low = high
    return parts


def bar(panel: Panel, month: str, low: float, high: float, tint: str) -> str:
    start, end = edges(panel, month)
    top, bottom = panel.y(high), panel.y(low)
    return (
        f'<rect x="{start + 1.5:.1f}" y="{top:.1f}" width="{max(end - start - 3, 1):.1f}" '
        f'height="{bottom - top:.1f}" fill="{tint}"/>'
    )


def edges(panel: Panel, month: str) -> tuple[float, float]:
    """Where a month begins and ends, inside the plot."""
    year, number = map(int, month.split("-"))
    following = date(year + number // 12, number % 12 + 1, 1)
    start, end = panel.x(date(year, number, 1)), panel.x(following)
    return max(start, LEFT), min(end, WIDTH - RIGHT)


def middle(panel: Panel, month: str) -> float:
    return sum(edges(panel, month)) / 2


def calendar(top: Panel, bottom: Panel, summary: Figures) -> list[str]:
    """Months and years along the foot, and a line where a year begins."""
    foot, parts = bottom.top + bottom.height, []
    for month in summary["months"]:
        at = middle(bottom, month)
        parts.append(label(at, foot + 18, MONTHS[int(month[5:]) - 1], "middle", size=11))
    for year in summary["years"]:
        months = [m for m in summary["months"] if m.startswith(year)]
        start, end = edges(bottom, months[0])[0], edges(bottom, months[-1])[1]
        parts.append(label((start + end) / 2, foot + 42, year, "middle", 15, INK, 700))
        if start > LEFT:
            line = f'd="M{start:.1f} {top.top}V{foot + 46}" stroke="{SOFT}" stroke-opacity=".35"'
            parts.append(f"<path {line}/>")
    return parts


# ── the job ───────────────────────────────────────────────────────────────────────────────────


def say(text: str) -> None:
    print(text, flush=True)


def storage() -> Any:
    """An S3 client; a plain Python image has no boto3, so fetch it first."""
    try:
        import boto3
    except ImportError:
        say("this image has no boto3: installing it")
        quiet = ("--quiet", "--disable-pip-version-check", "--root-user-action=ignore")
        subprocess.run([sys.executable, "-m", "pip", "install", *quiet, "boto3"], check=True)
        import boto3
    return boto3.client("s3")


def main(env: Mapping[str, str]) -> None:
    bucket, key = env["BATCHYARD_INPUT_BUCKET"], env["BATCHYARD_INPUT_KEY"]
    name = key.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    target, prefix = env["OUTPUT_BUCKET"], f"{env.get('OUTPUT_PREFIX', 'weather/')}{name}/"
    say(f"job {env.get('AWS_BATCH_JOB_ID', '-')}: reading s3://{bucket}/{key}")
    s3 = storage()
    days = read(s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode(errors="replace"))
    summary = summarise(days)
    say(f"{summary['days']} days from {summary['first']} to {summary['last']}")
    for what, best in summary["records"].items():
        say(f"  {what:8} {best['date']}  {best['value']:g}")
    summary["source"] = {"bucket": bucket, "key": key}
    results = {
        "summary.json": (json.dumps(summary, indent=2), "application/json"),
        "weather.svg": (picture(days, name), "image/svg+xml"),
    }
    for file, (body, kind) in results.items():
        s3.put_object(Bucket=target, Key=prefix + file, Body=body.encode(), ContentType=kind)
        say(f"wrote s3://{target}/{prefix}{file} ({len(body.encode()):,} bytes)")
    say("done")


if __name__ == "__main__":
    try:
        main(os.environ)
    except BadFile as error:
        sys.exit(f"cannot summarise: {error}")
