"""`make demo`: the whole platform on this machine, running a real workload to its end.

A platform that runs already is used and left running; one that the demo started is stopped at its
end, and when it is interrupted.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from local import demo_report as report
from local.demo_jobs import Job, Ran, Workload, faults, short
from local.errors import PlatformError
from local.platform import STATE, LocalPlatform, find, up

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 300.0  #: seconds until every job must have ended; a first pull of the image included
ENDED = ("SUCCEEDED", "FAILED")


def demo(root: Path = ROOT, state: Path | None = None) -> int:
    """Run it all; 0 when every job ended as it should. Raises PlatformError."""
    began = time.monotonic()
    state = state or root / STATE
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    running = find(state)
    if running:
        say("The platform is up already: the demo uses it and leaves it running.")
    platform = up(root, state=state)
    try:
        return run(platform, stays=running is not None, began=began)
    finally:
        if running is None:
            stop(platform)


def stop(platform: LocalPlatform) -> None:
    """Stop what the demo started; a second Ctrl-C does not leave half of it behind."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    platform.down()
    say("The platform is stopped.")


def run(platform: LocalPlatform, stays: bool, began: float) -> int:
    """The workload on a running platform."""
    say(f"\nSubmitting, in three ways ({platform.runtime})")
    workload = Workload(platform, say)
    workload.register()
    submitting = time.monotonic()
    ran = workload.submit()
    say("\nRunning")
    jobs = follow(platform, ran, submitting)
    say("\n" + report.table(ran, jobs))
    wrong = [fault for r in ran for fault in faults(r, jobs)]
    if not wrong:
        say("\n" + report.carriers(platform, ran, jobs))
        say("\n" + report.tail(platform, jobs[ran[0].id]))
        say("\n" + report.results(platform))
        say("\n" + report.following(platform, stays))
    for fault in wrong:
        say(f"NOT AS IT SHOULD BE: {fault}")
    say(f"\n{'It does not work' if wrong else 'All of it works'}: {_since(began)} in all.")
    return 1 if wrong else 0


def follow(platform: LocalPlatform, ran: Sequence[Ran], began: float) -> Mapping[str, Job]:
    """Watch the jobs to their ends, with a line for every change. Raises PlatformError."""
    batch = platform.client("batch")
    seen: dict[str, str] = {}
    while time.monotonic() - began < PATIENCE:
        found = batch.describe_jobs(jobs=[r.id for r in ran])["jobs"]
        jobs: dict[str, Job] = {job["jobId"]: job for job in found}
        for r in ran:
            now = _standing(jobs[r.id])
            if seen.get(r.id) != now:
                say(f"  {_since(began):>7}  {short(r.name):27} {now}")
            seen[r.id] = now
        if all(job["status"] in ENDED for job in jobs.values()):
            return jobs
        time.sleep(0.25)
    open_ = [r.name for r in ran if seen[r.id].split()[0] not in ENDED]
    raise PlatformError(
        f"After {PATIENCE:.0f} s {', '.join(open_)} had not ended; logs are in {platform.state}/logs."
    )


def _standing(job: Job) -> str:
    """The status, and which attempt has failed so far."""
    failed = len(job["attempts"]) if job["status"] not in ENDED else 0
    return f"{job['status']} (attempt {failed} failed)" if failed else str(job["status"])


def _since(began: float) -> str:
    return f"{time.monotonic() - began:.1f} s"


def say(text: str) -> None:
    print(text, flush=True)
