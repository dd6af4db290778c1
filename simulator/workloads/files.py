"""Workload files: one JSON object a line, a workflow or a job (docs/simulate.md has the fields).

{"workflow": "nightly", "tasks": [{"id": 0, "name": "fetch", "parents": [], "runtime_s": 30}, …]}
{"job": "render", "count": 100, "runtime_s": 300, "cores": 2, "memory_mib": 4096}
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambdas.core.rules import LEAST_MEMORY
from simulator.workloads.fields import Fields, shown
from simulator.workloads.model import (
    MOST_EDGES,
    MOST_JOBS,
    Attempt,
    Draft,
    Job,
    Workload,
    WorkloadError,
    ordered,
)

LONGEST_LINE = 64 * 1024 * 1024  #: bytes
MOST_CORES = 1_000
MOST_MEMORY = 16 * 1024 * 1024  #: MiB
MOST_ATTEMPTS = 10

_COMMON = ("submit_s", "queue", "attempts", "failure_rate", "timeout_s")
_SIZE = ("runtime_s", "cores", "memory_mib")
_WORKFLOW = ("workflow", "tasks", *_COMMON)
_TASK = ("id", "name", "parents", "goes", *_SIZE, *_COMMON)
_JOB = ("job", "id", "count", "after", "goes", *_SIZE, *_COMMON)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a job needs when its line does not say, and the seed of what is drawn."""

    milli_vcpus: int = 1000
    memory: int = 2048
    seed: int = 0


def read_workload(path: Path, defaults: Defaults | None = None) -> Workload:
    """The workload in a file. Raises WorkloadError: one sentence with the line's number."""
    try:
        with path.open("rb") as file:
            return parse_workload(_lines(file), defaults or Defaults())
    except OSError as error:
        raise WorkloadError(f"{path} cannot be read: {error.strerror}.") from error
    except WorkloadError as error:
        raise WorkloadError(f"{path}, {error}") from None


def parse_workload(lines: Iterable[bytes | str], defaults: Defaults | None = None) -> Workload:
    """The workload in these lines; empty ones are passed over."""
    reader = _Reader(defaults or Defaults())
    for number, line in enumerate(lines, 1):
        if line.strip():
            reader.line(f"line {number}", line)
    return reader.workload()


def workload_of(entries: Iterable[object], defaults: Defaults | None = None) -> Workload:
    """The workload of lines that are objects already."""
    reader = _Reader(defaults or Defaults())
    for number, entry in enumerate(entries, 1):
        reader.entry(f"line {number}", entry)
    return reader.workload()


def write_lines(lines: Iterable[Mapping[str, Any]], path: Path) -> None:
    """Keep lines as a workload file. Raises WorkloadError."""
    try:
        with path.open("w", encoding="utf-8") as file:
            for line in lines:
                file.write(json.dumps(line, separators=(",", ":")) + "\n")
    except OSError as error:
        raise WorkloadError(f"{path} cannot be written: {error.strerror}.") from error


def _lines(file: Any) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE + 1):
        yield line


