"""Roles that ECS gives to jobs, under the one path from which roles may be passed."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from lambdas.settings import Settings
from stacks.config import DeploymentConfig
from stacks.constructs.grants import Grant, role

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
        trust = iam.ServicePrincipal(
            "ecs-tasks.amazonaws.com",
            conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
        )
        self.execution = role(
            self,
            "Execution",
            trust,
            "Default execution role of jobs: pull the image, write the job's log",
            _execution(stack),
            path=JOB_ROLE_PATH,
            name=f"{config.deployment}-execution",
        )
        self.sample = role(
            self,
            "Sample",
            trust,
            "Job role for first steps: read the input bucket, write the output bucket",
            _sample(f"arn:{stack.partition}:s3:::", input_bucket, output_bucket),
            path=JOB_ROLE_PATH,
            name=f"{config.deployment}-sample-job",
        )


def _execution(stack: cdk.Stack) -> list[Grant]:
    group = stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name=f"{JOB_LOG_GROUP}:*",
        arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME,
    )
    return [
        Grant(
            "SignInToEcr",
            "ECR's sign-in is authorised on no resource.",
            ("ecr:GetAuthorizationToken",),
            ["*"],
        ),
        Grant(
            "PullImages",
            "A job may name any image of the account's registry.",
            ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"),
            [stack.format_arn(service="ecr", resource="repository", resource_name="*")],
        ),
        Grant(
            "WriteJobLog",
            "Streams of the job log group are named after tasks; the group is made when missing.",
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"),
            [group],
        ),
    ]


def _sample(arn: str, incoming: str, outgoing: str) -> list[Grant]:
    return [
        Grant("ReadInput", "Reads any upload.", ("s3:GetObject",), [f"{arn}{incoming}/*"]),
        Grant("ListInput", "Finds uploads.", ("s3:ListBucket",), [f"{arn}{incoming}"]),
        Grant(
            "WriteOutput", "Leaves any object as output.", ("s3:PutObject",), [f"{arn}{outgoing}/*"]
        ),
    ]
