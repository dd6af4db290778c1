"""Compute environments: CreateComputeEnvironment, Update…, Describe…, Delete….

A change is whole when the call returns: the next read sees it, and its status is VALID.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lambdas.core import rules_environment as rules
from lambdas.core.catalog import ENVIRONMENTS, Arns, environment_key
from lambdas.core.errors import ConditionFailed, ResourceInUse, UnknownResource
from lambdas.core.ports import Clock, Ids, Table
from lambdas.core.tables import Delete, Item
from lambdas.services import paging
from lambdas.services.bell import BellService
from lambdas.services.catalog_entries import (
    Author,
    changed,
    entry,
    insistent,
    unchanged,
    without_none,
)
from lambdas.services.catalog_store import CatalogStore

Body = Mapping[str, Any]
Answer = dict[str, Any]


class EnvironmentService:
    """The compute environments of one deployment, all on its one ECS cluster."""

    def __init__(
        self,
        *,
        table: Table,
        store: CatalogStore,
        bells: BellService,
        clock: Clock,
        ids: Ids,
        arns: Arns,
        cluster: str,
    ) -> None:
        self._table = table
        self._store = store
        self._bells = bells
        self._clock = clock
        self._ids = ids
        self._arns = arns
        self._cluster = f"arn:{arns.partition}:ecs:{arns.region}:{arns.account}:cluster/{cluster}"

    def create(self, body: Body, author: Author) -> Answer:
        rules.check_create(body)
        name = body["computeEnvironmentName"]
        detail = {
            **rules.normalised_environment(body),
            "computeEnvironmentArn": self._arns.environment(name),
            "ecsClusterArn": self._cluster,
            "uuid": self._ids.uuid(),
        }
        write = entry(environment_key(name), detail, author, self._clock.now())
        try:
            self._table.write(write)
        except ConditionFailed as refused:
            if (refused.item or {}).get("detail", {}).get("uuid") != detail["uuid"]:
                raise ResourceInUse(
                    f"Object already exists: there is a compute environment named '{name}'."
                ) from None
            # Our own write, repeated by the SDK.
        return _named(detail)

    def update(self, body: Body, author: Author) -> Answer:
        """In place; what becomes possible by it (more vCPUs, enabled again) is looked at at once."""
        rules.check_update(body)

        def attempt() -> Answer:
            item = self._store.environment_item(body["computeEnvironment"])
            detail = rules.updated_environment(item["detail"], body)
            self._table.write(changed(item, detail, author, self._clock.now()))
            return detail

        detail = insistent(attempt)
        self._ring(detail["computeEnvironmentName"])
        return _named(detail)

    def delete(self, body: Body, author: Author) -> Answer:
        """Needs the environment DISABLED and no queue that uses it.

        A queue that is attached meanwhile moves the environment's version, so none slips through.
        """

        def attempt() -> Answer:
            item = self._store.environment_item(body["computeEnvironment"])
            self._check_unused(item)
            self._table.write(Delete(environment_key(item["sk"]), when=unchanged(item)))
            return {}

        return insistent(attempt)

    def describe(self, body: Body) -> Answer:
        """Those named (unknown ones are left out), or all, by name."""
        if asked := paging.names("computeEnvironments", body):
            return {"computeEnvironments": [d for name in asked if (d := self._detail(name))]}
        found = self._store.items(ENVIRONMENTS, paging.start_of(body))
        items, more = paging.cut(found, paging.page_size(body))
        token = paging.token_of(items[-1]["sk"]) if more else None
        details = [dict(item["detail"]) for item in items]
        return without_none({"computeEnvironments": details, "nextToken": token})

    # ── declared in code ──────────────────────────────────────────────────────────────────────

    def declare(self, body: Body, author: Author) -> Answer:
        """Make the environment as CreateComputeEnvironment's `body` says, whatever it was before."""
        rules.check_create(body)
        if self._detail(body["computeEnvironmentName"]) is None:
            return self.create(body, author)

        def attempt() -> Answer:
            item = self._store.environment_item(body["computeEnvironmentName"])
            kept = ("computeEnvironmentArn", "ecsClusterArn", "uuid")
            detail = {
                **rules.normalised_environment(body),
                **{member: item["detail"][member] for member in kept},
            }
            self._table.write(changed(item, detail, author, self._clock.now()))
            return detail

        detail = insistent(attempt)
        self._ring(detail["computeEnvironmentName"])
        return _named(detail)

    def retire(self, name: str, author: Author) -> Answer:
        """Code no longer declares it: disabled and deleted; one that is gone is no error."""
        if self._detail(name) is None:
            return {}
        self.update({"computeEnvironment": name, "state": "DISABLED"}, author)
        return self.delete({"computeEnvironment": name}, author)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _detail(self, name_or_arn: str) -> Answer | None:
        try:
            return dict(self._store.environment_item(name_or_arn)["detail"])
        except UnknownResource:
            return None

    def _check_unused(self, item: Item) -> None:
        name = item["sk"]
        if item["detail"]["state"] != "DISABLED":
            raise ResourceInUse(
                f"Cannot delete, compute environment '{name}' is ENABLED: disable it first."
            )
        users = [q.name for q in self._store.snapshot().queues.values() if name in q.environments]
        if users:
            raise ResourceInUse(
                "Cannot delete, found existing JobQueue relationship: compute environment "
                f"'{name}' is used by {', '.join(sorted(users)[:10])}."
            )

    def _ring(self, name: str) -> None:
        self._store.snapshot()
        self._bells.ring_for_environment(name)


def _named(detail: Mapping[str, Any]) -> Answer:
    members = ("computeEnvironmentName", "computeEnvironmentArn")
    return {member: detail[member] for member in members}
