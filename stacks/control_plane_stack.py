"""The control plane: functions, their queues, the wait machine, the rules and the API."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lambdas.core.rules_queue import inbox_name
from lambdas.settings import Settings
from stacks.config import DeploymentConfig
from stacks.constructs.api import BatchApi
from stacks.constructs.events import Events
from stacks.constructs.functions import Functions
from stacks.constructs.job_roles import JOB_ROLE_PATH
from stacks.constructs.mappings import CLAIMED, RELAYED, TRACKED, WINDOW, Mappings
from stacks.constructs.permissions import Permissions
from stacks.constructs.queues import Queues
from stacks.constructs.wait_machine import WaitMachine
from stacks.handover import give, take

#: What each function is for, and how long (seconds) one call of it may take.
FUNCTIONS = {
    "api": ("Answers AWS Batch's operations", 29),
    "intake": ("Turns submission events and uploads into jobs", 30),
    "relay": ("Carries out what changes of jobs owe", 30),
    "schedule": ("Plans a cell: claims or parks its waiting jobs", 60),
    "launch": ("Asks ECS for the tasks of claimed jobs", 30),
    "track": ("Records what became of attempts", 30),
    "reconcile": ("Every minute pays what is overdue", 60),
    "declare": ("Applies resources declared in code to the catalog", 60),
}


class ControlPlaneStack(cdk.Stack):
    """Everything that decides and moves; stateless, so it can be replaced at will."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        zip_path: Path | None = None,
    ) -> None:
        super().__init__(
            scope, construct_id, description=f"Batchyard {config.deployment}: control plane"
        )
        self._config = config
        self._jobs_table = take(self, config, "jobs_table")
        self._catalog_table = take(self, config, "catalog_table")
        self._capacity_table = take(self, config, "capacity_table")
        self._blob_bucket = take(self, config, "blob_bucket")
        self._cluster = take(self, config, "cluster")
        self._cluster_arn = take(self, config, "cluster_arn")
        self._stream = take(self, config, "jobs_stream")
        self.queues = Queues(self, "Queues", config)
        self.wait = WaitMachine(self, "Wait", config, jobs_table=self._jobs_table)
        self._pass_roles = (
            f"arn:{self.partition}:iam::{self.account}:role{JOB_ROLE_PATH}*",
            *config.pass_roles,
        )
        self.functions = self._functions(zip_path)
        self.api = BatchApi(self, "Api", config, function=self.functions["api"])
        self.events = Events(
            self,
            "Events",
            config,
            queues=self.queues,
            cluster_arn=self._cluster_arn,
            reconcile=self.functions["reconcile"],
        )
        self._wake()
        self._publish()

    def _functions(self, zip_path: Path | None) -> dict[str, lambda_.Function]:
        factory = Functions(
            self,
            "Functions",
            self._config,
            settings=self._settings(),
            failures=self.queues.failures,
            zip_path=zip_path,
        )
        grants = self._permissions().of()
        for name, (description, timeout) in FUNCTIONS.items():
            factory.make(name, description, grants[name], timeout=timeout)
        return factory.made

    def _settings(self) -> Settings:
        return Settings(
            deployment=self._config.deployment,
            partition=self.partition,
            region=self.region,
            account=self.account,
            jobs_table=self._jobs_table,
            catalog_table=self._catalog_table,
            capacity_table=self._capacity_table,
            cluster=self._cluster,
            blob_bucket=self._blob_bucket,
            bell_queue=self.queues.bell.queue_url,
            effects_queue=self.queues.effects.queue_url,
            rejected_queue=self.queues.rejected.queue_url,
            wait_machine=self.wait.arn,
            execution_role=take(self, self._config, "execution_role"),
            pass_roles=self._pass_roles,
            subnets=(take(self, self._config, "subnets"),),
            security_groups=(take(self, self._config, "security_groups"),),
            assign_public_ip=self._assign_public_ip(),
            retention_days=self._config.retention_days,
            require_tls=self._config.require_tls,
        )

    def _assign_public_ip(self) -> bool:
        network = self._config.network
        return network.profile == "public" or (
            network.profile == "existing" and network.assign_public_ip
        )

    def _permissions(self) -> Permissions:
        return Permissions(
            jobs=self._arn("dynamodb", "table", self._jobs_table),
            jobs_stream=self._stream,
            catalog=self._arn("dynamodb", "table", self._catalog_table),
            capacity=self._arn("dynamodb", "table", self._capacity_table),
            blobs=f"arn:{self.partition}:s3:::{self._blob_bucket}",
            cluster=self._cluster_arn,
            tasks=self._arn("ecs", "task", f"{self._cluster}/*"),
            task_definitions=self._arn("ecs", "task-definition", f"{self._config.deployment}-*"),
            inboxes=self.format_arn(
                service="sqs", resource=inbox_name(self._config.deployment, "*")
            ),
            bell=self.queues.bell.queue_arn,
            effects=self.queues.effects.queue_arn,
            track=self.queues.track.queue_arn,
            intake=self.queues.intake.queue_arn,
            rejected=self.queues.rejected.queue_arn,
            wait=self.wait.arn,
            pass_roles=self._pass_roles,
        )

    def _arn(self, service: str, resource: str, name: str) -> str:
        arn: str = self.format_arn(service=service, resource=resource, resource_name=name)
        return arn

    def _wake(self) -> None:
        mappings = Mappings(self, "Mappings", failures=self.queues.failures)
        functions, queues = self.functions, self.queues
        mappings.stream("JobsToRelay", self._stream, functions["relay"], RELAYED, WINDOW)
        mappings.stream("JobsToLaunch", self._stream, functions["launch"], CLAIMED)
        mappings.queue("EffectsToReconcile", queues.effects, functions["reconcile"], batch=10)
        mappings.queue("BellToSchedule", queues.bell, functions["schedule"], batch=1)
        mappings.queue("TrackToTrack", queues.track, functions["track"], TRACKED, WINDOW)
        mappings.queue("IntakeToIntake", queues.intake, functions["intake"], batch=10)

    def _publish(self) -> None:
        """For other stacks by SSM, for people and the local platform as outputs."""
        give(
            self,
            self._config,
            api_id=self.api.api.ref,
            api_endpoint=self.api.endpoint,
            event_bus=self.events.bus.ref,
            declare_function=self.functions["declare"].function_arn,
            intake_queue_arn=self.queues.intake.queue_arn,
            intake_queue=self.queues.intake.queue_url,
            track_queue=self.queues.track.queue_url,
            rejected_queue=self.queues.rejected.queue_url,
            wait_machine=self.wait.arn,
            **{
                f"{name}_queue_name".replace("-", "_"): queue.queue_name
                for name, queue in self.queues.watched.items()
            },
        )
        cdk.CfnOutput(self, "ApiEndpoint", value=self.api.endpoint)
        cdk.CfnOutput(self, "ApiId", value=self.api.api.ref)
        cdk.CfnOutput(self, "EventBus", value=self.events.bus.ref)
        cdk.CfnOutput(self, "TrackQueue", value=self.queues.track.queue_url)
        cdk.CfnOutput(self, "IntakeQueue", value=self.queues.intake.queue_url)
        cdk.CfnOutput(self, "RejectedQueue", value=self.queues.rejected.queue_url)
