"""Where jobs run: the network profile, the ECS cluster and the roles jobs are given."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.job_roles import JobRoles
from stacks.constructs.network import JobNetwork
from stacks.handover import give, take


class ComputeStack(cdk.Stack):
    """One cluster with both Fargate capacity providers; costs nothing while no task runs."""

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(scope, construct_id, description=f"Batchyard {config.deployment}: compute")
        network = JobNetwork(self, "Network", config)
        roles = JobRoles(
            self,
            "JobRoles",
            config,
            input_bucket=take(self, config, "input_bucket"),
            output_bucket=take(self, config, "output_bucket"),
        )
        cluster = self._cluster(config)
        give(
            self,
            config,
            cluster=cluster.ref,
            cluster_arn=cluster.attr_arn,
            execution_role=roles.execution.role_arn,
            sample_job_role=roles.sample.role_arn,
            subnets=",".join(network.subnets),
            security_groups=",".join(network.security_groups),
        )
        self.assign_public_ip = network.assign_public_ip

    def _cluster(self, config: DeploymentConfig) -> ecs.CfnCluster:
        """Capacity providers stand on the cluster itself: one resource less to order."""
        return ecs.CfnCluster(
            self,
            "Cluster",
            cluster_name=config.deployment,
            capacity_providers=["FARGATE", "FARGATE_SPOT"],
            cluster_settings=[
                ecs.CfnCluster.ClusterSettingsProperty(
                    name="containerInsights",
                    value="enabled" if config.container_insights else "disabled",
                )
            ],
        )
