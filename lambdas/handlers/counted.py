"""The frame around every handler: what was counted is written when the invocation ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from lambdas.bootstrap import journal

Answer = TypeVar("Answer")


def counted(handler: Callable[[dict[str, Any], Any], Answer]) -> Callable[..., Answer]:
    """Flush the journal after `handler`, also when it raises."""

    @wraps(handler)
    def framed(event: dict[str, Any], context: Any) -> Answer:
        try:
            return handler(event, context)
        finally:
            journal().flush()

    return framed
