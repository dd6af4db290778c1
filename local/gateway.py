"""`python -m local.gateway`: the local platform's AWS Batch endpoint, on loopback.

AWS Batch's clients sign for `batch`, the deployed API wants `execute-api`: requests are taken
unsigned from this machine, signed again with the local credentials and passed on. Whoever can
send here can run commands, so what a web page can send is refused (`guard`).
"""

from __future__ import annotations

import argparse
import http.client
import json
import signal
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local import awsclient, gate, guard, owner

MAX_BODY = 10 * 1024 * 1024  #: API Gateway's own limit
TIMEOUT = 35.0  #: seconds; API Gateway gives a function 30
HOLD = 10.0  #: seconds a request is held while the local cloud is being restarted
AGAIN = 0.1  #: seconds between tries
GONE = "The local cloud does not answer."
KEPT = ("content-type", "accept", "user-agent", "amz-sdk-invocation-id", "amz-sdk-request")

Answer = tuple[int, dict[str, str], bytes]  #: status, headers and body


@dataclass(frozen=True, slots=True)
class Upstream:
    """The deployed HTTP API: the local cloud's address and the API's id."""

    endpoint: str
    api: str
    region: str = awsclient.REGION

    @property
    def address(self) -> str:
        return urlsplit(self.endpoint).netloc

    def path(self, path: str) -> str:
        return f"/_aws/execute-api/{self.api}/$default{path}"

    def signed(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        """The request's headers with a signature for `execute-api`."""
        request = AWSRequest(method, self.endpoint + self.path(path), headers=headers, data=body)
        credentials = Credentials(awsclient.ACCESS_KEY, awsclient.SECRET_KEY)
        SigV4Auth(credentials, "execute-api", self.region).add_auth(request)
        return dict(request.headers.items())


class Refused(Exception):
    """The request is not passed on: HTTP status, AWS's code, one sentence."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class Restarting(Exception):
    """The local cloud took nothing of the request: it is being restarted, or is gone."""


class Gateway(ThreadingHTTPServer):
    """Serves until shut down; a thread and an upstream connection for each client connection."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, upstream: Upstream, hold: float = HOLD) -> None:
        self.upstream = upstream
        self.hold = hold
        super().__init__(("127.0.0.1", port), Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Gateway
    _link: http.client.HTTPConnection | None = None

    def do_POST(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_OPTIONS(self) -> None:
        self._serve()

    def _serve(self) -> None:
        try:
            headers = {k.lower(): v for k, v in self.headers.items()}
            self._admit(headers)
            status, answered, body = self._forward(headers, self._body(headers))
        except Refused as refusal:
            self.close_connection = True
            text = json.dumps({"message": refusal.message}).encode()
            self._answer(refusal.status, {"x-amzn-ErrorType": refusal.code}, text)
        else:
            self._answer(status, answered, body)

    def _admit(self, headers: dict[str, str]) -> None:
        why = guard.refusal(headers, self.server.server_address[1])
        if why:
            raise Refused(403, "AccessDeniedException", why)
        if self.command == "POST":
            why = guard.wrong_type(headers)
            if why:
                raise Refused(415, "UnsupportedMediaTypeException", why)
        if not self.path.startswith("/v1/"):
            known = "AWS Batch's operations are at /v1/<operation>."
            raise Refused(404, "UnknownOperationException", known)

    def _body(self, headers: dict[str, str]) -> bytes:
        if "transfer-encoding" in headers:
            raise Refused(411, "ClientException", "Content-Length is missing: bodies need one.")
        told = headers.get("content-length", "0")
        if not (told.isascii() and told.isdigit()):
            raise Refused(400, "ClientException", "Content-Length is not a whole number.")
        if int(told) > MAX_BODY:
            limit = f"The body is {told} bytes long: at most {MAX_BODY} are read."
            raise Refused(413, "RequestEntityTooLargeException", limit)
        return self.rfile.read(int(told))

    def _forward(self, headers: dict[str, str], body: bytes) -> Answer:
        """Pass the request on; while the local cloud is being restarted, hold it."""
        patient_until = time.monotonic() + self.server.hold
        while True:
            try:
                return self._pass_on(headers, body)
            except Restarting:
                if time.monotonic() > patient_until:
                    raise Refused(500, "ServerException", GONE) from None
                time.sleep(AGAIN)

    def _pass_on(self, headers: dict[str, str], body: bytes) -> Answer:
        """Once; and once more when a kept connection turns out to be closed. Raises Restarting."""
        kept = {name: headers[name] for name in KEPT if name in headers}
        upstream = self.server.upstream
        signed = upstream.signed(self.command, self.path, kept, body)
        for fresh in (self._link is None, True):
            link = self._link or http.client.HTTPConnection(upstream.address, timeout=TIMEOUT)
            self._link = link
            try:
                link.request(self.command, upstream.path(self.path), body, signed)
                return _read(link.getresponse())
            except (http.client.HTTPException, OSError) as error:
                link.close()
                self._link = None
                if isinstance(error, ConnectionRefusedError):
                    raise Restarting from None
                if fresh:
                    break
        raise Refused(500, "ServerException", GONE)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def finish(self) -> None:
        if self._link:
            self._link.close()
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing a request: the functions log what matters."""


def _read(got: http.client.HTTPResponse) -> Answer:
    """What came back. Raises Restarting for the words of a cloud that closes."""
    names = ("content-type", "x-amzn-errortype", "apigw-requestid")
    answered = {n: got.headers[n] for n in names if got.headers[n]}
    body = got.read()
    if got.status == 503 and gate.CLOSED.encode() in body:
        raise Restarting
    return got.status, answered, body


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m local.gateway", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--endpoint", required=True, help="where the local cloud is")
    parser.add_argument("--api", required=True, help="the id of the deployed HTTP API")
    parser.add_argument("--region", default=awsclient.REGION)
    options = parser.parse_args()
    owner.follow()
    gateway = Gateway(options.port, Upstream(options.endpoint, options.api, options.region))
    closing = threading.Event()
    for caught in (signal.SIGTERM, signal.SIGINT):
        signal.signal(caught, lambda *_: closing.set())
    threading.Thread(target=gateway.serve_forever, daemon=True).start()
    print(f"AWS Batch at http://127.0.0.1:{options.port}", flush=True)
    closing.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
