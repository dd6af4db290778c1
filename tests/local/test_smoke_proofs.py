"""How a smoke run speaks to a deployment, and what it makes of what it sees."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from benchmarks import control_plane
from local.smoke import deployed, findings, probes, units
from local.smoke.cases import OUT_OF_MEMORY, Expected, Ran
from local.smoke.findings import Verdict, judged, untested

DEPLOYMENT, REGION = "byd-smoke-abc123", "eu-central-1"


@pytest.fixture
def endpoint():
    """An endpoint that knows no queues, and remembers what it was asked."""
    heard: list[tuple[str, dict[str, str]]] = []

    class Api(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            body = b'{"jobQueues": []}'
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", heard
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def platform(endpoint, tmp_path, monkeypatch):
    """A deployment as SSM tells of it, at that endpoint."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    from moto import mock_aws

    with mock_aws():
        ssm = deployed.client("ssm", REGION)
        for name, value in {"api-endpoint": endpoint[0], "input-bucket": "b"}.items():
            ssm.put_parameter(Name=f"/batchyard/{DEPLOYMENT}/{name}", Value=value, Type="String")
        found = deployed.find(DEPLOYMENT, REGION, tmp_path / "models")
    return found


# ── the client ────────────────────────────────────────────────────────────────────────────────


def test_the_batch_client_signs_for_api_gateway(platform, endpoint):
    platform.client("batch").describe_job_queues()
    ((path, headers),) = endpoint[1]
    assert path == "/v1/describejobqueues"
    scope = headers["authorization"].split("Credential=")[1].split(",")[0]
    assert scope.endswith(f"/{REGION}/execute-api/aws4_request")


def test_other_clients_sign_as_ever(platform):
    assert platform.client("ecs").meta.service_model.signing_name == "ecs"
    assert deployed.client("batch", REGION).meta.service_model.signing_name == "batch"


def test_the_aws_cli_is_told_the_same(platform):
    told = platform.environment()
    assert told["AWS_ENDPOINT_URL_BATCH"] == platform.parameters["api-endpoint"]
    extras = platform.models / "batch/2016-08-10/service-2.sdk-extras.json"
    assert told["AWS_DATA_PATH"] == str(platform.models)
    assert json.loads(extras.read_text())["merge"] == {"metadata": {"signingName": "execute-api"}}


def test_what_is_not_deployed_is_said_so(platform, tmp_path):
    from moto import mock_aws

    with mock_aws(), pytest.raises(deployed.PlatformError, match="is not deployed"):
        deployed.find("byd-smoke-zzz999", REGION, tmp_path)


# ── verdicts ──────────────────────────────────────────────────────────────────────────────────


def ran(name="job", status="SUCCEEDED", *, reason=None, code=0, lines=(), seen=101.0) -> Ran:
    container = {"exitCode": code, **({"reason": reason} if reason else {})}
    job = {
        "status": status,
        "createdAt": 90_000,
        "startedAt": 95_000,
        "stoppedAt": 100_000,
        "attempts": [{"container": container}],
        "container": container,
    }
    return Ran(name, name, Expected(line=lines[0] if lines else ""), job, list(lines), seen)


def all_well() -> dict[str, Ran]:
    found = {name: ran(name) for name in ("after-two", "retried")}
    found["plain"] = ran("plain", lines=("plain",))
    found["uploaded"] = ran("uploaded", lines=("key=told/a b",))
    found["out-of-memory"] = ran("out-of-memory", "FAILED", reason=OUT_OF_MEMORY, code=137)
    found["after-a-failure"] = ran("after-a-failure", "FAILED")
    found["after-a-failure"].job["attempts"] = []
    found["after-a-failure"].job["statusReason"] = "Dependent Job failed"
    attempts = [{"stoppedAt": 80_000}, {"startedAt": 95_000}]
    found["retried"].job["attempts"] = attempts
    found["retried"].expected = Expected(attempts=2)
    return found


TASK = {"taskArn": "arn:1", "startedBy": "job/run", "capacityProviderName": "FARGATE"}


def verdicts(jobs, task=TASK, group_was_there=False) -> dict[int, Verdict]:
    return {f.number: f.verdict for f in findings.of_jobs(jobs, task, group_was_there)}


def test_jobs_that_went_well_prove_what_they_rest_on():
    assert verdicts(all_well()) == dict.fromkeys((1, 2, 6, 7, 8, 9, 14, 15, 19), Verdict.PROVEN)


@pytest.mark.parametrize(
    ("number", "name", "change"),
    [
        (6, "out-of-memory", {"container": {"exitCode": 0}}),
        (7, "plain", {"stoppedAt": 10_000}),
        (8, "after-two", {"status": "FAILED"}),
        (9, "after-a-failure", {"statusReason": "something else"}),
        (19, "retried", {"status": "FAILED"}),
    ],
)
def test_a_job_that_went_otherwise_refutes_what_it_rests_on(number, name, change):
    jobs = all_well()
    jobs[name].job |= change
    assert verdicts(jobs)[number] is Verdict.REFUTED


def test_a_key_that_came_otherwise_refutes():
    jobs = all_well()
    jobs["uploaded"].lines = ["key=told/a+b"]
    assert verdicts(jobs)[15] is Verdict.REFUTED


def test_without_a_task_nothing_is_said_of_tasks():
    told = verdicts(all_well(), task=None)
    assert (told[1], told[2]) == (Verdict.NOT_TESTED, Verdict.NOT_TESTED)


def test_a_log_group_that_was_there_proves_nothing():
    assert verdicts(all_well(), group_was_there=True)[14] is Verdict.NOT_TESTED


def test_the_bill_is_held_to_the_arithmetic():
    expected = control_plane.measure("plain", 4, control_plane.plain).by_table
    as_billed = {name: value * 4 for name, value in expected.items()}
    twice = {n: v * (2 if "." in n else 1) for n, v in as_billed.items()}

    def told(consumed):
        return [f.verdict for f in units.findings(consumed, 4)]

    assert told(as_billed) == [Verdict.PROVEN, Verdict.PROVEN]
    assert told(twice) == [Verdict.REFUTED, Verdict.REFUTED]
    assert told({"jobs": 0.0}) == [Verdict.NOT_TESTED, Verdict.NOT_TESTED]


def test_every_line_of_the_page_gets_a_verdict_and_a_refuted_one_is_spelt_out():
    page = findings.assumptions()
    assert list(page) == list(range(1, len(page) + 1))
    found = findings.whole([judged(2, False, "it was EC2"), judged(1, True, "seen")])
    assert [f.number for f in found] == list(page)
    assert found[4] == untested(5, "nothing in this run shows it")
    told = findings.table(found)
    assert f"was assumed: {page[2]}" in told
    assert page[1] not in told


def test_a_probe_that_fails_proves_nothing_and_stops_nothing():
    def probe():
        raise KeyError("tasks")

    (found,) = probes.safely(3, probe)
    assert found.verdict is Verdict.NOT_TESTED
    assert "KeyError" in found.evidence


def test_the_aws_cli_counts_only_in_version_2(platform, tmp_path):
    def cli(version, code=0):
        program = tmp_path / "aws"
        script = f'[ "$1" = --version ] && echo "{version} x" || {{ echo smoke; exit {code}; }}\n'
        program.write_text(f"#!/bin/sh\n{script}")
        program.chmod(0o755)
        return probes.by_cli_v2(platform, str(program)).verdict

    assert cli("aws-cli/1.46.3") is Verdict.NOT_TESTED
    assert cli("aws-cli/2.30.0") is Verdict.PROVEN
    assert cli("aws-cli/2.30.0", code=255) is Verdict.REFUTED
