"""A played workload as a picture: who ran when, what was in use, and how many jobs did what.

Three panels over one axis of time. Of few jobs each has a row of its own, with what it waited for;
of more, their runs are laid into as few rows as hold them; of very many, only the sums are drawn.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from simulator.report import Report, last_end
from simulator.report_table import duration, usd
from simulator.series import BINS, averages
from simulator.svg import Drawing
from simulator.workloads.play import Played
from simulator.workloads.trace import Phase, Span, Trace

WIDTH, LEFT, RIGHT = 1200, 190, 24
ROWS, SLOTS, RUNS = 60, 500, 20_000  #: most rows of jobs, rows of runs, and runs, that are drawn
PLOT = WIDTH - LEFT - RIGHT
USE_HEIGHT, DEPTH_HEIGHT, GAP = 110, 150, 46

_PLATFORM = (Phase.TICKET, Phase.RATE, Phase.BACKOFF, Phase.ENDING)

#: What a job does, from the bottom of the stack to its top: (colour, words, phases).
LAYERS = (
    ("running", "running", (Phase.RUNNING,)),
    ("starting", "starting", (Phase.STARTING,)),
    ("waiting", "waiting for capacity", (Phase.CAPACITY,)),
    ("other", "with the platform, or paused", _PLATFORM),
    ("blocked", "waiting for other jobs", (Phase.DEPENDENCIES,)),
)
_COLOURS = {phase: colour for colour, _, phases in LAYERS for phase in phases}
_STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 21_600, 43_200, 86_400, 172_800, 604_800)


@dataclass(frozen=True, slots=True)
class Axis:
    """Time from left to right: ms after the beginning."""

    end: int

    def x(self, when: float) -> float:
        return LEFT + PLOT * when / self.end

    def ticks(self) -> Iterator[int]:
        """Round moments, at most a dozen."""
        fitting = (step for step in _STEPS_S if self.end / 1000 / step <= 12)
        step = next(fitting, _STEPS_S[-1] * -(-self.end // (12_000 * _STEPS_S[-1])))
        return iter(range(0, self.end + 1, step * 1000))


def picture(played: Played, report: Report) -> str:
    """The SVG file's text."""
    drawing = Drawing(WIDTH)
    axis = Axis(max((last_end(trace) for trace in played.traces), default=1) or 1)
    title = _title(report)
    _head(drawing, title, played, report)
    top = 96.0
    for panel in (_gantt, _use, _depth):
        top = panel(drawing, axis, played, top)
    return drawing.svg(top - GAP + 36, title)


def _title(report: Report) -> str:
    total = report.total
    ends = f"{total.jobs:,} jobs end after {duration(total.makespan_s)}"
    failed = f", {total.failed:,} failed" if total.failed else ""
    return f"{ends} and cost {usd(report.cost.total_usd)}{failed}"


def _head(drawing: Drawing, title: str, played: Played, report: Report) -> None:
    drawing.text(LEFT, 32, title, size=20, bold=True)
    places = " · ".join(f"{p.name}: {p.vcpus:,} vCPUs" for p in played.yard.places)
    ratio = f" · {report.total.ratio:.2f} × the least possible" if report.total.ratio else ""
    drawing.text(LEFT, 53, places + ratio, colour="faint")
    x = float(LEFT)
    for colour, words in (*((layer[0], layer[1]) for layer in LAYERS), ("failed", "failed run")):
        drawing.rect(x, 66, 10, 10, colour)
        drawing.text(x + 15, 75, words, colour="faint", size=11)
        x += 33 + 6.2 * len(words)


# ── panels: each draws from `top` and gives where the next one begins ────────────────────────────


def _gantt(drawing: Drawing, axis: Axis, played: Played, top: float) -> float:
    if len(played.traces) <= ROWS:
        return _job_rows(drawing, axis, played.traces, top)
    slots = list(_slots(played))
    if len(slots) > SLOTS or sum(len(slot.runs) for slot in slots) > RUNS:
        return top
    return _slot_rows(drawing, axis, slots, top)


def _job_rows(drawing: Drawing, axis: Axis, traces: Sequence[Trace], top: float) -> float:
    """A row for each job: thick while it runs, thin while it waits."""
    height = 16
    bottom = top + height * len(traces)
    _frame(drawing, axis, top, bottom)
    for row, trace in enumerate(traces):
        y = top + row * height
        drawing.text(LEFT - 8, y + 12, _short(trace.job.name), size=11, anchor="end")
        for span in trace.spans:
            thin = 0 if span.phase in (Phase.RUNNING, Phase.STARTING) else 4
            _bar(drawing, axis, span, y + 2 + thin, height - 4 - 2 * thin, trace)
    return bottom + GAP


@dataclass(frozen=True, slots=True)
class _Run:
    """One attempt, from its launch to its end, in one environment."""

    trace: Trace
    spans: tuple[Span, ...]

    @property
    def begin(self) -> int:
        return self.spans[0].begin

    @property
    def end(self) -> int:
        return self.spans[-1].end


@dataclass(frozen=True, slots=True)
class _Slot:
    """A row of runs that do not overlap, all in one environment."""

    env: str
    runs: list[_Run]


def _slots(played: Played) -> Iterator[_Slot]:
    """As few rows as hold all runs of each environment, in the order of the environments."""
    runs = sorted((r for t in played.traces for r in _runs(t)), key=lambda run: run.begin)
    for place in played.yard.places:
        yield from _laid(place.name, (run for run in runs if run.spans[-1].env == place.name))


