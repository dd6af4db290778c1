"""The local platform as a whole: `up` brings it to life, `LocalPlatform` is what it is then.

platform = up(root)                     # or: ports=Ports.free(), state=tmp_path, auth=True
platform.client("batch").submit_job(…)
platform.down()
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from local.errors import PlatformError
from local.keeper import KILLED
from local.launch import Launch, Say
from local.ports import Ports
from local.running import STATE, LocalPlatform, find, lost, stop, told, why_it_ended

__all__ = ["LocalPlatform", "PlatformError", "Ports", "STATE", "find", "stop", "up"]


def up(
    root: Path,
    ports: Ports | None = None,
    auth: bool = False,
    quiet: bool = False,
    *,
    state: Path | None = None,
    context: Mapping[str, Any] | None = None,
    runtime: str | None = None,
    owned: bool = False,
) -> LocalPlatform:
    """Start and deploy the platform of the checkout at `root`, or bring a running one up to date.

    `auth` enforces IAM, `context` goes over cdk.json, `state` is where it keeps its files
    (default `root/.batchyard`), `runtime` what runs containers (auto, docker, process; default
    BATCHYARD_RUNTIME); an `owned` one ends with this process, however that ends. Raises
    PlatformError; then, and when interrupted, nothing keeps running.
    """
    state = (state or root / STATE).resolve()
    say: Say = _silence if quiet else _print
    state.mkdir(parents=True, exist_ok=True)
    with _alone(state):
        return _up(root, ports, auth, state, context or {}, runtime, owned, say)


def _up(
    root: Path,
    ports: Ports | None,
    auth: bool,
    state: Path,
    context: Mapping[str, Any],
    runtime: str | None,
    owned: bool,
    say: Say,
) -> LocalPlatform:
    running = find(state)
    earlier = running or (None if lost(state) else told(state))
    if earlier and earlier.auth != auth:
        word = "with" if earlier.auth else "without"
        raise PlatformError(f"The platform runs {word} IAM enforced: `make down` first.")
    launch = Launch(
        root=root.resolve(),
        state=state,
        ports=_ports_of(earlier) if earlier else ports or Ports.of(os.environ),
        auth=auth,
        runtime=runtime or os.environ.get("BATCHYARD_RUNTIME", "auto"),
        owned=owned,
        say=say,
    )
    try:
        running = running or launch.revive()
        if running is None:
            _tell_of_loss(state, say)
            stop(state)
            launch.begin()
        return launch.finish(context, running)
    except BaseException:
        if running is None:
            stop(state)
        raise


def _tell_of_loss(state: Path, say: Say) -> None:
    """A platform that should still run, and does not, is not replaced without a word."""
    if told(state):
        say(f"{why_it_ended(state) or KILLED} Starting afresh.")


@contextlib.contextmanager
def _alone(state: Path) -> Iterator[None]:
    """One `up` at a time in a state directory. Raises PlatformError."""
    with (state / "up.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PlatformError(f"Another `up` is at work in {state}: wait for it.") from None
        yield


def _print(line: str) -> None:
    print(line, flush=True)


def _silence(line: str) -> None:
    """Nobody listens."""


def _ports_of(platform: LocalPlatform) -> Ports:
    cloud, gateway = (
        int(endpoint.rsplit(":", 1)[-1])
        for endpoint in (platform.aws_endpoint, platform.batch_endpoint)
    )
    return Ports(cloud, gateway)
