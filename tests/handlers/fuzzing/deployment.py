"""A deployment in memory behind the real handlers, made anew for every example."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Any
from unittest.mock import patch

from lambdas.adapters.aws.batch_model import batch_model
from lambdas.handlers import api as api_handler
from lambdas.handlers import counted as counted_module
from lambdas.handlers import intake as intake_handler
from lambdas.handlers import track as track_handler
from lambdas.services.api import Api
from lambdas.services.intake import IntakeService
from simulator.fargate import Program
from simulator.world import World
from tests.handlers.http_events import Client

#: All that a world holds, by where it lies and its name.
Snapshot = dict[tuple[str, ...], Any]


class Deployment:
    """One environment `fargate`, one queue `default`, one definition `task`; and nothing else."""

    def __init__(self) -> None:
        self.client = Client(api_handler.handler)
        self.anew()

    def anew(self, program: Program | None = None) -> World:
        """Another world, as if nothing had ever been sent."""
        self.world = World(program)
        self.world.journal.flush = lambda: None  # type: ignore[attr-defined]
        self.world.environment()
        self.world.queue()
        self.world.definition()
        services = self.world.platform
        self.api = Api(
            model=batch_model(),
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
        self.intake = IntakeService(
            submits=services.submit,
            model=batch_model(),
            triggers=services.triggers,
            inboxes=self.world.inboxes,
            journal=self.world.journal,
            rejected_queue=self.world.settings.rejected_queue,
        )
        return self.world

    def snapshot(self) -> Snapshot:
        """Everything that a refused request must leave as it was."""
        world, seen = self.world, {}
        for table in (world.tables.jobs, world.tables.catalog, world.tables.capacity):
            seen |= {(table.schema.name, i["pk"], i["sk"]): i for i in table.scan()}
        for url in world.inboxes.queues:
            seen["inbox", url] = world.inboxes.depth(url)
        seen |= {("task definition", arn): True for arn in world.tasks.definitions}
        seen |= {("blob", name): True for name in world.blobs.held}
        return seen

    def told(self) -> str:
        """All that the journal was told, as text: no secret may be in it."""
        return repr(self.world.journal.lines)

    def failures(self) -> list[dict[str, Any]]:
        """What the api called a failure of its own, for the report of a test."""
        return self.world.journal.events("api failed")


@contextmanager
def deployed() -> Iterator[Deployment]:
    """The handlers of `api`, `intake` and `track` find this deployment where AWS's would be."""
    made = Deployment()
    with ExitStack() as stack:

        def put(module: ModuleType, **found: Any) -> None:
            for name, value in found.items():
                stack.enter_context(patch.object(module, name, value))

        put(api_handler, api=lambda: made.api, journal=lambda: made.world.journal)
        put(intake_handler, intake=lambda: made.intake, journal=lambda: made.world.journal)
        put(
            track_handler,
            tracker=lambda: made.world.platform.tracker,
            journal=lambda: made.world.journal,
        )
        put(counted_module, journal=lambda: made.world.journal)
        yield made