def _runs(trace: Trace) -> Iterator[_Run]:
    """A start-up and the run that follows it belong together."""
    spans: tuple[Span, ...] = ()
    for span in trace.spans:
        if span.phase is Phase.STARTING:
            spans = (span,)
        elif span.phase is Phase.RUNNING:
            yield _Run(trace, (*spans, span))
            spans = ()


def _laid(env: str, runs: Iterable[_Run]) -> list[_Slot]:
    slots: list[_Slot] = []
    free: list[tuple[int, int]] = []  # (when its last run ends, the slot)
    for run in runs:
        at = heapq.heappop(free)[1] if free and free[0][0] <= run.begin else len(slots)
        if at == len(slots):
            slots.append(_Slot(env, []))
        slots[at].runs.append(run)
        heapq.heappush(free, (run.end, at))
    return slots


def _slot_rows(drawing: Drawing, axis: Axis, slots: Sequence[_Slot], top: float) -> float:
    height = max(1.2, min(12.0, 480 / len(slots)))
    bottom = top + height * len(slots)
    _frame(drawing, axis, top, bottom)
    last = ""
    for row, slot in enumerate(slots):
        y = top + row * height
        if slot.env != last:
            drawing.text(LEFT - 8, y + 11, _short(slot.env), size=11, anchor="end")
            drawing.line(LEFT, y, WIDTH - RIGHT, y)
            last = slot.env
        for run in slot.runs:
            for span in run.spans:
                _bar(drawing, axis, span, y + height / 16, height * 7 / 8, run.trace)
    drawing.text(LEFT - 8, bottom, "jobs at once", colour="faint", size=11, anchor="end")
    return bottom + GAP


def _bar(drawing: Drawing, axis: Axis, span: Span, y: float, height: float, trace: Trace) -> None:
    colour = "failed" if span.failed else _COLOURS[span.phase]
    attempt = f", attempt {span.attempt}" if trace.job.attempts > 1 and span.attempt else ""
    told = f"{trace.job.name}: {span.phase}{attempt}, {duration(span.length / 1000)}"
    x = axis.x(span.begin)
    drawing.rect(x, y, max(0.4, axis.x(span.end) - x), height, colour, told)


def _use(drawing: Drawing, axis: Axis, played: Played, top: float) -> float:
    """The vCPUs in use, by what those who have them do, under the most there are."""
    layers = [
        averages(
            (
                (span, trace.job.milli_vcpus / 1000)
                for trace in played.traces
                for span in trace.spans
                if span.phase is phase
            ),
            axis.end,
        )
        for phase in (Phase.RUNNING, Phase.STARTING)
    ]
    most = played.yard.milli_vcpus / 1000
    bottom = top + USE_HEIGHT
    _panel(drawing, axis, "vCPUs in use", most, top, bottom)
    _stack(drawing, axis, layers, ("running", "starting"), most, top, bottom)
    drawing.line(LEFT, top, WIDTH - RIGHT, top, dashed=True)
    return bottom + GAP


def _depth(drawing: Drawing, axis: Axis, played: Played, top: float) -> float:
    """How many jobs there are, by what they do."""
    layers = [
        averages(
            ((s, 1.0) for trace in played.traces for s in trace.spans if s.phase in phases),
            axis.end,
        )
        for _, _, phases in LAYERS
    ]
    most = max(map(sum, zip(*layers, strict=True))) or 1.0
    bottom = top + DEPTH_HEIGHT
    _panel(drawing, axis, "jobs not ended", most, top, bottom)
    _stack(drawing, axis, layers, [layer[0] for layer in LAYERS], most, top, bottom)
    return bottom + GAP


# ── parts ─────────────────────────────────────────────────────────────────────────────────────


def _frame(drawing: Drawing, axis: Axis, top: float, bottom: float) -> None:
    for tick in axis.ticks():
        x = axis.x(tick)
        drawing.line(x, top, x, bottom + 4)
        drawing.text(x, bottom + 18, _moment(tick), colour="faint", size=11, anchor="middle")


def _panel(drawing: Drawing, axis: Axis, name: str, most: float, top: float, bottom: float) -> None:
    _frame(drawing, axis, top, bottom)
    drawing.text(LEFT - 8, top + 11, f"{most:,.0f}", colour="faint", size=11, anchor="end")
    drawing.text(LEFT - 8, (top + bottom) / 2 + 4, name, size=12, anchor="end")
    drawing.text(LEFT - 8, bottom, "0", colour="faint", size=11, anchor="end")


def _stack(
    drawing: Drawing,
    axis: Axis,
    layers: Sequence[Sequence[float]],
    colours: Sequence[str],
    most: float,
    top: float,
    bottom: float,
) -> None:
    """Layers on top of each other, as steps: what is drawn is a mean over a moment."""
    below = [0.0] * BINS
    for layer, colour in zip(layers, colours, strict=True):
        above = [low + high for low, high in zip(below, layer, strict=True)]
        if any(layer):
            lines = [_steps(axis, line, most, top, bottom) for line in (above, below)]
            drawing.area(lines[0], lines[1], colour)
        below = above


def _steps(
    axis: Axis, line: Sequence[float], most: float, top: float, bottom: float
) -> list[tuple[float, float]]:
    points = []
    for number, value in enumerate(line):
        y = bottom - (bottom - top) * value / most
        points += [(axis.x(axis.end * at / BINS), y) for at in (number, number + 1)]
    return points


def _moment(when: int) -> str:
    """1500 → "0:00:01"; days where there are some."""
    minutes, seconds = divmod(when // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours}:{minutes:02}:{seconds:02}"


def _short(name: str) -> str:
    return name if len(name) <= 26 else f"{name[:12]}…{name[-13:]}"
