"""Items as a table hands them out: nobody can change them, so everybody can share them."""

from __future__ import annotations

from typing import Any, NoReturn


class Row(dict[str, Any]):
    """A dict that cannot be changed, with room for what was worked out from it once.

    `parsed` is what a reader made of the item (`job.state_of`), `size` its bytes as billed.
    `dict(row)` and `row | {…}` are plain dicts again.
    """

    __slots__ = ("parsed", "size")

    def __init__(self, *items: Any) -> None:
        super().__init__(*items)
        self.parsed: Any = None
        self.size: int | None = None

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        return dict, (dict(self),)

    def _refuse(self, *_args: Any, **_more: Any) -> NoReturn:
        raise TypeError("an item that was read is not changed in place")

    __setitem__ = __delitem__ = __ior__ = _refuse
    pop = popitem = clear = update = setdefault = _refuse


class Rows(list[Any]):
    """A list inside a row; it cannot be changed either."""

    __slots__ = ()

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        return list, (list(self),)

    def _refuse(self, *_args: Any, **_more: Any) -> NoReturn:
        raise TypeError("an item that was read is not changed in place")

    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
    append = extend = insert = pop = remove = clear = sort = reverse = _refuse
