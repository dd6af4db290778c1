"""One `up` on its way: cloud, stacks, agent, gateway, and the page that tells of them."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from local import awsclient, owner
from local.assembly import synthesize
from local.cloud import STATE as CLOUD_STATE
from local.deploy import Deployer
from local.errors import PlatformError
from local.ports import Ports, taken
from local.processes import Processes
from local.running import KEEPER, PARTS, LocalPlatform, answers, kept, lost, told

DEPLOYMENT = "batchyard"
LOG_GROUP = "/aws/batch/job"
READY = 30.0  #: seconds a process may take until it serves

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One `up` on its way."""

    root: Path
    state: Path
    ports: Ports
    auth: bool
    runtime: str
    owned: bool
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
            **{CLOUD_STATE: str(kept(self.state))},
        )

    def revive(self) -> LocalPlatform | None:
        """What ran here, with every part that died started again; None when it cannot be."""
        platform = told(self.state)
        if platform is None or lost(self.state):
            return None
        processes = self._processes()
        processes.stop(KEEPER)  # `finish` starts another; two hands would start a part twice
        self.say("Starting again what ended")
        for part in PARTS:
            if part not in processes.pids():
                processes.again(part, self._environment())
                self.say(f"  {part}")
        self._until("cloud", lambda: answers(platform.aws_endpoint))
        self._until("gateway", lambda: taken(self.ports.gateway))
        return platform

    def finish(self, context: Mapping[str, Any], running: LocalPlatform | None) -> LocalPlatform:
        """Synthesize, deploy, start agent and gateway (unless they run), and write it all down."""
        began = time.monotonic()
        self.say("Synthesizing the stacks")
        stacks, fresh = synthesize(self.root, self.state, context)
        self.say(f"  {time.monotonic() - began:.1f} s" if fresh else "  unchanged")
        self._until("cloud", lambda: answers(self.endpoint))
        deployer = Deployer(self.endpoint, self.say)
        if fresh or running is None:
            self.say("Deploying")
            deployer.deploy(stacks)
        given = deployer.parameters(_deployment(context))
        if running is None:
            self._start_rest(given["api-id"])
        platform = self._platform(given, _deployment(context))
        partial = self.state / "local.json.new"
        partial.write_text(json.dumps(asdict(platform), indent=2) + "\n")
        os.replace(partial, self.state / "local.json")
        if KEEPER not in self._processes().pids():
            self._start(KEEPER, ["-m", "local.keeper", str(self.state)])
        return platform

    def _start_rest(self, api: str) -> None:
        self.say("Starting the container agent and the AWS Batch endpoint")
        arguments = ["--endpoint", self.endpoint, "--state", str(self.state / "agent")]
        arguments += ["--batch-endpoint", self.batch_endpoint, "--runtime", self.runtime]
        self._start("agent", ["-m", "local.agent", *arguments])
        port = str(self.ports.gateway)
        gateway = ["-m", "local.gateway", "--port", port, "--endpoint", self.endpoint]
        self._start("gateway", [*gateway, "--api", api])
        self._until("agent", lambda: bool(self._runtime()))
        self._until("gateway", lambda: "AWS Batch at" in self._said("gateway"))
        self.say(f"  {self._runtime()}")

    def _platform(self, given: dict[str, str], deployment: str) -> LocalPlatform:
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
            input_bucket=given["input-bucket"],
            output_bucket=given["output-bucket"],
            event_bus=given["event-bus"],
            wait_machine=given["wait-machine"],
            api_id=given["api-id"],
            runtime=self._runtime(),
            auth=self.auth,
            parameters=given,
        )

    def _processes(self) -> Processes:
        return Processes(self.state)

    def _start(self, name: str, arguments: list[str], **more: str) -> None:
        self._processes().start(name, arguments, self._environment(), **more)

    def _environment(self) -> dict[str, str]:
        return awsclient.sealed(os.environ) | (owner.told() if self.owned else {})

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


def _deployment(context: Mapping[str, Any]) -> str:
    return str(context.get("batchyard:deployment", DEPLOYMENT))
