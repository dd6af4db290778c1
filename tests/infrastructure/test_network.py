"""The network profiles: what each has, what it lets in, what it costs while nothing runs."""

from __future__ import annotations

from typing import Any

import pytest

from stacks import costs
from stacks.config import DeploymentConfig, Network
from stacks.constructs.network import INTERFACE_ENDPOINTS
from tests.infrastructure.conftest import Synthesizer, Templates
from tests.infrastructure.reading import resources

EXISTING = {
    "profile": "existing",
    "subnets": ["subnet-0aaa1111", "subnet-0bbb2222"],
    "securityGroups": ["sg-0ccc3333"],
    "assignPublicIp": False,
}


@pytest.fixture(scope="module")
def private(synthesize: Synthesizer) -> Templates:
    return synthesize({"batchyard:network": {"profile": "private", "zones": 2}})


@pytest.fixture(scope="module")
def existing(synthesize: Synthesizer) -> Templates:
    return synthesize({"batchyard:network": EXISTING})


def test_public_has_nothing_that_is_paid_by_the_hour(templates: Templates) -> None:
    kinds = {resource["Type"] for resource in templates["compute"]["Resources"].values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::EIP", "AWS::EC2::VPCEndpoint"}
    assert "AWS::EC2::InternetGateway" in kinds


@pytest.mark.parametrize("profile", ["public", "private"])
def test_nothing_may_call_a_task(templates: Templates, private: Templates, profile: str) -> None:
    template = (templates if profile == "public" else private)["compute"]
    groups = resources(template, "AWS::EC2::SecurityGroup")
    (tasks,) = (group for name, group in groups.items() if "Tasks" in name)
    assert "SecurityGroupIngress" not in tasks
    assert not resources(template, "AWS::EC2::SecurityGroupIngress")


def test_subnets_hand_out_no_address_by_themselves(templates: Templates) -> None:
    for subnet in resources(templates["compute"], "AWS::EC2::Subnet").values():
        assert subnet["MapPublicIpOnLaunch"] is False


def test_private_has_no_way_to_the_internet(private: Templates) -> None:
    kinds = {resource["Type"] for resource in private["compute"]["Resources"].values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route"}
    endpoints = resources(private["compute"], "AWS::EC2::VPCEndpoint").values()
    interfaces = [e for e in endpoints if e["VpcEndpointType"] == "Interface"]
    assert len(interfaces) == len(INTERFACE_ENDPOINTS) == costs.ENDPOINTS
    assert all(len(e["SubnetIds"]) == 2 for e in interfaces)


def test_existing_makes_no_network(existing: Templates) -> None:
    kinds = {resource["Type"] for resource in existing["compute"]["Resources"].values()}
    assert not any(kind.startswith("AWS::EC2::") for kind in kinds)
    handed = {
        parameter["Name"].rsplit("/", 1)[-1]: parameter["Value"]
        for parameter in resources(existing["compute"], "AWS::SSM::Parameter").values()
    }
    assert handed["subnets"] == "subnet-0aaa1111,subnet-0bbb2222"
    assert handed["security-groups"] == "sg-0ccc3333"


@pytest.mark.parametrize(
    ("profile", "address"), [("templates", "true"), ("private", "false"), ("existing", "false")]
)
def test_tasks_have_an_address_where_they_need_one(
    request: pytest.FixtureRequest, profile: str, address: str
) -> None:
    template = request.getfixturevalue(profile)["control-plane"]
    for function in resources(template, "AWS::Lambda::Function").values():
        assert function["Environment"]["Variables"]["BATCHYARD_ASSIGN_PUBLIC_IP"] == address


def test_the_cluster_has_both_kinds_of_fargate(templates: Templates) -> None:
    (cluster,) = resources(templates["compute"], "AWS::ECS::Cluster").values()
    assert cluster["CapacityProviders"] == ["FARGATE", "FARGATE_SPOT"]
    assert cluster["ClusterSettings"] == [{"Name": "containerInsights", "Value": "enabled"}]


def test_flow_logs_are_kept_unless_switched_off(
    templates: Templates, local_templates: Templates
) -> None:
    assert len(resources(templates["compute"], "AWS::EC2::FlowLog")) == 1
    assert not resources(local_templates["compute"], "AWS::EC2::FlowLog")


@pytest.mark.parametrize(
    ("network", "hourly"),
    [({}, 0.0), ({"profile": "private"}, 43.80), ({"profile": "private", "zones": 3}, 65.70)],
)
def test_the_cost_of_standing_still(network: dict[str, Any], hourly: float) -> None:
    config = DeploymentConfig(network=Network(**network))
    paid = sum(item.monthly for item in costs.idle(config) if item.by_the_hour)
    assert paid == pytest.approx(hourly)
    assert f"paid by the hour: ${hourly:.2f}" in costs.told(config)
