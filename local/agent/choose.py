"""Which runtime this machine gets: Docker where an engine answers, else processes."""

from __future__ import annotations

from local.agent import cgroups
from local.agent.containers import DockerRuntime
from local.agent.process import ProcessRuntime
from local.agent.runtime import Runtime

CHOICES = ("auto", "docker", "process")


class NoRuntime(Exception):
    """What was asked for is not here; the message is for a person."""


def choose(wanted: str = "auto") -> Runtime:
    """The runtime to use. Raises NoRuntime."""
    if wanted not in CHOICES:
        raise NoRuntime(f"BATCHYARD_RUNTIME is '{wanted}': one of {', '.join(CHOICES)} is needed")
    if wanted in ("auto", "docker"):
        engine = DockerRuntime.find()
        if engine:
            return engine
    if wanted == "docker":
        raise NoRuntime("BATCHYARD_RUNTIME is 'docker', but no Docker engine answers")
    because = "" if wanted == "process" else "no Docker engine answers, so "
    return ProcessRuntime(cgroups.find(), because)
