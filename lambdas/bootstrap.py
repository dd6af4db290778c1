"""The composition root: a function's settings, adapters and services, each built when first used.

Plain functions, so that a handler says by name what it needs; each is built once a process, with
only the AWS clients that it uses.
"""

from __future__ import annotations

import os
from functools import cache, cached_property

from lambdas.adapters.aws.batch_model import BatchModel, batch_model
from lambdas.adapters.aws.bells import SqsBells
from lambdas.adapters.aws.blobs import S3Blobs
from lambdas.adapters.aws.clients import client
from lambdas.adapters.aws.clock import RandomIds, SystemClock
from lambdas.adapters.aws.cloudformation import HttpAnswers
from lambdas.adapters.aws.inboxes import SqsInboxes
from lambdas.adapters.aws.journal import PowertoolsJournal
from lambdas.adapters.aws.tables import DynamoTables
from lambdas.adapters.aws.tasks import EcsTasks
from lambdas.adapters.aws.waits import StepFunctionsWaits
from lambdas.services.api import Api
from lambdas.services.bell import BellService
from lambdas.services.declare import DeclareService
from lambdas.services.declared import kinds
from lambdas.services.intake import IntakeService
from lambdas.services.launch import Launcher
from lambdas.services.platform import Platform
from lambdas.services.reconcile import Reconciler
from lambdas.services.relay import Relay
from lambdas.services.schedule import Scheduler
from lambdas.services.track import Tracker
from lambdas.settings import Settings


class AwsPorts:
    """Every port on AWS (`core.ports.Ports`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.clock = SystemClock()
        self.ids = RandomIds()

    @cached_property
    def tables(self) -> DynamoTables:
        s = self._settings
        return DynamoTables(
            client("dynamodb"),
            jobs=s.jobs_table,
            catalog=s.catalog_table,
            capacity=s.capacity_table,
        )

    @cached_property
    def inboxes(self) -> SqsInboxes:
        s = self._settings
        tags = {"batchyard:deployment": s.deployment}
        return SqsInboxes(client("sqs"), tags=tags, kms_key=s.queue_key, require_tls=s.require_tls)

    @cached_property
    def bells(self) -> SqsBells:
        return SqsBells(client("sqs"), self._settings.bell_queue)

    @cached_property
    def waits(self) -> StepFunctionsWaits:
        return StepFunctionsWaits(client("stepfunctions"), self._settings.wait_machine)

    @cached_property
    def tasks(self) -> EcsTasks:
        return EcsTasks(client("ecs"), self._settings.cluster)

    @cached_property
    def blobs(self) -> S3Blobs:
        return S3Blobs(client("s3"), self._settings.blob_bucket)

    @cached_property
    def journal(self) -> PowertoolsJournal:
        function = os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "batchyard")
        return PowertoolsJournal(function, self._settings.deployment)


@cache
def settings() -> Settings:
    return Settings.from_env(os.environ)


@cache
def ports() -> AwsPorts:
    return AwsPorts(settings())


@cache
def platform() -> Platform:
    return Platform(ports(), settings())


@cache
def api() -> Api:
    services = platform()
    return Api(
        model=BatchModel(),
        environments=services.environments,
        queues=services.queues,
        definitions=services.definitions,
        policies=services.policies,
        tagging=services.tagging,
        submits=services.submit,
        jobs=services.jobs,
        bulk=services.bulk,
        explains=services.explain,
        snapshots=services.snapshot,
        queueing=services.queueing,
    )


@cache
def intake() -> IntakeService:
    services = platform()
    return IntakeService(
        submits=services.submit,
        model=batch_model(),
        triggers=services.triggers,
        inboxes=services.ports.inboxes,
        journal=journal(),
        rejected_queue=settings().rejected_queue,
    )


@cache
def declare() -> DeclareService:
    services = platform()
    declared = kinds(
        table=services.ports.tables.catalog,
        store=services.catalog,
        environments=services.environments,
        queues=services.queues,
        definitions=services.definitions,
        triggers=services.triggers,
        journal=journal(),
    )
    return DeclareService(kinds=declared, model=batch_model(), journal=journal())


def answers() -> HttpAnswers:
    return HttpAnswers()


def clock() -> SystemClock:
    return ports().clock


def journal() -> PowertoolsJournal:
    return ports().journal


def bell() -> BellService:
    return platform().bell


def relay() -> Relay:
    return platform().relay


def launcher() -> Launcher:
    return platform().launcher


def scheduler() -> Scheduler:
    return platform().scheduler


def tracker() -> Tracker:
    return platform().tracker


def reconciler() -> Reconciler:
    return platform().reconciler
