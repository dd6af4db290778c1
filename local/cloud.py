"""`python -m local.cloud`: the local cloud's process: MiniStack on loopback, with our half of ECS.

Its environment says the port (GATEWAY_PORT), whether IAM is enforced (AUTH), and where it keeps
what it holds (BATCHYARD_CLOUD_STATE). On SIGTERM it writes all of that down, and the next one
takes it up; without the variable, or when it is killed, it is forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from local import cloud_state, owner
from local.gate import Gate

STATE = "BATCHYARD_CLOUD_STATE"
KEEP_ALIVE = 75.0  #: seconds a client's connection may be idle
TELL = 2.0  #: seconds that events under way get to reach their queues

SETTINGS = {
    "BIND_HOST": "127.0.0.1",
    "SFTP_ENABLED": "0",
    "IOT_MTLS_ENABLED": "0",
    "LOG_LEVEL": "WARNING",
    # Functions inherit this environment, and their own log keeps its level, as on AWS.
    "POWERTOOLS_LOG_LEVEL": "INFO",
    "LAMBDA_EXECUTOR": "local",
    # An engine there may be is the agent's; MiniStack must find none to sweep or to start on.
    "DOCKER_HOST": "unix:///nowhere/docker.sock",
}

#: On AWS a batch call needs the permission of the call it repeats; MiniStack asks for its own name.
ACTIONS = {
    "sqs:SendMessageBatch": "sqs:SendMessage",
    "sqs:DeleteMessageBatch": "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}


def named_as_aws_does(extract: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack's `extract_iam_action`, with the permissions that AWS has."""

    def action(*request: Any, **more: Any) -> Any:
        found = extract(*request, **more)
        return ACTIONS.get(found, found)

    return action


class LocalCloud:
    """MiniStack with our half of ECS in it, served until SIGTERM."""

    def __init__(self, port: int, kept: Path | None, auth: bool) -> None:
        import ministack.app
        from ministack.core import iam_actions, responses
        from ministack.services import ecs, eventbridge, iam, sts

        from local.ecs import EcsHalf
        from local.ecs_events import Emitter
        from local.ecs_roles import TaskRoles

        self._port = port
        self._state = cloud_state.CloudState(ministack.app, kept) if kept else None
        self._emitter = Emitter(eventbridge, responses)
        self._half = EcsHalf(ecs, self._emitter, roles=TaskRoles(iam, sts) if auth else None)
        self._gate = Gate(ministack.app.app, port)
        iam_actions.extract_iam_action = named_as_aws_does(iam_actions.extract_iam_action)

    def serve(self) -> None:
        """Serve until SIGTERM or SIGINT, and end the process."""
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        self._half.install()
        if self._state:
            self._state.install()
        config = Config()
        config.bind = [f"127.0.0.1:{self._port}"]
        config.keep_alive_timeout = KEEP_ALIVE
        config.loglevel = SETTINGS["LOG_LEVEL"]
        gate: Any = self._gate
        asyncio.run(serve(gate, config, shutdown_trigger=self._until_told))

    async def _until_told(self) -> None:
        """Ends the process in its own way: a server's own end would wait for every connection,
        and save what threads still change."""
        told = asyncio.Event()
        for caught in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(caught, told.set)
        await told.wait()
        await self._leave()
        os._exit(0)

    async def _leave(self) -> None:
        """Close, let what is under way come to its end, and save."""
        self._half.close()
        await self._gate.close()
        for worker in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                worker.kill()
        deadline = time.monotonic() + TELL
        while not self._emitter.idle and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        if self._state:
            self._state.save()


def main() -> None:
    """Set MiniStack up and serve until SIGTERM."""
    owner.follow()
    os.environ.update(SETTINGS)
    port = int(os.environ.setdefault("GATEWAY_PORT", "4566"))
    # Functions are workers of this interpreter, and inherit this: boto3 reaches the local cloud.
    os.environ["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{port}"
    kept = Path(os.environ[STATE]) if os.environ.get(STATE) else None
    if kept:
        cloud_state.begin(kept)
        os.environ.update(cloud_state.settings(kept))  # MiniStack reads it when it is imported
    _open_many_files()
    LocalCloud(port, kept, os.environ.get("AUTH") == "true").serve()


def _open_many_files() -> None:
    """A burst of connections must not end at the usual 1,024 files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    main()
