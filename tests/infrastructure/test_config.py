"""What a deployer may say, and the one sentence that follows a mistake."""

from __future__ import annotations

from typing import Any

import pytest

from stacks.config import LOCAL_CONTEXT, ConfigError, DeploymentConfig, Network
from stacks.synth import file_context


def read(**context: Any) -> DeploymentConfig:
    return DeploymentConfig.read({f"batchyard:{k}": v for k, v in context.items()}.get)


def test_nothing_need_be_said() -> None:
    assert read() == DeploymentConfig()


def test_cdk_json_declares_three_queues_on_one_environment() -> None:
    config = DeploymentConfig.read(file_context().get)
    assert [(q["name"], q["priority"]) for q in config.job_queues] == [
        ("high", 100),
        ("default", 50),
        ("low", 10),
    ]
    assert {tuple(q["computeEnvironments"]) for q in config.job_queues} == {("fargate",)}
    assert [(e["name"], e["maxvCpus"]) for e in config.compute_environments] == [("fargate", 16)]


def test_the_local_platform_is_ephemeral_plain_and_open_to_any_role() -> None:
    config = DeploymentConfig.read({**file_context(), **LOCAL_CONTEXT}.get)
    assert config.ephemeral
    assert not config.require_tls
    assert config.pass_roles == ("*",)
    assert config.network == Network(flow_logs=False)


def test_the_command_line_says_everything_as_text() -> None:
    config = read(ephemeral="true", retentionDays="30", passRoles="arn:a,arn:b")
    assert (config.ephemeral, config.retention_days) == (True, 30)
    assert config.pass_roles == ("arn:a", "arn:b")


@pytest.mark.parametrize(
    ("context", "sentence"),
    [
        ({"deployment": "Prod"}, "batchyard:deployment is 'Prod': 1 to 20 lower-case letters"),
        ({"deployment": "a" * 21}, "1 to 20 lower-case letters"),
        ({"deployment": "yard-"}, "1 to 20 lower-case letters"),
        ({"ephemeral": "yes"}, "batchyard:ephemeral is 'yes': true or false is needed"),
        ({"retentionDays": 0}, "batchyard:retentionDays is 0: a whole number of at least 1"),
        ({"retentionDays": True}, "a whole number of at least 1"),
        ({"asset": "docker"}, "batchyard:asset is 'docker': one of vendored, source is needed"),
        ({"passRoles": 5}, "batchyard:passRoles is 5: a list of texts is needed"),
        ({"jobQueues": "high"}, "batchyard:jobQueues is 'high': a list of objects is needed"),
        ({"network": "public"}, "batchyard:network is 'public': an object with a profile"),
        ({"network": {"profile": "vpn"}}, "batchyard:network.profile is 'vpn': one of public"),
        ({"network": {"nat": True}}, "batchyard:network.nat is not known: profile, cidr"),
        ({"network": {"zones": 7}}, "batchyard:network.zones is 7: 1 to 6 zones are allowed"),
        ({"network": {"profile": "existing"}}, "subnets is empty: the profile existing needs ids"),
        ({"network": {"subnets": ["subnet-1"]}}, "only the profile existing takes ids"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(context: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as told:
        read(**context)
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)
