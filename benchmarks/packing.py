"""How well hosts are packed: dollars an hour against what no packing can beat, and against peers.

    python -m benchmarks.packing --requests FILE [--catalog FILE] --max-vcpus N [--json]
    python -m benchmarks.packing --mix log-normal --jobs 10000 --max-vcpus 96

FILE has one request a line: {"vcpus": 2, "memory_mib": 4096, "gpus": 0, "count": 10}. The function
measured is the very one that the scheduler calls. The floor is a linear program (jobs as water, any
mixture of types), solved by HiGHS where it is installed and by ourselves, which must agree.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.mixes import MIXES
from benchmarks.peers import karpenter_like, one_for_each
from lambdas.adapters.ec2_types import shipped
from lambdas.core.instances import InstanceType
from lambdas.core.packing import HostType, Need, Packing, floor, pack

Peer = Callable[[Mapping[Need, int], Sequence[HostType]], float]


def main(arguments: Sequence[str] | None = None) -> int:
    asked = _parser().parse_args(arguments)
    try:
        jobs = _requests(asked)
        types = _types(asked)
        found = figures(jobs, types, peers=not asked.no_peers)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if not asked.json:
        _table(found)
    print(json.dumps(found, indent=None if asked.json else 2))
    return 0


def of_mixes(jobs: int = 10_000) -> dict[str, dict[str, Any]]:
    """The figures of every mix of ours, on hosts of at most 32 and 96 vCPUs."""
    found = {}
    for most in (32, 96):
        asked = _parser().parse_args(["--mix", "cluster", "--max-vcpus", str(most)])
        types = _types(asked)
        for name, mix in MIXES.items():
            found[f"packing, {name}, ≤ {most}"] = _flat(figures(mix(jobs, asked.seed), types))
    return found


def _flat(found: Mapping[str, Any]) -> dict[str, Any]:
    """Ratios and times alone, the peers' beside ours."""
    peers = {f"{name}_ratio": found[name]["ratio"] for name in ("one_per_job", "karpenter_like")}
    return {"ratio": found["ratio"], "wall_s": found["wall_s"], **peers}


def figures(
    jobs: Mapping[Need, int], types: Sequence[HostType], *, peers: bool = True
) -> dict[str, Any]:
    """Cost, floor, ratio, time, hosts, and the same of the peers."""
    began = time.perf_counter()
    packing = pack(jobs, types)
    wall = time.perf_counter() - began
    if packing.infeasible:
        raise ValueError(
            f"no type holds {packing.infeasible[0].told()}: see --max-vcpus, --families"
        )
    _must_hold(packing, jobs)
    least = floor(jobs, types)
    found: dict[str, Any] = {
        "jobs": sum(jobs.values()),
        "shapes": len(jobs),
        "types": len(types),
        "usd_per_hour": round(packing.price, 4),
        "lower_bound": round(least, 4),
        "lower_bound_highs": _highs(jobs, types),
        "ratio": round(packing.price / least, 4),
        "instances": sum(group.count for group in packing.hosts),
        "wall_s": round(wall, 3),
        "method": packing.method,
    }
    ways: dict[str, Peer] = {"one_per_job": one_for_each, "karpenter_like": karpenter_like}
    for name, peer in ways.items() if peers else ():
        found[name] = _peer(peer, jobs, types, least)
    return found


def _peer(
    peer: Peer, jobs: Mapping[Need, int], types: Sequence[HostType], least: float
) -> dict[str, float]:
    began = time.perf_counter()
    cost = peer(jobs, types)
    wall = time.perf_counter() - began
    return {
        "usd_per_hour": round(cost, 4),
        "ratio": round(cost / least, 4),
        "wall_s": round(wall, 3),
    }


def _must_hold(packing: Packing, jobs: Mapping[Need, int]) -> None:
    """Every job is packed once, and no host is given more than it has."""
    packed: Counter[Need] = Counter()
    for group in packing.hosts:
        for need, count in group.jobs.items():
            packed[need] += count * group.count
        all_of = Need(*(sum(n[i] * count for n, count in group.jobs.items()) for i in range(3)))
        if not group.type.holds(all_of):
            raise AssertionError(f"{group.type.name} was given {all_of.told()}")
    if packed != Counter(jobs):
        raise AssertionError("the jobs packed are not the jobs asked for")


