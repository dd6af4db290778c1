"""The smoke run's jobs and proofs, on the embedded cloud: what an account is asked is asked here."""

from __future__ import annotations

import time

import pytest

from local.smoke import findings, probes
from local.smoke.cases import Cases
from local.smoke.findings import Verdict
from local.smoke.plan import Plan
from tests.e2e.yard import running

PLAN = Plan(deployment="byd-smoke-abc123", account="000000000000", region="us-east-1", caller="us")

#: What only an account, or a longer run, can tell.
UNTOLD = {3, 5, 11, 12, 16, 17, 21}


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    state = tmp_path_factory.mktemp("smoke")
    with running(state, context=PLAN.context(), runtime="process") as platform:
        yield Cases(platform, print, pause=0.2, patience=150)


def test_every_job_ends_as_it_should_and_proves_what_it_can(cases):
    ran, platform = cases.run(time_out=False), cases.platform
    assert [f"{name}: {fault}" for name, r in ran.items() for fault in r.faults(ran)] == []
    task = probes.task_of(platform, ran["plain"])
    several = cases.plain(3)
    found = findings.of_jobs(ran, task, group_was_there=False)
    found += probes.safely(3, probes.repeated, platform, ran["plain"], time.time())
    found += probes.safely(18, probes.listed, platform, task)
    found += probes.safely(13, probes.tagged, platform)
    found += probes.safely(10, probes.claimed, platform, several)
    found += probes.safely(11, probes.imported, platform)
    found += probes.safely(20, probes.allowed, platform)
    told = {f.number: f for f in findings.whole(found)}
    assert {n for n, f in told.items() if f.verdict is not Verdict.PROVEN} == UNTOLD, told
    assert "returned the same task" in told[3].evidence
