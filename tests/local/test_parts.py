"""The small parts of the local platform: lines, ports, processes."""

import json
import socket

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import awsclient
from local.agent.logs import Lines
from local.agent.orders import read
from local.assembly import fingerprint
from local.errors import PlatformError
from local.ports import Ports
from local.processes import Processes

CHARACTERS = st.characters(codec="utf-8", exclude_characters="\r\n")


@given(st.lists(st.text(CHARACTERS)), st.integers(4, 40), st.data())
def test_no_character_is_lost_however_output_is_cut(lines, limit, data):
    stream = "".join(f"{line}\n" for line in lines).encode()
    told, found = Lines(limit), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += told.feed(stream[:size])
        stream = stream[size:]
    found += told.flush()
    assert "".join(found) == "".join(lines)
    assert all(0 < len(line.encode()) <= limit for line in found)


def test_a_port_in_use_is_named_with_the_variable_that_changes_it():
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with pytest.raises(PlatformError, match=rf"^Port {port} is in use: .* BATCHYARD_PORT "):
            Ports(port, port + 1).check()


@pytest.mark.parametrize("text", ["", "abc", "80", "65535", "-1"])
def test_a_port_that_cannot_be_is_refused_by_its_variable(text):
    with pytest.raises(PlatformError, match=f"BATCHYARD_PORT is '{text}'"):
        Ports.of({"BATCHYARD_PORT": text})


def test_a_stopped_process_takes_its_children_with_it(tmp_path):
    (tmp_path / "logs").mkdir()
    code = "import subprocess; subprocess.run(['sleep', '300'])"
    processes = Processes(tmp_path)
    pid = processes.start("one", ["-c", code], awsclient.sealed({"PATH": "/usr/bin:/bin"}))
    leader = psutil.Process(pid)
    while not (children := leader.children()):
        pass
    assert Processes(tmp_path).pids() == {"one": pid}
    assert processes.stop("one")
    assert not [c for c in children if c.is_running() and c.status() != psutil.STATUS_ZOMBIE]
    assert processes.pids() == {}
    assert not processes.stop("one")


def test_a_process_id_that_was_used_again_is_left_alone(tmp_path):
    mine = psutil.Process()
    noted = {"cloud": {"pid": mine.pid, "born": mine.create_time() - 100}}
    (tmp_path / "processes.json").write_text(json.dumps(noted))
    assert Processes(tmp_path).pids() == {}
    assert not Processes(tmp_path).stop("cloud")


def test_nothing_of_the_user_s_aws_reaches_the_platform():
    user = {"AWS_PROFILE": "work", "HTTPS_PROXY": "http://p", "PYTHONPATH": "/x", "PATH": "/bin"}
    sealed = awsclient.sealed(user)
    assert sealed["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "HTTPS_PROXY", "PYTHONPATH"} & sealed.keys()


def test_clients_work_with_a_profile_that_does_not_exist(monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://elsewhere.example")
    client = awsclient.client("sqs", "http://127.0.0.1:1")
    assert client.meta.endpoint_url == "http://127.0.0.1:1"


def test_the_fingerprint_follows_code_and_context(tmp_path):
    (tmp_path / "app.py").write_text("a")
    (tmp_path / "README.md").write_text("a")
    first = fingerprint(tmp_path, "{}")
    (tmp_path / "README.md").write_text("b")
    assert fingerprint(tmp_path, "{}") == first
    assert fingerprint(tmp_path, '{"a": 1}') != first
    (tmp_path / "app.py").write_text("b")
    assert fingerprint(tmp_path, "{}") != first


def test_an_order_is_definition_and_overrides_merged():
    container = {
        "name": "default",
        "image": "i",
        "entryPoint": ["sh", "-c"],
        "command": ["a"],
        "memory": 2048,
        "stopTimeout": 500,
        "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}],
    }
    override = {"name": "default", "command": ["b"], "environment": [{"name": "B", "value": "2"}]}
    record = {
        "taskArn": "arn:aws:ecs:us-east-1:000000000000:task/c/id",
        "clusterArn": "c",
        "memory": "1024",
        "cpu": "512",
        "overrides": {"containerOverrides": [override]},
    }
    order = read({"task": record, "taskDefinition": {"containerDefinitions": [container]}})
    assert order.id == "id"
    assert (order.container.entry_point, order.container.command) == (("sh", "-c"), ("b",))
    assert order.container.environment == {"A": "1", "B": "2"}
    assert order.container.memory == 1024 * 1024 * 1024
    assert order.container.cpu == 512
    assert order.container.stop_timeout == 120
    assert order.log_stream is None