@dataclass(slots=True)
class _Reader:
    """What was read so far."""

    defaults: Defaults
    drafts: list[Draft] = field(default_factory=list)
    ids: dict[str | int, range] = field(default_factory=dict)  #: of job lines
    after: list[tuple[range, list[str | int], str]] = field(default_factory=list)
    edges: int = 0
    ignored: Counter[str] = field(default_factory=Counter)

    def line(self, where: str, line: bytes | str) -> None:
        self.entry(where, _json(where, line))

    def entry(self, where: str, entry: object) -> None:
        fields = Fields(where, entry)
        if ("workflow" in fields) == ("job" in fields):
            raise WorkloadError(
                f"{where}: a line has the field 'workflow' (and 'tasks') or the field 'job'."
            )
        if "workflow" in fields:
            self._workflow(fields)
        else:
            self._job(fields)

    def workload(self) -> Workload:
        """Everything, once the last line was read."""
        for dependents, names, where in self.after:
            self._connect(dependents, names, where)
        if not self.drafts:
            raise WorkloadError("line 1: there is no job in it.")
        notes = [f"{count} fields '{name}' were ignored" for name, count in self.ignored.items()]
        return Workload(ordered(self.drafts), tuple(sorted(notes)))

    # ── workflows ─────────────────────────────────────────────────────────────────────────────

    def _workflow(self, fields: Fields) -> None:
        name = fields.text("workflow")
        entries = fields.entries("tasks", MOST_JOBS)
        self.ignored.update(fields.unknown(_WORKFLOW))
        ids: dict[str | int, int] = {}
        waits: list[list[str | int]] = []
        first = len(self.drafts)
        for entry in entries:
            task = Fields(f"{fields.where}, task {len(waits) + 1}", entry)
            known = task.reference("id")
            task.where = f"{fields.where}, task {shown(known)}"
            if known in ids:
                raise task.refuse("id", "another task of this workflow has it already")
            ids[known] = len(self.drafts)
            waits.append(task.references("parents", MOST_JOBS))
            self.ignored.update(task.unknown(_TASK))
            self._add(task, fields, task.text("name", str(known)), name)
        for number, names in enumerate(waits, first):
            draft = self.drafts[number]
            draft.parents = [self._known(ids, parent, draft) for parent in names]
            self._count_edges(len(names), draft.where)

    def _known(self, ids: dict[str | int, int], parent: str | int, draft: Draft) -> int:
        if parent not in ids:
            raise WorkloadError(
                f"{draft.where}: parents holds {shown(parent)}: "
                "the id of a task of this workflow is needed."
            )
        return ids[parent]

    # ── jobs ──────────────────────────────────────────────────────────────────────────────────

    def _job(self, fields: Fields) -> None:
        name = fields.text("job")
        known = fields.reference("id") if "id" in fields else name
        if known in self.ids:
            raise WorkloadError(
                f"{fields.where}: {'id' if 'id' in fields else 'job'} is {shown(known)}: "
                "another line has it already; give each an id of its own."
            )
        count = fields.whole("count", 1, MOST_JOBS, default=1)
        names = fields.references("after", MOST_JOBS)
        self.ignored.update(fields.unknown(_JOB))
        first = len(self.drafts)
        for number in range(count):
            self._add(fields, fields, f"{name}-{number}" if count > 1 else name, name)
        self.ids[known] = range(first, first + count)
        if names:
            self.after.append((self.ids[known], names, fields.where))

    def _connect(self, dependents: range, names: list[str | int], where: str) -> None:
        missing = next((name for name in names if name not in self.ids), None)
        if missing is not None:
            raise WorkloadError(
                f"{where}: after holds {shown(missing)}: the job or id of another line is needed."
            )
        parents = [number for name in names for number in self.ids[name]]
        self._count_edges(len(parents) * len(dependents), where)
        for number in dependents:
            self.drafts[number].parents = parents

    # ── both ──────────────────────────────────────────────────────────────────────────────────

    def _add(self, own: Fields, line: Fields, name: str, group: str) -> None:
        """One job; `own` says more than its line, where both say something."""
        if len(self.drafts) == MOST_JOBS:
            raise WorkloadError(
                f"{own.where}: this is one job too many: {MOST_JOBS:,} are allowed."
            )
        attempts = _first("attempts", own, line).whole("attempts", 1, MOST_ATTEMPTS, default=1)
        timed = _first("timeout_s", own, line)
        job = Job(
            name=name,
            group=group,
            kind=kind_of(name),
            submitted=_first("submit_s", own, line).seconds("submit_s", default=0),
            goes=self._goes(own, line, attempts),
            milli_vcpus=self._milli_vcpus(own),
            memory=self._memory(own),
            attempts=attempts,
            timeout=timed.whole("timeout_s", 60, 1_000_000_000) if "timeout_s" in timed else None,
            queue=_queue(_first("queue", own, line)),
        )
        self.drafts.append(Draft(job, where=own.where))

    def _goes(self, own: Fields, line: Fields, attempts: int) -> tuple[Attempt, ...]:
        """Each attempt as the file tells it, or drawn: one that fails dies somewhere on its way."""
        if "goes" in own:
            return tuple(_attempt(own, entry) for entry in own.entries("goes", MOST_ATTEMPTS))
        runs = own.seconds("runtime_s")
        rate = _first("failure_rate", own, line).number("failure_rate", 0, 1, default=0)
        if not rate:
            return (Attempt(runs),)
        # By its place, so that a job's luck does not hang on the lines before it.
        draw = random.Random(f"{self.defaults.seed}/{len(self.drafts)}")
        return drawn_attempts(draw, runs, rate, attempts)

    def _milli_vcpus(self, own: Fields) -> int:
        if "cores" not in own:
            return self.defaults.milli_vcpus
        return max(1, _up(own.number("cores", 0, MOST_CORES, "vCPUs") * 1000))

    def _memory(self, own: Fields) -> int:
        if "memory_mib" not in own:
            return self.defaults.memory
        return max(LEAST_MEMORY, _up(own.number("memory_mib", 0, MOST_MEMORY, "MiB")))

    def _count_edges(self, more: int, where: str) -> None:
        self.edges += more
        if self.edges > MOST_EDGES:
            raise WorkloadError(
                f"{where}: the jobs wait for {self.edges:,} others in all: "
                f"at most {MOST_EDGES:,} such dependencies are allowed."
            )


def drawn_attempts(
    draw: random.Random, runs: int, failure_rate: float, attempts: int
) -> tuple[Attempt, ...]:
    """Attempts up to the first that succeeds; one that fails does so somewhere on its way."""
    goes: list[Attempt] = []
    while len(goes) < attempts and draw.random() < failure_rate:
        goes.append(Attempt(round(runs * draw.random()), 1))
    if len(goes) < attempts:
        goes.append(Attempt(runs))
    return tuple(goes)


def kind_of(name: str) -> str:
    """What jobs of one kind share of their names: all before the first part that is a number."""
    return re.split(r"[-_.](?=(?:ID)?\d)", name, maxsplit=1)[0] or name


def _json(where: str, line: bytes | str) -> object:
    if len(line) > LONGEST_LINE:
        raise WorkloadError(f"{where} is longer than the {LONGEST_LINE:,} bytes that are allowed.")
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise WorkloadError(
            f"{where} is not JSON: {error.msg} at character {error.pos + 1}."
        ) from None
    except UnicodeDecodeError as error:
        raise WorkloadError(f"{where} is not UTF-8: byte {error.start + 1} is not.") from None
    except RecursionError:
        raise WorkloadError(f"{where} is nested too deeply to be a workflow or a job.") from None
    except ValueError:
        raise WorkloadError(f"{where} holds a number with too many digits.") from None


def _first(name: str, own: Fields, line: Fields) -> Fields:
    """Where a field that a task or its workflow may have is said."""
    return own if name in own else line


def _queue(fields: Fields) -> str:
    name = fields.text("queue", "default")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", name):
        raise fields.refuse("queue", "letters, digits, hyphens and underscores are allowed")
    return name


def _attempt(own: Fields, entry: object) -> Attempt:
    one = Fields(f"{own.where}, goes", entry)
    return Attempt(one.seconds("runtime_s"), one.whole("exit_code", 0, 255, default=0))


def _up(value: float) -> int:
    """Rounded up; what is a whole number but for the sums of floating point stays."""
    return -int(-round(value, 6) // 1)
