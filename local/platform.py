"""The local platform as a whole: `up` brings it to life, `LocalPlatform` is what it is then.

platform = up(root)                     # or: ports=Ports.free(), state=tmp_path, auth=True
boto3.client("batch", endpoint_url=platform.batch_endpoint, …)
platform.down()
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local import awsclient
from local.assembly import synthesize
from local.deploy import Deployer
from local.errors import PlatformError
from local.ports import Ports
from local.processes import Processes

DEPLOYMENT = "batchyard"
LOG_GROUP = "/aws/batch/job"
STATE = ".batchyard"
ORDER = ("cloud", "agent", "gateway")  #: of starting; stopping goes the other way
READY = 30.0  #: seconds a process may take until it serves

Say = Callable[[str], None]


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
    pids: dict[str, int] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client of this platform; `batch` is Batchyard's."""
        endpoint = self.batch_endpoint if service == "batch" else self.aws_endpoint
        return awsclient.client(service, endpoint, self.region)

    def environment(self) -> dict[str, str]:
        """Variables with which any AWS SDK or CLI uses this platform."""
        told = awsclient.variables(self.aws_endpoint, self.region)
        return {**told, "AWS_ENDPOINT_URL_BATCH": self.batch_endpoint}

    def alive(self) -> bool:
        """Whether all its processes live and it serves."""
        pids = Processes(Path(self.state)).pids()
        return all(name in pids for name in ORDER) and _answers(self.aws_endpoint)

    def down(self) -> None:
        """Stop everything that `up` started; nothing is left running."""
        stop(Path(self.state))


def up(
    root: Path,
    ports: Ports | None = None,
    auth: bool = False,
    quiet: bool = False,
    *,
    state: Path | None = None,
    context: Mapping[str, Any] | None = None,
    runtime: str | None = None,
) -> LocalPlatform:
    """Start and deploy the platform of the checkout at `root`, or bring a running one up to date.

    `auth` enforces IAM, `context` goes over cdk.json, `state` is where it keeps its files
    (default `root/.batchyard`), `runtime` what runs containers (auto, docker, process; default
    BATCHYARD_RUNTIME). Raises PlatformError; then, and when interrupted, nothing keeps running.
    """
    state = (state or root / STATE).resolve()
    say: Say = _silence if quiet else _print
    running = find(state)
    launch = Launch(
        root=root.resolve(),
        state=state,
        ports=_ports_of(running) if running else ports or Ports.of(os.environ),
        auth=auth,
        runtime=runtime or os.environ.get("BATCHYARD_RUNTIME", "auto"),
        say=say,
    )
    try:
        if running is None:
            stop(state)
            launch.begin()
        return launch.finish(context or {}, running)
    except BaseException:
        if running is None:
            stop(state)
        raise


def find(state: Path) -> LocalPlatform | None:
    """The platform of this state directory, if it runs."""
    try:
        told = json.loads((state / "local.json").read_text())
        platform = LocalPlatform(**told)
    except (OSError, ValueError, TypeError):
        return None
    return platform if platform.alive() else None


