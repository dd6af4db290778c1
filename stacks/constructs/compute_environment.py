"""A compute environment on Fargate or Fargate Spot."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.declared import Declared
from stacks.handover import take

KINDS = ("FARGATE", "FARGATE_SPOT")


class ComputeEnvironment(Declared):
    """Room for `max_vcpus` at once; without `subnets`, in the deployment's own network."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        name: str,
        max_vcpus: int,
        kind: str = "FARGATE",
        subnets: Sequence[str] = (),
        security_groups: Sequence[str] = (),
        enabled: bool = True,
    ) -> None:
        if kind not in KINDS:
            raise ValueError(
                f"type of compute environment {name} is {kind}: one of {', '.join(KINDS)} is needed"
            )
        if max_vcpus < 1:
            raise ValueError(
                f"maxvCpus of compute environment {name} is {max_vcpus}: 1 or more is needed"
            )
        if bool(subnets) != bool(security_groups):
            raise ValueError(
                f"compute environment {name} names subnets or security groups alone: "
                "both or neither are needed"
            )
        super().__init__(
            scope,
            construct_id,
            config,
            kind="ComputeEnvironment",
            name=name,
            detail={
                "computeEnvironmentName": name,
                "type": "MANAGED",
                "state": "ENABLED" if enabled else "DISABLED",
                "computeResources": {
                    "type": kind,
                    "maxvCpus": max_vcpus,
                    "subnets": list(subnets) or _subnets(scope, config),
                    "securityGroupIds": list(security_groups) or _groups(scope, config),
                },
            },
        )


def _subnets(scope: Construct, config: DeploymentConfig) -> list[str]:
    """The network's subnets, one by one: their number is known, their ids are not."""
    network = config.network
    if network.profile == "existing":
        return list(network.subnets)
    told = take(scope, config, "subnets")
    return [cdk.Fn.select(n, cdk.Fn.split(",", told)) for n in range(network.zones)]


def _groups(scope: Construct, config: DeploymentConfig) -> list[str]:
    if config.network.profile == "existing":
        return list(config.network.security_groups)
    return [take(scope, config, "security_groups")]
