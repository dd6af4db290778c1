"""Roles that ECS gives to jobs, under the one path from which roles may be passed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.settings import Settings
from stacks.config import DeploymentConfig

#: The platform may pass roles under this path, and those that the deployer lists.
JOB_ROLE_PATH = "/batchyard/jobs/"
JOB_LOG_GROUP = Settings.__dataclass_fields__["job_log_group"].default


class JobRoles(Construct):
    """The default execution role, and a job role that may read the input and write the output."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        input_bucket: str,
        output_bucket: str,
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        self._trust = iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        self.execution = self._role(
            "Execution",
            f"{config.deployment}-execution",
            "Default execution role of jobs: pull the image, write the job's log",
            [*_pull_images(stack), *_write_logs(stack)],
        )
        self.sample = self._role(
            "Sample",
            f"{config.deployment}-sample-job",
            "Job role for first steps: read the input bucket, write the output bucket",
            _use_buckets(stack, input_bucket, output_bucket),
        )

    def _role(
        self, construct_id: str, name: str, description: str, statements: list[iam.PolicyStatement]
    ) -> iam.Role:
        return iam.Role(
            self,
            construct_id,
            path=JOB_ROLE_PATH,
            role_name=name,
            description=description,
            assumed_by=self._trust,
            inline_policies={"work": iam.PolicyDocument(statements=statements)},
        )


def _pull_images(stack: cdk.Stack) -> list[iam.PolicyStatement]:
    return [
        iam.PolicyStatement(
            sid="SignInToEcr", actions=["ecr:GetAuthorizationToken"], resources=["*"]
        ),
        iam.PolicyStatement(
            sid="PullImages",
            actions=[
                "ecr:BatchCheckLayerAvailability",
                "ecr:BatchGetImage",
                "ecr:GetDownloadUrlForLayer",
            ],
            resources=[stack.format_arn(service="ecr", resource="repository", resource_name="*")],
        ),
    ]


def _write_logs(stack: cdk.Stack) -> list[iam.PolicyStatement]:
    group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{JOB_LOG_GROUP}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        iam.PolicyStatement(
            sid="WriteJobLog",
            actions=["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[group],
        )
    ]


def _use_buckets(stack: cdk.Stack, incoming: str, outgoing: str) -> list[iam.PolicyStatement]:
    arn = f"arn:{stack.partition}:s3:::"
    return [
        iam.PolicyStatement(
            sid="ReadInput", actions=["s3:GetObject"], resources=[f"{arn}{incoming}/*"]
        ),
        iam.PolicyStatement(
            sid="ListInput", actions=["s3:ListBucket"], resources=[f"{arn}{incoming}"]
        ),
        iam.PolicyStatement(
            sid="WriteOutput", actions=["s3:PutObject"], resources=[f"{arn}{outgoing}/*"]
        ),
    ]
