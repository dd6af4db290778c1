"""Workloads drawn from a seed: `jobs=1000 arrivals=poisson:200/h runtime=lognormal:300s,1.2 …`.

Each setting is NAME=VALUE; docs/simulate.md lists them. The jobs come out as the lines of a workload
file, so that what was drawn can be kept, looked at and changed.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.workloads.fields import LONGEST, shown
from simulator.workloads.model import MOST_JOBS, WorkloadError

#: Draws one value.
Draw = Callable[[random.Random], float]

#: A job that depends on another waits for one of so many before it.
NEAR = 100
MOST_CHOICES = 100

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)?")
_RATE = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)/(s|m|h|d)")
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)(%?)")
_DURATIONS = "30, 30s, 5m, 2h or 1d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What is drawn, and from what."""

    jobs: int
    arrivals: Callable[[random.Random, int], Iterator[float]]
    runtime: Draw
    vcpus: Draw
    memory: Draw | None
    failures: float
    attempts: int
    dependent: float

    def lines(self, seed: int) -> Iterator[dict[str, Any]]:
        """The jobs, as lines of a workload file; the same for the same seed."""
        draw = random.Random(seed)
        for number, arrival in enumerate(self.arrivals(draw, self.jobs)):
            yield self._line(draw, number, arrival)

    def _line(self, draw: random.Random, number: int, arrival: float) -> dict[str, Any]:
        cores = self.vcpus(draw)
        line: dict[str, Any] = {
            "job": f"generated-{number}",
            "submit_s": round(arrival, 3),
            "runtime_s": round(min(self.runtime(draw), LONGEST), 3),
            "cores": cores,
            "memory_mib": round(self.memory(draw) if self.memory else cores * 2048),
        }
        if self.failures:
            line |= {"attempts": self.attempts, "failure_rate": self.failures}
        if number and draw.random() < self.dependent:
            line["after"] = [f"generated-{draw.randrange(max(0, number - NEAR), number)}"]
        return line


def recipe_of(text: str) -> Recipe:
    """Read the settings. Raises WorkloadError: one sentence that names the setting and its value."""
    said: dict[str, str] = {}
    for word in text.split():
        name, equals, value = word.partition("=")
        if not equals or name not in _SETTINGS:
            raise WorkloadError(
                f"--generate holds {shown(word)}: NAME=VALUE is needed, "
                f"NAME one of {', '.join(_SETTINGS)}."
            )
        if name in said:
            raise WorkloadError(f"--generate says {name} twice.")
        said[name] = value
    return Recipe(
        **{name: read(said.get(name, usual)) for name, (read, usual) in _SETTINGS.items()}
    )


# ── settings ──────────────────────────────────────────────────────────────────────────────────


def _jobs(value: str) -> int:
    if not re.fullmatch(r"\d{1,8}", value) or not 1 <= int(value) <= MOST_JOBS:
        raise _refused("jobs", value, f"a whole number from 1 to {MOST_JOBS:,}")
    return int(value)


def _arrivals(value: str) -> Callable[[random.Random, int], Iterator[float]]:
    kind, _, rest = value.partition(":")
    rate = _RATE.fullmatch(rest)
    if value == "all":
        return lambda _draw, jobs: iter([0.0] * jobs)
    if kind == "poisson" and rate and float(rate[1]) > 0:
        a_second = float(rate[1]) / _SECONDS[rate[2]]
        return lambda draw, jobs: _poisson(draw, jobs, a_second)
    if kind in ("every", "within") and _DURATION.fullmatch(rest):
        length = _duration("arrivals", rest)
        if kind == "every":
            return lambda _draw, jobs: (min(n * length, LONGEST) for n in range(jobs))
        return lambda draw, jobs: iter(sorted(draw.uniform(0, length) for _ in range(jobs)))
    raise _refused("arrivals", value, "all, poisson:200/h (or /s, /m, /d), every:10s or within:24h")


def _poisson(draw: random.Random, jobs: int, a_second: float) -> Iterator[float]:
    now = 0.0
    for _ in range(jobs):
        now += draw.expovariate(a_second)
        yield min(now, LONGEST)


def _runtime(value: str) -> Draw:
    kind, _, rest = value.rpartition(":")
    parts = rest.split(",")
    if not kind and len(parts) == 1:
        length = _duration("runtime", rest)
        return lambda _draw: length
    if kind == "exponential" and len(parts) == 1 and (mean := _duration("runtime", rest)) > 0:
        return lambda draw: draw.expovariate(1 / mean)
    if kind == "uniform" and len(parts) == 2:
        low, high = (_duration("runtime", part) for part in parts)
        return lambda draw: draw.uniform(low, high)
    if kind == "lognormal" and len(parts) == 2:
        middle, sigma = _duration("runtime", parts[0]), _sigma(value, parts[1])
        return lambda draw: middle * math.exp(draw.gauss(0, sigma))
    raise _refused(
        "runtime",
        value,
        "300s, lognormal:300s,1.2 (median, sigma), exponential:300s (mean) or uniform:60s,600s",
    )


def _sigma(value: str, text: str) -> float:
    if not re.fullmatch(r"\d(?:\.\d{1,6})?", text) or float(text) > 5:
        raise _refused("runtime", value, "a sigma from 0 to 5 after the comma")
    return float(text)


def _choices(name: str, value: str, least: float, most: float) -> Draw:
    """`0.25:5,1:3,4`: values with weights; a value alone weighs 1."""
    values, weights = [], []
    for part in value.split(","):
        match = re.fullmatch(r"(\d{1,8}(?:\.\d{1,3})?)(?::(\d{1,6}(?:\.\d{1,6})?))?", part)
        if not match or not least <= float(match[1]) <= most:
            allowed = f"VALUE:WEIGHT,…, such as 1:3,4:1, each VALUE from {least:g} to {most:,.10g}"
            raise _refused(name, value, allowed)
        values.append(float(match[1]))
        weights.append(float(match[2] or 1))
    if len(values) > MOST_CHOICES or not sum(weights):
        raise _refused(name, value, f"at most {MOST_CHOICES} values, not all with weight 0")
    return lambda draw: draw.choices(values, weights)[0]


def _share(name: str, value: str) -> float:
    match = _PERCENT.fullmatch(value)
    share = float(match[1]) / (100 if match[2] else 1) if match else -1
    if not 0 <= share <= 1:
        raise _refused(name, value, "a share such as 2% or 0.02, from 0 to 1")
    return share


def _attempts(value: str) -> int:
    if not re.fullmatch(r"[1-9]|10", value):
        raise _refused("attempts", value, "a whole number from 1 to 10")
    return int(value)


def _duration(name: str, text: str) -> float:
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _SECONDS[match[2] or "s"] if match else -1
    if not 0 <= seconds <= LONGEST:
        raise _refused(name, text, f"a duration such as {_DURATIONS}, at most 366d")
    return seconds


def _refused(name: str, value: str, allowed: str) -> WorkloadError:
    return WorkloadError(f"--generate: {name} is {shown(value)}: {allowed} is needed.")


#: How each setting is read, and what it is when nothing is said.
_SETTINGS: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "jobs": (_jobs, "1000"),
    "arrivals": (_arrivals, "all"),
    "runtime": (_runtime, "lognormal:300s,1.2"),
    "vcpus": (lambda value: _choices("vcpus", value, 0.001, 1_000), "1"),
    "memory": (
        lambda value: _choices("memory", value, 1, 16_777_216) if value else None,
        "",
    ),
    "failures": (lambda value: _share("failures", value), "0"),
    "attempts": (_attempts, "3"),
    "dependent": (lambda value: _share("dependent", value), "0"),
}
