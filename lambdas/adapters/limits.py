"""What SQS and Step Functions accept, said once for both adapters. Anything else is our mistake."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lambdas.core.inbox import MOST_BODY_BYTES, MOST_DELAY_SECONDS

_EXECUTION = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_messages(bodies: Sequence[str], delay: int) -> None:
    """Raises ValueError for messages that SQS refuses."""
    if not 0 <= delay <= MOST_DELAY_SECONDS:
        raise ValueError(f"delay is {delay} s: 0 to {MOST_DELAY_SECONDS}")
    for body in bodies:
        if not 0 < len(body.encode()) <= MOST_BODY_BYTES:
            raise ValueError(f"a message has 1 to {MOST_BODY_BYTES} bytes")


def check_execution_name(name: str) -> None:
    """Raises ValueError for a name that Step Functions refuses, or that logs cannot show."""
    if not _EXECUTION.fullmatch(name):
        raise ValueError(f"{name!r:.100} is no name of an execution")
