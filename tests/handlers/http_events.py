"""API Gateway's HTTP API as a test has it: payload 2.0 in, an answer out, checked by botocore."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from lambdas.adapters.aws.batch_model import BatchModel
from simulator.world import CALLER

MODEL = BatchModel()


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def message(self) -> str:
        return self.body["message"]

    @property
    def code(self) -> str | None:
        return self.headers.get("x-amzn-ErrorType")


def event(path: str, body: str | None = None, method: str = "POST", **more: Any) -> dict[str, Any]:
    """What API Gateway hands to the function: the path decoded, the query string raw."""
    made: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "x.execute-api.amazonaws.com"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "x",
            "authorizer": {"iam": {"userArn": CALLER, "accountId": "123456789012"}},
            "http": {"method": method, "path": path, "sourceIp": "192.0.2.1"},
            "requestId": "r-1",
            "stage": "$default",
        },
        "isBase64Encoded": False,
    }
    if body is not None:
        made["body"] = body
    return made | more


class Client:
    """Calls the real handler; holds every answer and error to AWS Batch's model."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    def call(self, operation: str, headers: dict[str, str] | None = None, **body: Any) -> Reply:
        made = event(f"/v1/{operation.lower()}", json.dumps(body))
        made["headers"] |= headers or {}
        return self._checked(operation, self.send(made))

    def ok(self, operation: str, **body: Any) -> dict[str, Any]:
        reply = self.call(operation, **body)
        assert reply.status == 200, reply.body
        return reply.body

    def refused(self, operation: str, **body: Any) -> str:
        """The sentence of a 400."""
        reply = self.call(operation, **body)
        assert (reply.status, reply.code) == (400, "ClientException"), reply.body
        return reply.message

    def raw(self, body: str, path: str = "/v1/submitjob", encoded: bool = False) -> Reply:
        made = event(path, body)
        if encoded:
            made |= {"body": base64.b64encode(body.encode()).decode(), "isBase64Encoded": True}
        return self.send(made)

    def tags(self, method: str, arn: str, body: Any = None, query: str = "") -> Reply:
        operation = {"GET": "ListTagsForResource", "POST": "TagResource"}.get(method)
        text = None if body is None else json.dumps(body)
        made = event(f"/v1/tags/{arn}", text, method, rawQueryString=query)
        return self._checked(operation or "UntagResource", self.send(made))

    def untag(self, arn: str, *keys: str) -> Reply:
        return self.tags("DELETE", arn, query="&".join(f"tagKeys={quote(k)}" for k in keys))

    def send(self, made: dict[str, Any]) -> Reply:
        return self.reply(self.answer(made))

    def answer(self, made: dict[str, Any]) -> dict[str, Any]:
        """As the function gives it to API Gateway."""
        answer: dict[str, Any] = self._handler(made, None)
        return answer

    def reply(self, answer: dict[str, Any]) -> Reply:
        headers = {name: _first(value) for name, value in answer["headers"].items()}
        assert headers["Content-Type"] == "application/json"
        return Reply(answer["statusCode"], headers, json.loads(answer["body"]))

    def _checked(self, operation: str, reply: Reply) -> Reply:
        if reply.status == 200:
            assert MODEL.validate_response(operation, reply.body) == []
        else:
            assert isinstance(reply.message, str)
            assert reply.code
        return reply


def _first(value: Any) -> str:
    return value[0] if isinstance(value, list) else value
