"""One deployment's services over one world's ports: the same wiring on AWS and in memory."""

from __future__ import annotations

from functools import cached_property

from lambdas.core.catalog import Arns
from lambdas.core.ports import Ports
from lambdas.core.task_definition import TaskDefaults
from lambdas.core.task_request import Network
from lambdas.services.arrays import Arrays
from lambdas.services.bell import BellService
from lambdas.services.bulk import Bulk
from lambdas.services.by_index import ByIndex
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.claims import Claims
from lambdas.services.definitions import DefinitionService
from lambdas.services.dependents import Dependents
from lambdas.services.endings import Endings
from lambdas.services.environments import EnvironmentService
from lambdas.services.explain import ExplainService
from lambdas.services.jobs import JobsService
from lambdas.services.launch import Launcher
from lambdas.services.policies import PolicyService
from lambdas.services.queue_removal import QueueRemoval
from lambdas.services.queueing import QueueingService
from lambdas.services.queues import QueueService
from lambdas.services.reconcile import Reconciler
from lambdas.services.relay import Relay
from lambdas.services.schedule import Scheduler
from lambdas.services.snapshot import SnapshotService
from lambdas.services.specs import Specs
from lambdas.services.submit import SubmitService
from lambdas.services.tagging import TaggingService
from lambdas.services.task_definitions import TaskDefinitions
from lambdas.services.time_limits import TimeLimits
from lambdas.services.track import Tracker
from lambdas.services.triggers import TriggerService
from lambdas.settings import Settings


