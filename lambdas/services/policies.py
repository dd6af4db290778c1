"""Scheduling policies: CreateSchedulingPolicy, Update…, Delete…, Describe…, ListSchedulingPolicies.

A change is whole when the call returns; the queues that have the policy are looked at at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import rules_policy as rules
from lambdas.core.catalog import POLICIES, Arns, policy_key
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


class PolicyService:
    """The fair-share scheduling policies of one deployment."""

    def __init__(
        self,
        *,
        table: Table,
        store: CatalogStore,
        bells: BellService,
        clock: Clock,
        ids: Ids,
        arns: Arns,
    ) -> None:
        self._table = table
        self._store = store
        self._bells = bells
        self._clock = clock
        self._ids = ids
        self._arns = arns

    def create(self, body: Body, author: Author) -> Answer:
        rules.check_create(body)
        name, made = body["name"], self._ids.uuid()
        fair, weights = rules.kept(body.get("fairsharePolicy") or {})
        detail = {
            "name": name,
            "arn": self._arns.policy(name),
            "fairsharePolicy": fair,
            "tags": dict(body.get("tags", {})),
        }
        own = {"weights": weights, "made": made}
        write = entry(policy_key(name), detail, author, self._clock.now(), **own)
        try:
            self._table.write(write)
        except ConditionFailed as refused:
            if (refused.item or {}).get("made") != made:
                raise ResourceInUse(
                    f"Object already exists: there is a scheduling policy named '{name}'."
                ) from None
            # Our own write, repeated by the SDK.
        return {"name": name, "arn": detail["arn"]}

    def update(self, body: Body, author: Author) -> Answer:
        """The fairsharePolicy given stands for the whole one that was; none leaves it as it is."""
        rules.check_update(body)

        def attempt() -> Answer:
            item = self._store.policy_item(body["arn"])
            if "fairsharePolicy" in body:
                fair, weights = rules.kept(body["fairsharePolicy"])
                detail = {**item["detail"], "fairsharePolicy": fair}
                now = self._clock.now()
                self._table.write(changed(item, detail, author, now, weights=weights))
            return {}

        answer = insistent(attempt)
        for queue in self._users(body["arn"]):
            self._bells.ring_for_queue(queue)
        return answer

    def delete(self, body: Body, author: Author) -> Answer:
        """Needs that no queue has it. A queue that gets it meanwhile moves its version, so none
        slips through."""

        def attempt() -> Answer:
            item = self._store.policy_item(body["arn"])
            if users := self._users(body["arn"]):
                raise ResourceInUse(
                    f"Cannot delete, scheduling policy '{item['sk']}' is used by job queues "
                    f"{', '.join(users[:10])}."
                )
            self._table.write(Delete(policy_key(item["sk"]), when=unchanged(item)))
            return {}

        return insistent(attempt)

    def describe(self, body: Body) -> Answer:
        """Those asked for by ARN; unknown ones are left out."""
        asked = paging.names("arns", body)
        return {"schedulingPolicies": [rules.described(i) for arn in asked if (i := self._at(arn))]}

    def list(self, body: Body) -> Answer:
        """All of them, by name."""
        found = self._store.items(POLICIES, paging.start_of(body))
        items, more = paging.cut(found, paging.page_size(body))
        token = paging.token_of(items[-1]["sk"]) if more else None
        arns = [{"arn": item["detail"]["arn"]} for item in items]
        return without_none({"schedulingPolicies": arns, "nextToken": token})

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _at(self, arn: str) -> Item | None:
        try:
            return self._store.policy_item(arn)
        except UnknownResource:
            return None

    def _users(self, arn: str) -> Sequence[str]:
        queues = self._store.snapshot().queues.values()
        return sorted(queue.name for queue in queues if queue.policy == arn)