def stop(state: Path) -> bool:
    """Stop what runs of this state directory and clear what it left; False when nothing ran."""
    if not state.is_dir():
        return False
    processes = Processes(state)
    ran = [processes.stop(name) for name in reversed(ORDER)]
    (state / "local.json").unlink(missing_ok=True)
    for leftover in ("tmp", "agent"):
        shutil.rmtree(state / leftover, ignore_errors=True)
    return any(ran)


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One `up` on its way."""

    root: Path
    state: Path
    ports: Ports
    auth: bool
    runtime: str
    say: Say

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports.cloud}"

    @property
    def batch_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    def begin(self) -> None:
        """Start the local cloud; it boots while the stacks are synthesized."""
        self.ports.check()
        for directory in ("logs", "tmp", "agent"):
            (self.state / directory).mkdir(parents=True, exist_ok=True)
        for log in (self.state / "logs").glob("*.log"):
            log.unlink()
        self.say(f"Starting the local cloud on port {self.ports.cloud}")
        self._start(
            "cloud",
            ["-m", "local.cloud"],
            GATEWAY_PORT=str(self.ports.cloud),
            AUTH="true" if self.auth else "false",
            TMPDIR=str(self.state / "tmp"),
        )

    def finish(self, context: Mapping[str, Any], running: LocalPlatform | None) -> LocalPlatform:
        """Synthesize, deploy, start agent and gateway (unless they run), and write it all down."""
        began = time.monotonic()
        self.say("Synthesizing the stacks")
        stacks, fresh = synthesize(self.root, self.state, context)
        self.say(f"  {time.monotonic() - began:.1f} s" if fresh else "  unchanged")
        self._until("cloud", lambda: _answers(self.endpoint))
        deployer = Deployer(self.endpoint, self.say)
        if fresh or running is None:
            self.say("Deploying")
            deployer.deploy(stacks)
        told = deployer.parameters(_deployment(context))
        if running is None:
            self._start_rest(told["api-id"])
        platform = self._platform(told, _deployment(context))
        partial = self.state / "local.json.new"
        partial.write_text(json.dumps(asdict(platform), indent=2) + "\n")
        os.replace(partial, self.state / "local.json")
        return platform

    def _start_rest(self, api: str) -> None:
        self.say("Starting the container agent and the AWS Batch endpoint")
        arguments = ["--endpoint", self.endpoint, "--state", str(self.state / "agent")]
        arguments += ["--batch-endpoint", self.batch_endpoint, "--runtime", self.runtime]
        arguments += ["--assume-roles"] if self.auth else []
        self._start("agent", ["-m", "local.agent", *arguments])
        port = str(self.ports.gateway)
        gateway = ["-m", "local.gateway", "--port", port, "--endpoint", self.endpoint]
        self._start("gateway", [*gateway, "--api", api])
        self._until("agent", lambda: bool(self._runtime()))
        self._until("gateway", lambda: "AWS Batch at" in self._said("gateway"))
        self.say(f"  {self._runtime()}")

    def _platform(self, told: dict[str, str], deployment: str) -> LocalPlatform:
        batch = awsclient.client("batch", self.batch_endpoint)
        queues = batch.describe_job_queues()["jobQueues"]
        environments = batch.describe_compute_environments()["computeEnvironments"]
        return LocalPlatform(
            state=str(self.state),
            batch_endpoint=self.batch_endpoint,
            aws_endpoint=self.endpoint,
            region=awsclient.REGION,
            account=awsclient.ACCOUNT,
            deployment=deployment,
            job_queues=[q["jobQueueName"] for q in sorted(queues, key=lambda q: -q["priority"])],
            compute_environments=sorted(e["computeEnvironmentName"] for e in environments),
            log_group=LOG_GROUP,
            input_bucket=told["input-bucket"],
            output_bucket=told["output-bucket"],
            event_bus=told["event-bus"],
            wait_machine=told["wait-machine"],
            api_id=told["api-id"],
            runtime=self._runtime(),
            auth=self.auth,
            parameters=told,
            pids=self._processes().pids(),
        )

    def _processes(self) -> Processes:
        return Processes(self.state)

    def _start(self, name: str, arguments: list[str], **environment: str) -> None:
        told = {**awsclient.sealed(os.environ), **environment}
        self._processes().start(name, arguments, told)

    def _said(self, name: str) -> str:
        with contextlib.suppress(OSError):
            return self._processes().log(name).read_text(errors="replace")
        return ""

    def _runtime(self) -> str:
        lines = [x for x in self._said("agent").splitlines() if x.startswith("runtime: ")]
        return lines[-1].removeprefix("runtime: ") if lines else ""

    def _until(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY
        while not ready():
            if name not in self._processes().pids():
                lines = self._said(name).strip().splitlines() or ["it said nothing"]
                raise PlatformError(f"The {name} ended at once: {lines[-1][:300]}")
            if time.monotonic() > deadline:
                log = self._processes().log(name)
                raise PlatformError(f"The {name} was not ready after {READY:.0f} s; see {log}.")
            time.sleep(0.05)


def _print(line: str) -> None:
    print(line, flush=True)


def _silence(line: str) -> None:
    """Nobody listens."""


def _deployment(context: Mapping[str, Any]) -> str:
    return str(context.get("batchyard:deployment", DEPLOYMENT))


def _ports_of(platform: LocalPlatform) -> Ports:
    cloud, gateway = (
        int(endpoint.rsplit(":", 1)[-1])
        for endpoint in (platform.aws_endpoint, platform.batch_endpoint)
    )
    return Ports(cloud, gateway)


def _answers(endpoint: str) -> bool:
    """Whether MiniStack serves at `endpoint`."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{endpoint}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
