"""Every error Batchyard raises, as one tree; each leaf has one meaning.

    BatchyardError
    ├── ApiError                      carries what an AWS Batch client is told
    │   ├── ClientError               400 ClientException
    │   │   ├── InvalidRequest        a value that is not allowed; names field, value and rule
    │   │   ├── UnknownResource       a queue, definition, environment or job that does not exist
    │   │   ├── ResourceInUse         the request is right, but not in the resource's present state
    │   │   └── TokenReused           one client token, two different requests
    │   ├── AccessDenied              403 AccessDeniedException
    │   ├── BodyTooLarge              413
    │   ├── TooManyRequests           429 TooManyRequestsException
    │   └── ServerError               500 ServerException
    ├── StoreError                    a table's answer
    │   ├── ConditionFailed           one conditional write was refused
    │   └── TransactionRefused        a transaction was refused; says which writes were at fault
    ├── Throttled                     a service asks to be called later; nothing was done
    └── EcsError
        ├── TaskConflict              this client token already made another task (names it)
        ├── TaskRefused               RunTask can never succeed as asked
        └── CapacityUnavailable       ECS has no room or quota now; nothing was started

Codes and HTTP statuses are AWS Batch's: botocore's model knows ClientException and
ServerException, and clients meet 429 TooManyRequestsException besides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class BatchyardError(Exception):
    """The root of the tree."""


class ApiError(BatchyardError):
    """What the API answers: `status` is HTTP's, `code` is AWS Batch's."""

    status: int = 500
    code: str = "ServerException"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ClientError(ApiError):
    """The caller can mend it."""

    status = 400
    code = "ClientException"


class InvalidRequest(ClientError):
    """A value that is not allowed: one sentence naming the field, the value and what is allowed."""

    def __init__(self, field: str, value: object, allowed: str, *, secret: bool = False) -> None:
        """Of a `secret` only the kind is told: sentences end up in logs."""
        super().__init__(f"{field} is {kind_of(value) if secret else shown(value)}: {allowed}")
        self.field = field


class UnknownResource(ClientError):
    """The request names something that does not exist."""


class ResourceInUse(ClientError):
    """The resource's present state does not allow the request."""


class TokenReused(ClientError):
    """One client token came with two different requests."""


class AccessDenied(ApiError):
    """The caller may not do this."""

    status = 403
    code = "AccessDeniedException"


class BodyTooLarge(ApiError):
    """The request's body is larger than we read."""

    status = 413
    code = "RequestEntityTooLargeException"


class TooManyRequests(ApiError):
    """A limit of the account or the platform; the same call may succeed later."""

    status = 429
    code = "TooManyRequestsException"


class ServerError(ApiError):
    """Our fault, or a dependency's."""


class StoreError(BatchyardError):
    """A table refused a write."""


class ConditionFailed(StoreError):
    """A conditional write was refused; `item` is what stood there (None when nothing did)."""

    def __init__(self, item: Mapping[str, Any] | None = None) -> None:
        super().__init__("the condition of the write does not hold")
        self.item = item


class TransactionRefused(StoreError):
    """A transaction was refused and nothing was written.

    `failed` holds the positions of writes whose condition does not hold; `conflicted` those that
    met another write in flight and may be tried again as they are.
    """

    def __init__(self, failed: Sequence[int] = (), conflicted: Sequence[int] = ()) -> None:
        super().__init__(
            f"transaction refused: failed {list(failed)}, conflicted {list(conflicted)}"
        )
        self.failed = tuple(failed)
        self.conflicted = tuple(conflicted)


class Throttled(BatchyardError):
    """The service asked us to come back later; nothing was done."""


class EcsError(BatchyardError):
    """RunTask did not start a task by this call."""


class TaskConflict(EcsError):
    """The client token was used with other parameters; `task` is the task it made, if ECS says."""

    def __init__(self, message: str, task: str | None = None) -> None:
        super().__init__(message)
        self.task = task


class TaskRefused(EcsError):
    """RunTask can never succeed as asked: a wrong parameter, a missing permission, a dead image."""


class CapacityUnavailable(EcsError):
    """ECS has no capacity or quota for the task now; nothing was started."""


def shown(value: object, limit: int = 80) -> str:
    """`value` as a person can read it in a sentence: quoted text, bounded, without control
    characters; JSON's words for what JSON has words for; of what holds other values, the kind."""
    if value is None or isinstance(value, (bool, list, Mapping)):
        return kind_of(value)
    text = (value if isinstance(value, str) else repr(value))[: limit + 1]
    text = "".join(c if c.isprintable() else "�" for c in text)
    text = text if len(text) <= limit else text[: limit - 1] + "…"
    return f"'{text}'" if isinstance(value, str) else text


def kind_of(value: object) -> str:
    """What a value of JSON is, without saying it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return "a text"
        case int() | float():
            return "a number"
        case Mapping():
            return "an object"
    return "a list"
