"""What AWS says no with, told apart once for every adapter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from lambdas.core.errors import Throttled

#: The service asks us to come back later.
THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "TooManyRequestsException",
        "SlowDown",
        "LimitExceededException",
        "ExecutionLimitExceeded",
    }
)

#: The service failed, or our credentials are between two lives; the same call may succeed.
PASSING = frozenset(
    {
        "ServerException",
        "InternalServerError",
        "InternalFailure",
        "InternalError",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "RequestTimeout",
        "RequestExpired",
        "ExpiredToken",
        "ExpiredTokenException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)


def code_of(error: ClientError) -> str:
    """The error's code, without the prefix of SQS's old protocol."""
    return error.response.get("Error", {}).get("Code", "").rsplit(".", 1)[-1]


def message_of(error: ClientError) -> str:
    """AWS's own words."""
    return error.response.get("Error", {}).get("Message", "") or str(error)


def is_passing(error: ClientError) -> bool:
    """The same call may succeed later, as it is."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = code_of(error)
    return code in THROTTLES or code in PASSING or status == 429 or status >= 500


@contextmanager
def throttling() -> Iterator[None]:
    """Raise Throttled for what may succeed later: throttles, failures of the service, no answer.

    After no answer the call may have had its effect; every call of ours is idempotent.
    """
    try:
        yield
    except ClientError as error:
        if is_passing(error):
            raise Throttled(f"{code_of(error)}: {message_of(error)}") from error
        raise
    except (ConnectionError, HTTPClientError) as error:
        raise Throttled(f"{type(error).__name__}: {error}") from error
