"""Where tasks run: a VPC of our own without a NAT gateway, or one that exists already."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.log_groups import retention

#: What a Fargate task calls before its container runs; each costs by the hour and zone.
INTERFACE_ENDPOINTS = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}


class JobNetwork(Construct):
    """The subnets and security groups of Fargate environments that name none of their own."""

    subnets: list[str]
    security_groups: list[str]
    assign_public_ip: bool

    def __init__(self, scope: Construct, construct_id: str, config: DeploymentConfig) -> None:
        super().__init__(scope, construct_id)
        network = config.network
        if network.profile == "existing":
            self.subnets = list(network.subnets)
            self.security_groups = list(network.security_groups)
            self.assign_public_ip = network.assign_public_ip
            return
        public = network.profile == "public"
        vpc = self._vpc(config, public)
        self.subnets = [
            s.subnet_id for s in (vpc.public_subnets if public else vpc.isolated_subnets)
        ]
        self.security_groups = [self._group(vpc).security_group_id]
        self.assign_public_ip = public
        if not public:
            self._add_endpoints(vpc, config)
        if network.flow_logs:
            self._add_flow_logs(vpc, config)

    def _vpc(self, config: DeploymentConfig, public: bool) -> ec2.Vpc:
        kind = ec2.SubnetType.PUBLIC if public else ec2.SubnetType.PRIVATE_ISOLATED
        return ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(config.network.cidr),
            max_azs=config.network.zones,
            nat_gateways=0,
            # The default group is closed by nobody using it; CDK's custom resource needs Node.
            restrict_default_security_group=False,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Jobs",
                    subnet_type=kind,
                    cidr_mask=20,
                    # Tasks ask for an address themselves: nothing else gets one by accident.
                    map_public_ip_on_launch=False if public else None,
                )
            ],
        )

    def _group(self, vpc: ec2.Vpc) -> ec2.SecurityGroup:
        return ec2.SecurityGroup(
            self, "Tasks", vpc=vpc, description="Jobs: nothing inbound", allow_all_outbound=True
        )

    def _add_endpoints(self, vpc: ec2.Vpc, config: DeploymentConfig) -> None:
        """Images and logs by interface endpoints; S3 and DynamoDB by gateways, which are free."""
        vpc.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        vpc.add_gateway_endpoint("DynamoDB", service=ec2.GatewayVpcEndpointAwsService.DYNAMODB)
        callers = ec2.SecurityGroup(
            self, "Endpoints", vpc=vpc, description="Endpoints: HTTPS from the VPC"
        )
        callers.add_ingress_rule(ec2.Peer.ipv4(config.network.cidr), ec2.Port.tcp(443))
        for name, service in INTERFACE_ENDPOINTS.items():
            vpc.add_interface_endpoint(
                name,
                service=service,
                subnets=ec2.SubnetSelection(subnets=vpc.isolated_subnets),
                security_groups=[callers],
                open=False,
            )

    def _add_flow_logs(self, vpc: ec2.Vpc, config: DeploymentConfig) -> None:
        group = logs.LogGroup(
            self,
            "FlowLogs",
            retention=retention(config.log_retention_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        writer = iam.Role(
            self,
            "FlowLogWriter",
            assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com"),
            description="Writes the flow logs of the jobs' VPC",
        )
        ec2.FlowLog(
            self,
            "Flow",
            resource_type=ec2.FlowLogResourceType.from_vpc(vpc),
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, writer),
        )
