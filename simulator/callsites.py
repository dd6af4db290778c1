"""Every place where a service calls a port: found in the sources, not by running them.

A site is named `file:function:operation`, with `#2`, `#3` … behind it where one function calls the
same operation again further down. Line numbers would move with every edit.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType

import lambdas

#: Ports whose calls reach out of the process. Clock, ids and journal do not.
PORTS = frozenset({"Table", "Tables", "Inboxes", "Bells", "Waits", "Tasks", "Blobs"})

#: Where ports are called from.
ROOMS = ("services", "handlers")

_OF_TABLES = ("jobs", "catalog", "capacity")
_LAMBDAS = Path(lambdas.__file__).parent


@dataclass(frozen=True, slots=True, order=True)
class Site:
    """One call: its name, its operation, and where its last character stands in the file."""

    name: str
    operation: str
    file: str
    end: tuple[int, int]


@cache
def sites() -> tuple[Site, ...]:
    """All call sites, by name."""
    return tuple(sorted(s for path in _sources() for s in _sites_in(path)))


@cache
def named() -> frozenset[str]:
    """The names of all call sites."""
    return frozenset(site.name for site in sites())


def name_of(code: CodeType, instruction: int, operation: str) -> str:
    """The site that a frame's code stands at. Raises LookupError for one that the sources hide.

    Code that was not compiled from the file as it is (a mutant) is found by its function.
    """
    position = next(p for i, p in enumerate(code.co_positions()) if i == instruction // 2)
    name = _places().get((code.co_filename, position[1], position[3]))
    if name is None:
        function = code.co_qualname.partition(".<locals>")[0]
        name = f"{Path(code.co_filename).stem}:{function}:{operation}"
        if name not in named():
            raise LookupError(f"a port is called where no call site is known: {name}")
    return name


@cache
def _places() -> dict[tuple[str, int | None, int | None], str]:
    return {(site.file, *site.end): site.name for site in sites()}


def _sources() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((_LAMBDAS / room).glob("*.py"))


def _sites_in(path: Path) -> Iterator[Site]:
    tree = ast.parse(path.read_text())
    seen: Counter[str] = Counter()
    for function, call in _calls(tree):
        assert isinstance(call.func, ast.Attribute)
        base = f"{path.stem}:{function}:{call.func.attr}"
        seen[base] += 1
        name = base if seen[base] == 1 else f"{base}#{seen[base]}"
        end = (call.end_lineno or 0, call.end_col_offset or 0)
        yield Site(name, call.func.attr, str(path), end)


def _calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """Calls of ports with the name of their function, in the order of the source."""
    kept: dict[str, dict[str, str]] = {}  # by class
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            members = kept[node.name] = _inherited(node, kept) | _members(node)
            for part in node.body:
                if isinstance(part, ast.FunctionDef):
                    known = members | _parameters(part)
                    yield from ((f"{node.name}.{part.name}", c) for c in _in(part, known))
        elif isinstance(node, ast.FunctionDef):
            yield from ((node.name, call) for call in _in(node, _parameters(node)))


def _in(function: ast.FunctionDef, known: dict[str, str]) -> list[ast.Call]:
    found = [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and _port_of(node.func.value, known)
    ]
    return sorted(found, key=lambda call: (call.end_lineno or 0, call.end_col_offset or 0))


def _port_of(expression: ast.expr, known: dict[str, str]) -> str | None:
    """The kind of port that an expression is, by what is known of names and members."""
    if isinstance(expression, ast.Name):
        return known.get(expression.id)
    if not isinstance(expression, ast.Attribute):
        return None
    if isinstance(expression.value, ast.Name) and expression.value.id == "self":
        return known.get(f"self.{expression.attr}")
    if _port_of(expression.value, known) == "Tables" and expression.attr in _OF_TABLES:
        return "Table"
    return None


def _inherited(node: ast.ClassDef, kept: dict[str, dict[str, str]]) -> dict[str, str]:
    """The ports that classes of the same file keep for this one."""
    found: dict[str, str] = {}
    for base in node.bases:
        if isinstance(base, ast.Name):
            found |= kept.get(base.id, {})
    return found


def _members(node: ast.ClassDef) -> dict[str, str]:
    """The ports that `__init__` keeps: `self._jobs = jobs`."""
    found: dict[str, str] = {}
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and part.name == "__init__":
            given = _parameters(part)
            for line in part.body:
                match line:
                    case ast.Assign(
                        targets=[ast.Attribute(value=ast.Name(id="self"), attr=attr)],
                        value=ast.Name(id=name),
                    ) if name in given:
                        found[f"self.{attr}"] = given[name]
    return found


def _parameters(function: ast.FunctionDef) -> dict[str, str]:
    arguments = [*function.args.args, *function.args.kwonlyargs]
    return {
        argument.arg: argument.annotation.id
        for argument in arguments
        if isinstance(argument.annotation, ast.Name) and argument.annotation.id in PORTS
    }
