"""`batchyard explain`: what is asked of the API, and what a person reads."""

import http.server
import json
import threading

import pytest

from cli.__main__ import main

ANSWER = {
    "jobId": "a",
    "jobName": "wide",
    "status": "RUNNABLE",
    "cause": "CAPACITY",
    "reason": "fargate: needs 2 vCPUs, 16 of 16 vCPUs taken; the next in queue default",
    "environments": [
        {"reason": "fargate: needs 2 vCPUs, 16 of 16 vCPUs taken", "enabled": True},
        {"reason": "spare: needs 2 vCPUs, 0 of 4 vCPUs taken", "enabled": False},
    ],
    "dependencies": [],
}


@pytest.fixture
def endpoint(monkeypatch):
    """An API that answers every call with ANSWER, and what it was asked."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            asked.append((self.path, json.loads(body), self.headers["authorization"]))
            known = asked[-1][1]["jobId"] == "a"
            told = ANSWER if known else {"message": "Job 'b' does not exist."}
            self.send_response(200 if known else 400)
            self.send_header("x-amzn-ErrorType", "ClientException")
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_):
            pass

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_the_sentence_is_told_first_then_each_environment(endpoint, capsys):
    url, asked = endpoint
    assert main(["explain", "a", "--endpoint", url]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "wide is RUNNABLE (CAPACITY): "
        "fargate: needs 2 vCPUs, 16 of 16 vCPUs taken; the next in queue default",
        "  fargate: needs 2 vCPUs, 16 of 16 vCPUs taken",
        "  spare: needs 2 vCPUs, 0 of 4 vCPUs taken (DISABLED)",
    ]
    ((path, body, authorization),) = asked
    assert (path, body) == ("/v1/explain", {"jobId": "a"})
    assert "/us-east-1/execute-api/aws4_request" in authorization


def test_the_whole_answer_as_json(endpoint, capsys):
    assert main(["explain", "a", "--json", "--endpoint", endpoint[0]]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER


def test_a_refusal_is_told_in_one_line(endpoint, capsys):
    assert main(["explain", "b", "--endpoint", endpoint[0]]) == 1
    assert "Job 'b' does not exist." in capsys.readouterr().err
