"""Containers as a Docker engine runs them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import docker.errors

from local.agent.orders import MIB, Container
from local.agent.runtime import KILLED, OUT_OF_MEMORY, CannotStart, Outcome, Usage

LABEL = "batchyard.task"
LEAST_MEMORY = 6 * MIB  #: what engines accept
MOST_SHARES = 262_144
PING = 5.0


class DockerRuntime:
    """Runs containers on the engine that `docker.from_env` finds, on the host's network."""

    name = "docker"

    def __init__(self, client: Any) -> None:
        self._client = client
        self._pulling = threading.Lock()
        version = client.version()["Version"]
        self.why = f"a Docker engine answers (version {version}); images are run as they are"

    @classmethod
    def find(cls) -> DockerRuntime | None:
        """The engine of this environment, if one answers."""
        try:
            client = docker.from_env(timeout=PING)
            client.ping()
            return cls(docker.from_env(timeout=60))
        except Exception:
            return None

    def prepare(self, container: Container) -> None:
        """Have the image here; pulled at most once at a time."""
        with self._pulling:
            try:
                self._client.images.get(container.image)
            except docker.errors.ImageNotFound:
                self._pull(container.image)
            except Exception as error:
                raise CannotStart(f"CannotPullContainerError: {_words(error)}") from None

    def _pull(self, image: str) -> None:
        tagged = image if "@" in image or ":" in image.rsplit("/", 1)[-1] else f"{image}:latest"
        try:
            self._client.images.pull(tagged)
        except Exception as error:
            raise CannotStart(f"CannotPullContainerError: {_words(error)}") from None

    def start(self, container: Container, output: int, work: Path) -> DockerContainer:
        try:
            made = self._client.containers.create(**_options(container, work.name))
        except Exception as error:
            raise CannotStart(f"CannotCreateContainerError: {_words(error)}") from None
        stream = made.attach(stdout=True, stderr=True, stream=True, logs=True)
        try:
            made.start()
        except Exception as error:
            made.remove(force=True)
            raise CannotStart(f"CannotStartContainerError: {_words(error)}") from None
        return DockerContainer(made, stream, os.dup(output))

    def end(self, task: str, handle: Mapping[str, Any] | None) -> None:
        found = self._client.containers.list(all=True, filters={"label": f"{LABEL}={task}"})
        for container in found:
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True)


def _options(container: Container, task: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "image": container.image,
        "command": list(container.command) or None,
        "environment": dict(container.environment),
        "labels": {LABEL: task},
        "network_mode": "host",
        "name": f"batchyard-{task}",
    }
    if container.entry_point:
        options["entrypoint"] = list(container.entry_point)
    if container.memory:
        memory = max(container.memory, LEAST_MEMORY)
        options |= {"mem_limit": memory, "memswap_limit": memory}
    if container.cpu:
        cpus = min(container.cpu / 1024, os.cpu_count() or 1)
        options["nano_cpus"] = int(cpus * 1_000_000_000)
        options["cpu_shares"] = max(2, min(container.cpu, MOST_SHARES))
    if container.working_directory:
        options["working_dir"] = container.working_directory
    if container.user:
        options["user"] = container.user
    return options


class DockerContainer:
    """One started container; `output` is ours to close."""

    def __init__(self, container: Any, stream: Any, output: int) -> None:
        self._container = container
        self.id = str(container.id)
        self._copying = threading.Thread(target=self._copy, args=(stream, output), daemon=True)
        self._copying.start()

    @property
    def handle(self) -> Mapping[str, Any]:
        return {"container": self.id}

    def _copy(self, stream: Any, output: int) -> None:
        """From the engine's socket to the pipe; a full pipe holds the engine back."""
        with os.fdopen(output, "wb", buffering=0) as pipe, contextlib.suppress(Exception):
            for chunk in stream:
                pipe.write(chunk)

    def wait(self) -> Outcome:
        code = self._exit_code()
        self._copying.join(30)
        with contextlib.suppress(docker.errors.APIError):
            self._container.reload()
        oom = bool(self._container.attrs.get("State", {}).get("OOMKilled"))
        with contextlib.suppress(docker.errors.APIError):
            self._container.remove(force=True, v=True)
        return Outcome(code, OUT_OF_MEMORY if oom and code else None)

    def _exit_code(self) -> int:
        """The container's exit code; 137 when it is gone."""
        while True:
            try:
                return int(self._container.wait(timeout=3600)["StatusCode"])
            except docker.errors.NotFound:
                return KILLED
            except Exception as error:
                print(f"container {self.id[:12]}: waiting again: {_words(error)}", flush=True)
                time.sleep(1.0)

    def terminate(self) -> None:
        with contextlib.suppress(docker.errors.APIError):
            self._container.kill(signal="SIGTERM")

    def kill(self) -> None:
        with contextlib.suppress(docker.errors.APIError):
            self._container.kill()

    def usage(self) -> Usage:
        try:
            told = self._container.stats(stream=False, one_shot=True)
        except Exception:
            return Usage()
        memory = told.get("memory_stats") or {}
        cpu = (told.get("cpu_stats") or {}).get("cpu_usage") or {}
        used, peak = int(memory.get("usage") or 0), int(memory.get("max_usage") or 0)
        return Usage(used, peak or used, int(cpu.get("total_usage") or 0))


def _words(error: Exception) -> str:
    """The engine's own sentence, on one line."""
    text = getattr(error, "explanation", None) or str(error)
    return " ".join(str(text).split())[:900]
