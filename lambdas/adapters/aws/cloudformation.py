"""Answering CloudFormation about a custom resource: one HTTP PUT to the URL its request brought."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

#: The URL is S3's, presigned; it is tried again before CloudFormation is left waiting.
TRIES = 3
SECONDS = 5


class HttpAnswers:
    """`services.declare.Answers` over HTTP."""

    def put(self, url: str, answer: Mapping[str, Any]) -> None:
        """Send the answer. Raises OSError when it could not be delivered."""
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"ResponseURL is {url[:100]!r}: an http(s) URL is needed")
        body = json.dumps(answer).encode()
        for tried in range(1, TRIES + 1):
            # S3 signed an empty content type.
            request = urllib.request.Request(
                url, data=body, method="PUT", headers={"content-type": ""}
            )
            try:
                with urllib.request.urlopen(request, timeout=SECONDS):
                    return
            except OSError:
                if tried == TRIES:
                    raise
