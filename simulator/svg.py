"""A small writer of SVG: text, rectangles and areas, in colours that serve a light and a dark page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

#: Every colour by name: (on a light page, on a dark one). Those of what jobs do are Okabe and Ito's,
#: which the colour-blind can tell apart.
COLOURS = {
    "page": ("#ffffff", "#16181d"),
    "ink": ("#1c1e21", "#e6e8eb"),
    "faint": ("#6b7078", "#9aa0a8"),
    "rule": ("#e3e5e8", "#2c3038"),
    "running": ("#0072b2", "#3d9bd6"),
    "failed": ("#d55e00", "#f07b2d"),
    "starting": ("#8ccbf0", "#1f5a80"),
    "waiting": ("#e69f00", "#e0a526"),
    "blocked": ("#b9bec6", "#5d646f"),
    "other": ("#cc79a7", "#d48ab3"),
}


class Drawing:
    """Elements of a picture so many units wide, from top to bottom as they are added."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._parts: list[str] = []

    def rect(
        self, x: float, y: float, width: float, height: float, colour: str, told: str = ""
    ) -> None:
        """A filled rectangle; `told` appears when it is pointed at."""
        shape = f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"'
        inside = f"><title>{escape(told)}</title></rect>" if told else "/>"
        self._parts.append(f'{shape} class="{colour}"{inside}')

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        colour: str = "ink",
        size: int = 12,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        weight = ' font-weight="600"' if bold else ""
        where = f'x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}"'
        self._parts.append(
            f'<text {where} font-size="{size}"{weight} class="{colour}">{escape(words)}</text>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, *, dashed: bool = False) -> None:
        dash = ' stroke-dasharray="4 4" class="mark"' if dashed else ' class="line"'
        self._parts.append(f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" fill="none"{dash}/>')

    def area(
        self,
        upper: Sequence[tuple[float, float]],
        lower: Iterable[tuple[float, float]],
        colour: str,
    ) -> None:
        """What lies between two lines of points, both from left to right."""
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in (*upper, *reversed(tuple(lower))))
        self._parts.append(f'<polygon points="{points}" class="{colour}"/>')

    def svg(self, height: float, title: str) -> str:
        """The whole file."""
        light = "".join(f".{name}{{fill:{pair[0]}}}" for name, pair in COLOURS.items())
        dark = "".join(f".{name}{{fill:{pair[1]}}}" for name, pair in COLOURS.items())
        rule, faint = COLOURS["rule"], COLOURS["faint"]
        style = (
            f"text{{font-family:system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}}{light}"
            f".line{{stroke:{rule[0]}}}.mark{{stroke:{faint[0]}}}"
            f"@media(prefers-color-scheme:dark){{{dark}"
            f".line{{stroke:{rule[1]}}}.mark{{stroke:{faint[1]}}}}}"
        )
        box = f'viewBox="0 0 {self.width} {_n(height)}" width="{self.width}" height="{_n(height)}"'
        page = f'<rect width="{self.width}" height="{_n(height)}" class="page"/>'
        head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} role="img">'
        named = f"<title>{escape(title)}</title><style>{style}</style>"
        return "\n".join([head, named, page, *self._parts, "</svg>", ""])


def _n(value: float) -> str:
    """Tenths of a unit are enough."""
    return f"{value:.1f}".rstrip("0").rstrip(".")
