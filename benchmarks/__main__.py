"""`make bench`: every figure, as a table for people and as JSON for machines.

python -m benchmarks [--json] [--only control-plane|packing|fair-share|local]
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from benchmarks import control_plane, fair_share, local_platform, packing
from benchmarks.mixes import MIXES

#: What the design asks for, by figure: (part, name) → the largest allowed.
GOALS = {
    ("local", "noop_median_s"): 3.0,
    ("local", "up_s"): 45.0,
    ("plain, 500 at once", "write_units"): 20.0,
    ("plain, 500 at once", "usd_total"): 20.0,
    ("fair share, a virtual day", "off_by_percent"): 5.0,
    **{(f"packing, {mix}, ≤ 32", "ratio"): 1.06 for mix in MIXES},
    **{(f"packing, {mix}, ≤ 96", "ratio"): 1.03 for mix in MIXES},
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--json", action="store_true", help="JSON alone")
    parts = ("control-plane", "packing", "fair-share", "local")
    parser.add_argument("--only", choices=parts, help="one part")
    asked = parser.parse_args()
    found: dict[str, Any] = {}
    if asked.only in (None, "control-plane"):
        found |= control_plane.figures()
    if asked.only in (None, "packing"):
        _tell("Packing 10,000 jobs, six times, beside others…")
        found |= packing.of_mixes()
    if asked.only in (None, "fair-share"):
        found["fair share, a virtual day"] = fair_share.figures()
    if asked.only in (None, "local"):
        _tell("Measuring the local platform (about a minute)…")
        found["local"] = local_platform.figures()
    if not asked.json:
        _table(found)
    print(json.dumps(found, indent=2))
    return 0


def _table(found: dict[str, Any]) -> None:
    _tell(f"\n{'what':<34}{'figure':<22}{'measured':>12}{'goal':>10}")
    for part, figures in found.items():
        for name, value in figures.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                _tell(f"{part:<34}{name:<22}{value:>12.5g}{_goal(part, name, value):>10}")
        for service, usd in figures.get("usd_per_million", {}).items():
            _tell(f"{'':<34}{'  $ ' + service:<22}{usd:>12.2f}")
    _tell("")


def _goal(part: str, name: str, value: float) -> str:
    goal = GOALS.get((part, name))
    if goal is None:
        return ""
    return f"≤ {goal:g}" + ("" if value <= goal else " over")


def _tell(line: str) -> None:
    """For people: beside the JSON, which alone goes to standard output."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
