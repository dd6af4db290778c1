"""Pages of Describe calls: `maxResults` and `nextToken`.

A token holds where the next page begins, so it survives everything that happens in between.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from lambdas.core.errors import InvalidRequest
from lambdas.core.tables import Item

MOST_RESULTS = 100
MOST_NAMES = 100

#: A name, or a name and a revision: all that a token of ours holds.
_START = re.compile(r"[A-Za-z0-9_-]{1,128}(:[0-9]{1,10})?")


def page_size(body: Mapping[str, Any], most: int = MOST_RESULTS) -> int:
    """maxResults, 1 to `most`; `most` when it is not said."""
    size = int(body.get("maxResults", most))
    if not 1 <= size <= most:
        raise InvalidRequest("maxResults", size, f"1 to {most} is allowed.")
    return size


def start_of(body: Mapping[str, Any]) -> str | None:
    """What an earlier answer's nextToken holds; None for the first page."""
    token = body.get("nextToken")
    if not token:
        return None
    try:
        start = base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except ValueError:
        start = ""
    if not _START.fullmatch(start):
        raise InvalidRequest("nextToken", token, "the token of an earlier answer is needed.")
    return start


def token_of(start: str | None) -> str | None:
    """The nextToken that leads to `start`."""
    return base64.urlsafe_b64encode(start.encode()).decode() if start else None


def names(field: str, body: Mapping[str, Any]) -> list[str]:
    """Names asked for, each once; at most 100 a call."""
    asked = list(dict.fromkeys(body.get(field, ())))
    if len(asked) > MOST_NAMES:
        raise InvalidRequest(field, f"{len(asked)} names", f"at most {MOST_NAMES} are allowed.")
    return asked


def cut(found: Iterable[Item], size: int) -> tuple[list[Item], bool]:
    """The first `size` items, and whether there are more."""
    items = list(islice(found, size + 1))
    return items[:size], len(items) > size
