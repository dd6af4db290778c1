"""The task metadata endpoint, version 4: what a container learns of itself over HTTP.

Served on loopback; each container has an address of its own that nobody else knows.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.agent.orders import MIB, Order
from local.agent.runtime import Usage

Facts = dict[str, Any]


class Subject:
    """One container, as the endpoint tells of it."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self.usage: Callable[[], Usage] = Usage
        self.id = order.id
        self.status = "PENDING"
        self._created = _now()
        self._started = ""

    def running(self, container_id: str, usage: Callable[[], Usage]) -> None:
        """From now on the container runs, under this id of the runtime's."""
        self.id, self.usage, self.status, self._started = container_id, usage, "RUNNING", _now()

    def container(self) -> Facts:
        """`${ECS_CONTAINER_METADATA_URI_V4}`"""
        order, container = self._order, self._order.container
        family, _, revision = _tail(order.record["taskDefinitionArn"]).partition(":")
        return {
            "DockerId": self.id,
            "Name": container.name,
            "DockerName": f"ecs-{family}-{revision}-{container.name}",
            "Image": container.image,
            "ImageID": "",
            "Labels": {
                "com.amazonaws.ecs.cluster": order.cluster,
                "com.amazonaws.ecs.container-name": container.name,
                "com.amazonaws.ecs.task-arn": order.task,
                "com.amazonaws.ecs.task-definition-family": family,
                "com.amazonaws.ecs.task-definition-version": revision,
            },
            "DesiredStatus": "RUNNING",
            "KnownStatus": self.status,
            "Limits": {"CPU": container.cpu, "Memory": container.memory // MIB},
            "CreatedAt": self._created,
            **({"StartedAt": self._started} if self._started else {}),
            "Type": "NORMAL",
            "LogDriver": "awslogs",
            "LogOptions": dict(container.log_options),
            "ContainerARN": self._order.record["containers"][0]["containerArn"],
            "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["127.0.0.1"]}],
        }

    def task(self) -> Facts:
        """`${ECS_CONTAINER_METADATA_URI_V4}/task`"""
        order = self._order
        family, _, revision = _tail(order.record["taskDefinitionArn"]).partition(":")
        cpu, memory = int(order.record.get("cpu") or 0), int(order.record.get("memory") or 0)
        return {
            "Cluster": order.cluster,
            "TaskARN": order.task,
            "Family": family,
            "Revision": revision,
            "DesiredStatus": "RUNNING",
            "KnownStatus": self.status,
            "Limits": {"CPU": cpu / 1024, "Memory": memory},
            "PullStartedAt": self._created,
            "PullStoppedAt": self._created,
            "AvailabilityZone": order.record.get("availabilityZone", ""),
            "LaunchType": order.record.get("launchType", "FARGATE"),
            "Containers": [self.container()],
        }

    def stats(self) -> Facts:
        """`${ECS_CONTAINER_METADATA_URI_V4}/stats`, in Docker's shape."""
        used = self.usage()
        return {
            "read": _now(),
            "name": f"/{self._order.container.name}",
            "id": self.id,
            "num_procs": 0,
            "cpu_stats": {"cpu_usage": {"total_usage": used.cpu}, "online_cpus": 1},
            "memory_stats": {
                "usage": used.memory,
                "max_usage": used.peak,
                "limit": self._order.container.memory,
            },
        }

    def answer(self, path: str) -> Facts | None:
        """What stands at `path` below the container's address; None for nothing."""
        pages: dict[str, Callable[[], Facts]] = {
            "": self.container,
            "task": self.task,
            "stats": self.stats,
            "task/stats": lambda: {self.id: self.stats()},
            "taskWithTags": self.task,
        }
        page = pages.get(path.strip("/"))
        return page() if page else None


class Metadata:
    """The server. `add` gives a container its address, `remove` takes it away."""

    def __init__(self) -> None:
        subjects: dict[str, Subject] = {}

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _, version, token, *rest = [*self.path.split("?")[0].split("/"), "", ""]
                subject = subjects.get(token) if version == "v4" else None
                facts = subject.answer("/".join(rest)) if subject else None
                body = json.dumps(facts if facts is not None else {"message": "not found"})
                self.send_response(200 if facts is not None else 404)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are the containers' own business."""

        self._subjects = subjects
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True, name="metadata").start()

    def add(self, subject: Subject) -> str:
        """The address to put into `ECS_CONTAINER_METADATA_URI_V4`."""
        token = secrets.token_hex(16)
        self._subjects[token] = subject
        return f"http://127.0.0.1:{self._server.server_address[1]}/v4/{token}"

    def remove(self, address: str) -> None:
        self._subjects.pop(_tail(address), None)


def _tail(text: str) -> str:
    return text.rsplit("/", 1)[-1]


def _now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")
