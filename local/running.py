"""A running local platform: what it is, how it is found again, and how it ends."""

from __future__ import annotations

import json
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import awsclient, cloud_state
from local.processes import Processes

STATE = ".batchyard"
PARTS = ("cloud", "agent", "gateway")
KEEPER = "keeper"
ORDER = (*PARTS, KEEPER)  #: of starting; stopping goes the other way
REPAIR = 20.0  #: seconds the keeper may take to start a part again


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlatform:
    """A running platform, as `.batchyard/local.json` tells of it."""

    state: str
    batch_endpoint: str  #: for any AWS Batch client
    aws_endpoint: str  #: for all other services
    region: str
    account: str
    deployment: str
    job_queues: list[str]
    compute_environments: list[str]
    log_group: str
    input_bucket: str
    output_bucket: str
    event_bus: str
    wait_machine: str
    api_id: str
    runtime: str  #: what runs the containers, in the agent's words
    auth: bool
    parameters: dict[str, str] = field(default_factory=dict)  #: all the stacks handed over

    def client(self, service: str) -> Any:
        """A boto3 client of this platform; `batch` is Batchyard's."""
        endpoint = self.batch_endpoint if service == "batch" else self.aws_endpoint
        return awsclient.client(service, endpoint, self.region)

    def environment(self) -> dict[str, str]:
        """Variables with which any AWS SDK or CLI uses this platform."""
        told = awsclient.variables(self.aws_endpoint, self.region)
        return {**told, "AWS_ENDPOINT_URL_BATCH": self.batch_endpoint}

    def alive(self) -> bool:
        """Whether all its parts live and it serves."""
        pids = Processes(Path(self.state)).pids()
        return all(name in pids for name in PARTS) and answers(self.aws_endpoint)

    def down(self) -> None:
        """Stop everything that `up` started; nothing is left running."""
        stop(Path(self.state))


def find(state: Path) -> LocalPlatform | None:
    """The platform of this state directory, if it runs; one under repair is waited for."""
    platform = told(state)
    if platform is None:
        return None
    deadline = time.monotonic() + REPAIR
    while not (alive := platform.alive()) and KEEPER in Processes(state).pids():
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return platform if alive else None


def told(state: Path) -> LocalPlatform | None:
    """The platform that was last started here, whether it runs or not."""
    try:
        return LocalPlatform(**json.loads((state / "local.json").read_text()))
    except (OSError, ValueError, TypeError):
        return None


def kept(state: Path) -> Path:
    """Where the local cloud of this state directory keeps what it holds."""
    return state / "cloud"


def lost(state: Path) -> bool:
    """Whether the local cloud died without writing down what it held."""
    gone = "cloud" not in Processes(state).pids()
    return gone and not cloud_state.saved(kept(state))


def why_it_ended(state: Path) -> str:
    """One sentence for a platform that ended by itself; empty for any other."""
    try:
        return (state / "ended").read_text().strip()
    except OSError:
        return ""


def stop(state: Path) -> bool:
    """Stop what runs of this state directory and clear what it left; False when nothing ran."""
    if not state.is_dir():
        return False
    processes = Processes(state)
    ran = [processes.stop(name) for name in reversed(ORDER)]
    for file in ("local.json", "ended"):
        (state / file).unlink(missing_ok=True)
    for leftover in ("tmp", "agent", "cloud"):
        shutil.rmtree(state / leftover, ignore_errors=True)
    return any(ran)


def answers(endpoint: str) -> bool:
    """Whether MiniStack serves at `endpoint`."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
