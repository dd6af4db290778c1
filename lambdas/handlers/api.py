"""`api`: every AWS Batch operation, behind API Gateway's HTTP API with IAM authorization."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from lambdas.bootstrap import api, journal
from lambdas.handlers.counted import counted
from lambdas.handlers.http import (
    METHODS,
    UnknownRoute,
    answered,
    api_error,
    caller_of,
    refused,
    request_body,
)

app = APIGatewayHttpResolver()


@app.route(r"[\s\S]*", method=METHODS)
def answer() -> Response[str]:
    event = app.current_event
    operation = api().operation_of(event.path, event.http_method)
    if operation is None:
        raise UnknownRoute
    return answered(api().call(operation, request_body(event), caller_of(event)))


@app.not_found
def unknown(_: Exception) -> Response[str]:
    """A method that no HTTP API passes on today."""
    return refused(UnknownRoute())


@app.exception_handler(Exception)  # type: ignore[untyped-decorator]
def refuse(error: Exception) -> Response[str]:
    return refused(api_error(error, journal()))


@counted
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return app.resolve(event, context)