class Platform:
    """Every service, built when it is first asked for."""

    def __init__(self, ports: Ports, settings: Settings) -> None:
        self.ports = ports
        self.settings = settings

    @cached_property
    def arns(self) -> Arns:
        return Arns(self.settings.partition, self.settings.region, self.settings.account)

    # ── what the API answers ──────────────────────────────────────────────────────────────────

    @cached_property
    def submit(self) -> SubmitService:
        return SubmitService(
            jobs=self.ports.tables.jobs,
            catalog=self.catalog,
            task_definitions=self.task_definitions,
            specs=self.specs,
            clock=self.ports.clock,
            ids=self.ports.ids,
            arns=self.arns,
            deployment=self.settings.deployment,
        )

    @cached_property
    def jobs(self) -> JobsService:
        return JobsService(
            jobs=self.ports.tables.jobs,
            catalog=self.catalog,
            specs=self.specs,
            clock=self.ports.clock,
            journal=self.ports.journal,
            arns=self.arns,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def bulk(self) -> Bulk:
        return Bulk(self.jobs, self.submit, self.ports.clock)

    @cached_property
    def explain(self) -> ExplainService:
        return ExplainService(
            jobs=self.ports.tables.jobs,
            ledgers=self.ports.tables.capacity,
            catalog=self.catalog,
            specs=self.specs,
            clock=self.ports.clock,
            arns=self.arns,
        )

    @cached_property
    def snapshot(self) -> SnapshotService:
        return SnapshotService(
            jobs=self.ports.tables.jobs,
            ledgers=self.ports.tables.capacity,
            catalog=self.catalog,
            clock=self.ports.clock,
            arns=self.arns,
        )

    @cached_property
    def queueing(self) -> QueueingService:
        return QueueingService(
            jobs=self.ports.tables.jobs,
            catalog=self.catalog,
            clock=self.ports.clock,
            journal=self.ports.journal,
            arns=self.arns,
        )

    @cached_property
    def environments(self) -> EnvironmentService:
        return EnvironmentService(
            table=self.ports.tables.catalog,
            store=self.catalog,
            bells=self.bell,
            clock=self.ports.clock,
            ids=self.ports.ids,
            arns=self.arns,
            cluster=self.settings.cluster,
        )

    @cached_property
    def queues(self) -> QueueService:
        removal = QueueRemoval(
            jobs=self.ports.tables.jobs,
            table=self.ports.tables.catalog,
            store=self.catalog,
            inboxes=self.ports.inboxes,
            clock=self.ports.clock,
            retention_days=self.settings.retention_days,
        )
        return QueueService(
            table=self.ports.tables.catalog,
            store=self.catalog,
            inboxes=self.ports.inboxes,
            bells=self.bell,
            removal=removal,
            clock=self.ports.clock,
            arns=self.arns,
            deployment=self.settings.deployment,
        )

    @cached_property
    def task_definitions(self) -> TaskDefinitions:
        settings = self.settings
        defaults = TaskDefaults(
            settings.deployment, settings.region, settings.job_log_group, settings.execution_role
        )
        ports = self.ports
        return TaskDefinitions(ports.tables.catalog, ports.tasks, ports.clock, defaults)

    @cached_property
    def definitions(self) -> DefinitionService:
        return DefinitionService(
            table=self.ports.tables.catalog,
            store=self.catalog,
            task_definitions=self.task_definitions,
            clock=self.ports.clock,
            arns=self.arns,
            pass_roles=self.settings.pass_roles,
        )

    @cached_property
    def policies(self) -> PolicyService:
        return PolicyService(
            table=self.ports.tables.catalog,
            store=self.catalog,
            bells=self.bell,
            clock=self.ports.clock,
            ids=self.ports.ids,
            arns=self.arns,
        )

    @cached_property
    def tagging(self) -> TaggingService:
        return TaggingService(
            catalog=self.ports.tables.catalog,
            jobs=self.ports.tables.jobs,
            store=self.catalog,
            specs=self.specs,
            clock=self.ports.clock,
            arns=self.arns,
        )

    @cached_property
    def triggers(self) -> TriggerService:
        return TriggerService(self.ports.tables.catalog)

    # ── a job's life ──────────────────────────────────────────────────────────────────────────

    @cached_property
    def catalog(self) -> CatalogStore:
        return CatalogStore(self.ports.tables.catalog, self.ports.clock)

    @cached_property
    def specs(self) -> Specs:
        return Specs(self.ports.tables.jobs, self.ports.blobs)

    @cached_property
    def bell(self) -> BellService:
        ports = self.ports
        return BellService(ports.tables.capacity, ports.bells, self.catalog, ports.clock)

    @cached_property
    def dependents(self) -> Dependents:
        ports = self.ports
        return Dependents(
            ports.tables.jobs,
            self.specs,
            self.by_index,
            ports.clock,
            ports.journal,
            self.settings.retention_days,
        )

    @cached_property
    def by_index(self) -> ByIndex:
        ports = self.ports
        return ByIndex(ports.tables.jobs, self.specs, ports.clock, self.settings.retention_days)

    @cached_property
    def arrays(self) -> Arrays:
        ports = self.ports
        days = self.settings.retention_days
        return Arrays(ports.tables.jobs, self.by_index, ports.clock, ports.journal, days)

    @cached_property
    def endings(self) -> Endings:
        return Endings(
            tables=self.ports.tables,
            specs=self.specs,
            clock=self.ports.clock,
            journal=self.ports.journal,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def relay(self) -> Relay:
        return Relay(
            jobs=self.ports.tables.jobs,
            catalog=self.catalog,
            dependents=self.dependents,
            by_index=self.by_index,
            arrays=self.arrays,
            bell=self.bell,
            inboxes=self.ports.inboxes,
            waits=self.ports.waits,
            tasks=self.ports.tasks,
            journal=self.ports.journal,
            effects_queue=self.settings.effects_queue,
            retention_days=self.settings.retention_days,
        )

    @cached_property
    def claims(self) -> Claims:
        return Claims(
            tables=self.ports.tables,
            specs=self.specs,
            ids=self.ports.ids,
            clock=self.ports.clock,
            journal=self.ports.journal,
            cluster=self.settings.cluster,
            network=self.network,
        )

    @cached_property
    def network(self) -> Network:
        settings = self.settings
        return Network(settings.subnets, settings.security_groups, settings.assign_public_ip)

    @cached_property
    def time_limits(self) -> TimeLimits:
        ports, days = self.ports, self.settings.retention_days
        return TimeLimits(ports.tables.jobs, ports.clock, ports.journal, days)

    @cached_property
    def scheduler(self) -> Scheduler:
        return Scheduler(
            jobs=self.ports.tables.jobs,
            ledgers=self.ports.tables.capacity,
            catalog=self.catalog,
            inboxes=self.ports.inboxes,
            bell=self.bell,
            claims=self.claims,
            time_limits=self.time_limits,
            clock=self.ports.clock,
            journal=self.ports.journal,
            launch_rate=self.settings.launch_rate,
            effects_queue=self.settings.effects_queue,
        )

    @cached_property
    def launcher(self) -> Launcher:
        return Launcher(
            jobs=self.ports.tables.jobs,
            tasks=self.ports.tasks,
            endings=self.endings,
            inboxes=self.ports.inboxes,
            clock=self.ports.clock,
            journal=self.ports.journal,
            effects_queue=self.settings.effects_queue,
        )

    @cached_property
    def tracker(self) -> Tracker:
        return Tracker(
            jobs=self.ports.tables.jobs,
            tasks=self.ports.tasks,
            endings=self.endings,
            clock=self.ports.clock,
            journal=self.ports.journal,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        return Reconciler(
            jobs=self.ports.tables.jobs,
            relay=self.relay,
            launcher=self.launcher,
            tracker=self.tracker,
            dependents=self.dependents,
            children=self.by_index,
            bell=self.bell,
            queues=self.queues,
            tasks=self.ports.tasks,
            clock=self.ports.clock,
            journal=self.ports.journal,
            retention_days=self.settings.retention_days,
        )
