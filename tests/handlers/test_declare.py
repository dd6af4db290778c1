"""The `declare` function, composed as it is on AWS: CloudFormation is answered, whatever happens."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from lambdas import bootstrap
from lambdas.adapters.aws import cloudformation
from lambdas.core.triggers import Upload
from tests.handlers.deployed import TRIGGER, deployed


class Waiting(HTTPServer):
    """What CloudFormation is to a function: a URL that waits for one PUT."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.failures = failures
        self.answers: list[dict] = []
        self.types: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/answer?signature=x"


class _Answer(BaseHTTPRequestHandler):
    server: Waiting

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        failing = self.server.failures > 0
        self.server.failures -= 1
        if not failing:
            self.server.answers.append(json.loads(body))
            self.server.types.append(self.headers["content-type"])
        self.send_response(500 if failing else 200)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def stack():
    server = Waiting()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def function(monkeypatch, stack):
    with deployed(monkeypatch):
        from lambdas.handlers.declare import handler

        def ask(request="Create", **properties):
            event = {
                "RequestType": request,
                "ResponseURL": stack.url,
                "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1",
                "RequestId": "r-1",
                "LogicalResourceId": "Logical",
                "ResourceProperties": {"ServiceToken": "t", **properties},
            }
            if request != "Create":
                event["PhysicalResourceId"] = "S3Trigger/in#t"
            handler(event, None)
            return stack.answers[-1]

        yield ask


TRIGGERED = {"Kind": "S3Trigger", "Name": "t", "Detail": json.dumps(TRIGGER)}


def fired():
    upload = Upload(bucket="in", key="weather/a.csv")
    return [t.id for t in bootstrap.platform().triggers.of(upload)]


def test_a_resource_is_made_changed_and_deleted(function, stack):
    answer = function(**TRIGGERED)
    assert answer == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "S3Trigger/in#t",
        "StackId": "arn:aws:cloudformation:us-east-1:123456789012:stack/s/1",
        "RequestId": "r-1",
        "LogicalResourceId": "Logical",
        "NoEcho": False,
        "Data": {},
    }
    assert fired() == ["t"]
    assert function("Update", **TRIGGERED)["Status"] == "SUCCESS"
    assert function("Delete", **TRIGGERED)["Status"] == "SUCCESS"
    assert fired() == []
    assert stack.types == ["", "", ""]


def test_a_wrong_declaration_is_answered_with_the_reason(function):
    answer = function(Kind="Teapot", Name="a", Detail="{}")
    assert answer["Status"] == "FAILED"
    assert answer["Reason"].startswith("Kind is 'Teapot'")


def test_a_service_that_cannot_be_built_is_answered_too(function, monkeypatch):
    from lambdas.handlers import declare as module

    def broken():
        raise RuntimeError("no settings")

    monkeypatch.setattr(module, "declare", broken)
    answer = function(**TRIGGERED)
    assert (answer["Status"], answer["Reason"]) == ("FAILED", "RuntimeError: no settings")


def test_an_answer_that_is_lost_is_sent_again(function, stack):
    stack.failures = cloudformation.TRIES - 1
    assert function(**TRIGGERED)["Status"] == "SUCCESS"
