"""A mutant: one safeguard of the product, taken out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Stale(Exception):
    """The product has changed: the text that this mutant takes out is not there, or not once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`old`, which stands exactly once in the file `path`, is replaced by `new`.

    `guards` is one sentence: what goes wrong without it. `by` names the invariants of DESIGN
    section 2 of which at least one is then violated.
    """

    name: str
    path: str  #: from the project's root
    old: str
    new: str
    guards: str
    by: tuple[str, ...]

    @property
    def file(self) -> Path:
        return ROOT / self.path

    @property
    def module(self) -> str:
        """The module that it changes."""
        return self.path.removesuffix(".py").replace("/", ".")

    def source(self, text: str | None = None) -> str:
        """The mutated module's text; made of `text` when that is given. Raises Stale."""
        text = text or self.file.read_text(encoding="utf-8")
        found = text.count(self.old)
        if found != 1:
            raise Stale(f"{self.name}: its text stands {found} times in {self.path}, not once")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Safeguards taken out together; `covered` are those that alone would not be missed, and `why`
    says how the others make up for them."""

    name: str
    of: tuple[str, ...]
    covered: tuple[str, ...]
    why: str


def sources(mutants: Iterable[Mutant]) -> dict[str, str]:
    """The text of every module that these change, by its name. Raises Stale."""
    texts: dict[str, str] = {}
    for mutant in mutants:
        texts[mutant.module] = mutant.source(texts.get(mutant.module))
    return texts
