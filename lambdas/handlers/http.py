"""HTTP as API Gateway's payload 2.0 has it: a request read, an answer or an error given back."""

from __future__ import annotations

import base64
import binascii
import json
import math
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import parse_qs, unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from lambdas.core.errors import (
    AccessDenied,
    ApiError,
    BodyTooLarge,
    ClientError,
    ServerError,
    Throttled,
    TooManyRequests,
)
from lambdas.core.ports import Journal
from lambdas.services.api import Caller

LARGEST_BODY = 5 * 1024 * 1024
METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH", "HEAD", "OPTIONS"]
_TAGS = "/v1/tags/"


class UnknownRoute(ApiError):
    """No operation has this path."""

    status = 404
    code = "UnknownOperationException"

    def __init__(self) -> None:
        super().__init__("There is no such operation.")


def request_body(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    """The operation's input: the JSON body, and what its path and query string say."""
    body = _parsed(event)
    if event.path.startswith(_TAGS):
        body["resourceArn"] = unquote(event.path.removeprefix(_TAGS))
        if event.http_method == "DELETE":
            query = parse_qs(event.get("rawQueryString") or "", keep_blank_values=True)
            body["tagKeys"] = query.get("tagKeys", [])
    return body


def caller_of(event: APIGatewayProxyEventV2) -> Caller:
    """Who signed the request, by IAM's word. Raises AccessDenied when the gateway does not say."""
    authorizer = event["requestContext"].get("authorizer") or {}
    arn = (authorizer.get("iam") or {}).get("userArn")
    if not arn:
        raise AccessDenied("The request is not signed by a known IAM identity.")
    return Caller(arn, event.headers.get("amz-sdk-invocation-id"))


def answered(answer: Mapping[str, Any]) -> Response[str]:
    return _response(200, answer, {})


def api_error(error: Exception, journal: Journal) -> ApiError:
    """What the caller is told of `error`: ours as it is, anything else without its internals."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, Throttled):
        return TooManyRequests("Too Many Requests")
    where = "".join(traceback.format_exception(error, limit=-3))
    journal.warn("api failed", error=repr(error), where=where)
    return ServerError("Internal error: try again.")


def refused(error: ApiError) -> Response[str]:
    """AWS's shape of an error: the code in a header and, should that be lost, in the body."""
    body = {"__type": error.code, "message": error.message}
    return _response(error.status, body, {"x-amzn-ErrorType": error.code})


def _response(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Response[str]:
    text = json.dumps(body, separators=(",", ":"))
    return Response(status, "application/json", text, headers=dict(headers))


def _parsed(event: APIGatewayProxyEventV2) -> dict[str, Any]:
    try:
        text = _text(event)
        body = json.loads(text, **_STRICTLY) if text.strip() else {}
    except (ValueError, RecursionError) as fault:
        raise ClientError(f"The request body is not valid JSON: {_told(fault)}.") from None
    if not isinstance(body, dict):
        raise ClientError("The request body must be a JSON object.")
    return body


def _text(event: APIGatewayProxyEventV2) -> str:
    """The body, measured before it is read."""
    raw = event.get("body") or ""
    if len(raw) > 2 * LARGEST_BODY:
        raise BodyTooLarge(_TOO_LARGE)
    body = base64.b64decode(raw) if event.get("isBase64Encoded") else raw.encode()
    if len(body) > LARGEST_BODY:
        raise BodyTooLarge(_TOO_LARGE)
    return body.decode()


_TOO_LARGE = f"The request body is larger than {LARGEST_BODY:,} bytes."


class _NoNumber(ValueError):
    """What Python reads as a number and JSON does not, or nobody can hold."""


def _no_number(name: str) -> NoReturn:
    raise _NoNumber(f"{name} is not a number in JSON")


def _finite(text: str) -> float:
    if math.isinf(number := float(text)):
        raise _NoNumber(f"{text[:40]} is too large a number")
    return number


_STRICTLY: dict[str, Any] = {"parse_constant": _no_number, "parse_float": _finite}


def _told(fault: Exception) -> str:
    match fault:
        case json.JSONDecodeError():
            return f"{fault.msg} at line {fault.lineno} column {fault.colno}"
        case RecursionError():
            return "it is nested too deeply"
        case UnicodeError():
            return "it is no text in UTF-8"
        case binascii.Error():
            return "its base64 cannot be read"
        case _NoNumber():
            return str(fault)
    return "a number has too many digits"