def _highs(jobs: Mapping[Need, int], types: Sequence[HostType]) -> float | None:
    """The floor again, by HiGHS; GPUs are a third row. None where HiGHS is not installed."""
    try:
        import highspy
    except ImportError:
        return None
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    count = [solver.addVariable(lb=0, obj=host.price) for host in types]
    for dimension, of in enumerate(("milli_vcpus", "memory", "gpus")):
        asked = sum(need[dimension] * number for need, number in jobs.items())
        if asked:
            solver.addConstr(
                sum(getattr(host, of) / asked * x for host, x in zip(types, count, strict=True))
                >= 1
            )
    solver.run()
    return round(float(solver.getInfo().objective_function_value), 4)


# ── input ─────────────────────────────────────────────────────────────────────────────────────


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.packing", description=__doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--requests", type=Path, metavar="FILE", help="jobs, grouped, one a line")
    source.add_argument("--mix", choices=sorted(MIXES), help="jobs of our making")
    parser.add_argument("--jobs", type=int, default=10_000, metavar="N", help="of the mix")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the mix")
    parser.add_argument("--catalog", type=Path, metavar="FILE", help="instance types, JSON lines")
    parser.add_argument("--max-vcpus", type=int, default=192, metavar="N", help="of one instance")
    parser.add_argument("--families", default="c,m,r", help="letters (default c,m,r)")
    parser.add_argument("--architecture", default="x86_64", choices=("x86_64", "arm64"))
    parser.add_argument("--generation", type=int, default=5, metavar="N", help="at least")
    parser.add_argument("--burstable", action="store_true", help="those too")
    parser.add_argument("--metal", action="store_true", help="those too")
    parser.add_argument("--no-peers", action="store_true", help="ours alone")
    parser.add_argument("--json", action="store_true", help="JSON alone, in one line")
    return parser


def _requests(asked: argparse.Namespace) -> dict[Need, int]:
    if asked.mix:
        return MIXES[asked.mix](asked.jobs, asked.seed)
    jobs: Counter[Need] = Counter()
    for number, line in enumerate(asked.requests.read_text().splitlines(), 1):
        if line.strip():
            try:
                jobs.update(_request(json.loads(line)))
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(f"{asked.requests}:{number}: {error!r}") from error
    if not jobs:
        raise ValueError(f"{asked.requests}: no requests")
    return dict(jobs)


def _request(line: Mapping[str, Any]) -> dict[Need, int]:
    need = Need(round(line["vcpus"] * 1000), int(line["memory_mib"]), int(line.get("gpus") or 0))
    count = int(line.get("count", 1))
    if need.milli_vcpus < 1 or need.memory < 1 or need.gpus < 0 or count < 1:
        raise ValueError("vcpus, memory_mib and count must be positive")
    return {need: count}


def _types(asked: argparse.Namespace) -> list[HostType]:
    letters = set(asked.families.split(","))
    types = _catalog(asked.catalog.read_text().splitlines()) if asked.catalog else shipped()
    found = [t.host() for t in types if _wanted(t, letters, asked)]
    if not found:
        raise ValueError("no instance type is left: see --families, --generation, --max-vcpus")
    return found


def _wanted(found: InstanceType, letters: set[str], asked: argparse.Namespace) -> bool:
    return (
        found.letters in letters
        and found.generation >= asked.generation
        and asked.architecture in found.architectures
        and found.vcpus <= asked.max_vcpus
        and (asked.burstable or not found.burstable)
        and (asked.metal or not found.bare_metal)
        and not found.other_accelerators
    )


def _catalog(lines: Iterable[str]) -> Iterable[InstanceType]:
    for line in filter(str.strip, lines):
        row = json.loads(line)
        if row.get("on_demand_usd_per_hour"):
            yield InstanceType(
                name=row["instance_type"],
                vcpus=row["vcpus"],
                memory=row["memory_mib"],
                price=row["on_demand_usd_per_hour"],
                gpus=row.get("gpus", 0),
                architectures=tuple(row.get("architectures", ["x86_64"])),
                burstable=row.get("burstable", False),
                bare_metal=row.get("bare_metal", False),
                other_accelerators=row.get("other_accelerators", False),
            )


def _table(found: Mapping[str, Any]) -> None:
    """For people, beside the JSON."""
    rows = [("batchyard", found)]
    rows += [(name, found[name]) for name in ("one_per_job", "karpenter_like") if name in found]
    told = [f"{'':<16}{'$/hour':>12}{'ratio':>9}{'seconds':>9}"]
    for name, row in rows:
        told.append(
            f"{name:<16}{row['usd_per_hour']:>12.2f}{row['ratio']:>9.4f}{row['wall_s']:>9.2f}"
        )
    told.append(f"{'no less than':<16}{found['lower_bound']:>12.2f}{1:>9.4f}")
    print("\n".join(told), file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
