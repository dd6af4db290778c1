"""Plain HTTP to the endpoint, without an SDK that would mend or hide anything."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: dict[str, Any]

    def refuses(self, *words: str) -> None:
        """It is the caller's fault, says AWS Batch's error in a sentence with all these words."""
        assert 400 <= self.status < 500, self
        assert self.headers["x-amzn-errortype"] == "ClientException", self
        is_a_sentence(self.body["message"])
        for word in words:
            assert word in self.body["message"], self


def is_a_sentence(text: str) -> None:
    assert text[0] != " ", text
    assert text.endswith((".", "?")), text
    assert "\n" not in text, text
    assert "Traceback" not in text, text
    assert len(text) < 600, text


@dataclass(frozen=True)
class Wire:
    """Sends one request as it is, signed by nobody; a header of no text is left out."""

    endpoint: str

    def __call__(self, path: str, body: Any = b"{}", method: str = "POST", **headers: str) -> Reply:
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        given = JSON | {name.replace("_", "-"): value for name, value in headers.items()}
        link = http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=30)
        link.request(method, path, body, {k: v for k, v in given.items() if v})
        answer = link.getresponse()
        text = answer.read()
        link.close()
        told = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(answer.status, told, json.loads(text))
