"""A smoke run from its first word to its last: say, ask, check, deploy, prove, remove, report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local.errors import PlatformError
from local.smoke import checks, deployed, findings, probes, units
from local.smoke.cases import Cases, Ran
from local.smoke.cdk import Cdk
from local.smoke.cleanup import Cleanup, Left
from local.smoke.deployed import JOB_LOG_GROUP, Platform
from local.smoke.findings import Finding
from local.smoke.plan import Plan, new_name
from local.smoke.watch import say, undisturbed, within

STATE = ".batchyard"
REPORT = "smoke.json"
LEAST, MOST = 15, 240  #: minutes a watchdog may be given
CLEANED, REMOVED, STANDING = "cleaned", "removed", "standing"

Client = Callable[[str], Any]


@dataclass(slots=True)
class Smoke:
    """One run of `plan`; its doors to the world can be exchanged."""

    plan: Plan
    state: Path
    cdk: Cdk
    client: Client
    platform: Callable[[], Platform]
    group_was_there: bool = False
    now: Callable[[], float] = time.time
    prove: Callable[[Smoke], None] | None = None
    ran: dict[str, Ran] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    fault: str = ""

    def run(self) -> int:
        """Deploy, prove, and remove whatever happens; 0 when all went well and nothing is left."""
        began = self.now()
        self._write(STANDING, [])
        try:
            with within(self.plan.minutes):
                self.cdk.synthesize(self.plan.context())
                say("\nDeploying")
                self.cdk.deploy()
                say(f"  {self.now() - began:.0f} s")
                (self.prove or prove)(self)
        except KeyboardInterrupt:
            self.fault = "Interrupted."
        except PlatformError as error:
            self.fault = str(error)
        except Exception as error:  # whatever it is: what was made is removed, and it is told
            self.fault = f"{type(error).__name__}: {error}"
        finally:
            left = self._remove()
        self._report(left)
        say(f"\n{self.now() - began:.0f} s in all; {self.state / REPORT} has everything.")
        return 1 if self.fault or left or self._faults() or self._refuted() else 0

    def _remove(self) -> list[Left]:
        with undisturbed():
            say(f"\n{self.fault + ' ' if self.fault else ''}Removing {self.plan.deployment}")
            left = Cleanup(
                self.plan.deployment,
                self.client,
                say,
                JOB_LOG_GROUP,
                batch=self._batch,
                destroy=self.cdk.destroy,
                group_is_ours=not self.group_was_there,
            ).run()
            self._write(REMOVED if not left else STANDING, left)
            return left

    def _batch(self) -> Any:
        return self.platform().client("batch")

    def _report(self, left: Sequence[Left]) -> None:
        if self.ran:
            say("\n" + findings.table(findings.whole(self.found)))
            say(f"\n{findings.staged(self.ran)}")
        for name, faults in self._faults().items():
            say(f"NOT AS IT SHOULD BE: {name}: {'; '.join(faults)}")
        if self.fault:
            say(f"\nIt did not end well: {self.fault}")
        say(told_of(left, self.plan.deployment))

    def _faults(self) -> dict[str, list[str]]:
        told = {name: ran.faults(self.ran) for name, ran in self.ran.items()}
        return {name: faults for name, faults in told.items() if faults}

    def _refuted(self) -> list[int]:
        return [f.number for f in self.found if f.verdict is findings.Verdict.REFUTED]

    def _write(self, standing: str, left: Sequence[Left]) -> None:
        """At the beginning too: what a killed run leaves is known by it."""
        self.state.mkdir(parents=True, exist_ok=True)
        told = {
            "state": standing,
            **asdict(self.plan),
            "at_most_usd": self.plan.at_most(),
            "fault": self.fault,
            "jobs": {
                name: {"id": ran.id, "status": ran.status, "faults": ran.faults(self.ran)}
                for name, ran in self.ran.items()
            },
            "findings": [asdict(f) for f in findings.whole(self.found)],
            "left": [asdict(one) for one in left],
        }
        (self.state / REPORT).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")


def prove(smoke: Smoke) -> None:
    """The jobs, and all that can be seen of them; findings are kept as they come."""
    platform, found = smoke.platform(), smoke.found
    say("\nRunning the jobs")
    cases = Cases(platform, say)
    smoke.ran |= cases.run()
    plain = smoke.ran["plain"]
    task = probes.task_of(platform, plain)
    found += findings.of_jobs(smoke.ran, task, smoke.group_was_there)
    say("\nAsking the other services")
    found += probes.safely(3, probes.repeated, platform, plain, smoke.now())
    found += probes.safely(18, probes.listed, platform, task)
    found += probes.safely(13, probes.tagged, platform)
    found += probes.safely(12, probes.by_cli_v2, platform)
    say("\nMeasuring plain jobs: whole minutes, and then CloudWatch's delay")
    several, bill = units.measure(cases)
    smoke.ran |= {ran.name: ran for ran in several}
    found += bill
    found += probes.safely(10, probes.claimed, platform, several)
    found += probes.safely(11, probes.imported, platform)
    found += probes.safely(20, probes.allowed, platform)


def told_of(left: Sequence[Left], name: str) -> str:
    """What is left and how to remove it, or that nothing is."""
    if not left:
        return f"\nNothing of {name} is left."
    lines = [f"\nSTILL THERE ({len(left)}), and costing money:"]
    lines += [f"  {one.what}\n      {one.how}" for one in left]
    return "\n".join([*lines, f"All of it at once: python -m local smoke --clean {name}"])


# ── from a terminal ───────────────────────────────────────────────────────────────────────────


def smoke(root: Path, *, yes: bool, minutes: int, ask: Callable[[str], str] = input) -> int:
    """`python -m local smoke`. Raises PlatformError before anything was made."""
    if not LEAST <= minutes <= MOST:
        raise PlatformError(f"--minutes is {minutes}: {LEAST} to {MOST} is allowed.")
    state = root / STATE
    region = checks.region()
    client = _clients(region)
    account, caller = checks.identity(client)
    plan = Plan(
        deployment=new_name(), account=account, region=region, caller=caller, minutes=minutes
    )
    say(plan.told())
    if os.environ.get("AWS_ENDPOINT_URL"):
        say("AWS_ENDPOINT_URL is set: this is not AWS, and proves nothing about it.")
    _nothing_stands(state)
    cdk = Cdk(root=root, state=state / "smoke", region=region, say=say)
    checks.bootstrapped(client, account, region)
    checks.room_for_a_vpc(client)
    note = checks.image()
    say(f"\n{note}\n" if note else "")
    cdk.check()
    if not yes and not _agreed(ask):
        say("Nothing was made.")
        return 1
    return Smoke(
        plan,
        state,
        cdk,
        client,
        platform=lambda: deployed.find(plan.deployment, region, state / "smoke" / "models"),
        group_was_there=_has_group(client),
    ).run()


def clean(root: Path, name: str, *, yes: bool, ask: Callable[[str], str] = input) -> int:
    """`python -m local smoke --clean NAME`: remove what a killed run left, without the CDK CLI."""
    region = checks.region()
    client = _clients(region)
    account, _ = checks.identity(client)
    cleanup = Cleanup(name, client, say, JOB_LOG_GROUP)
    say(f"Removing {name} from account {account}, {region}")
    if not yes and not _agreed(ask):
        say("Nothing was removed.")
        return 1
    with undisturbed():
        left = cleanup.run()
    say(told_of(left, name))
    told = _earlier(root / STATE)
    if not left and told.get("deployment") == name:
        told = {**told, "state": CLEANED, "left": []}
        (root / STATE / REPORT).write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return 1 if left else 0


def _agreed(ask: Callable[[str], str]) -> bool:
    try:
        return ask("Go ahead? [y/N] ").strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _clients(region: str) -> Client:
    return lambda service: deployed.client(service, region)


def _has_group(client: Client) -> bool:
    groups = client("logs").describe_log_groups(logGroupNamePrefix=JOB_LOG_GROUP)["logGroups"]
    return any(group["logGroupName"] == JOB_LOG_GROUP for group in groups)


def _nothing_stands(state: Path) -> None:
    """Raises PlatformError when an earlier run was not removed: two would cost twice."""
    told = _earlier(state)
    if told.get("state") == STANDING:
        name = told.get("deployment")
        raise PlatformError(
            f"An earlier run's {name} may still be there, in account {told.get('account')}, "
            f"{told.get('region')}: `python -m local smoke --clean {name}` removes it."
        )


def _earlier(state: Path) -> Mapping[str, Any]:
    try:
        told: Mapping[str, Any] = json.loads((state / REPORT).read_text())
    except (OSError, ValueError):
        return {}
    return told
