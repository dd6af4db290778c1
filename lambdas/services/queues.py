"""Job queues: CreateJobQueue, UpdateJobQueue, DescribeJobQueues, DeleteJobQueue.

A change is whole when the call returns: the next read sees it, and its status is VALID. Only a
delete takes longer: the queue is DELETING until its last job has ended (services.queue_removal).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.core import rules_queue as rules
from lambdas.core.catalog import (
    QUEUES,
    Arns,
    Environment,
    environment_key,
    name_of,
    policy_key,
    queue_key,
)
from lambdas.core.errors import ResourceInUse, UnknownResource
from lambdas.core.ports import Clock, Inboxes, Table
from lambdas.core.tables import Item, Present, Update
from lambdas.services import paging
from lambdas.services.bell import BellService
from lambdas.services.catalog_entries import Author, changed, entry, insistent, without_none
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.queue_removal import QueueRemoval

#: Members that an update replaces as they are.
_IN_PLACE = ("state", "priority", "jobStateTimeLimitActions")

Body = Mapping[str, Any]
Answer = dict[str, Any]


class QueueService:
    """The job queues of one deployment."""

    def __init__(
        self,
        *,
        table: Table,
        store: CatalogStore,
        inboxes: Inboxes,
        bells: BellService,
        removal: QueueRemoval,
        clock: Clock,
        arns: Arns,
        deployment: str,
    ) -> None:
        self._table = table
        self._store = store
        self._inboxes = inboxes
        self._bells = bells
        self._removal = removal
        self._clock = clock
        self._arns = arns
        self._deployment = deployment

    def create(self, body: Body, author: Author) -> Answer:
        """The SQS queue is made before the entry: a repeat finds it and goes on."""
        rules.check_create(body)
        name = body["jobQueueName"]
        self._check_free(name)
        self._environments(body["computeEnvironmentOrder"])
        self._policy(body)
        inbox = self._inboxes.create(rules.inbox_name(self._deployment, name))
        return insistent(lambda: self._put(body, author, inbox, own_inbox=True))

    def update(self, body: Body, author: Author) -> Answer:
        """In place: priority, state, time limits and environments; what is not named stays as it is."""
        rules.check_update(body)

        def attempt() -> Answer:
            item = self._changeable(body["jobQueue"])
            named = {m: body[m] for m in _IN_PLACE if m in body}
            detail, environments = {**item["detail"], **named}, []
            policy = self._replaced_policy(item["detail"], body)
            if policy:
                detail["schedulingPolicyArn"] = policy
            if "computeEnvironmentOrder" in body:
                environments = self._environments(body["computeEnvironmentOrder"])
                order = rules.ordered(body["computeEnvironmentOrder"], environments)
                detail["computeEnvironmentOrder"] = order
            write = changed(item, detail, author, self._clock.now())
            self._table.transact([write, *_attach(environments, policy)])
            return detail

        return self._told(insistent(attempt))

    def delete(self, body: Body, author: Author) -> Answer:
        """Needs the queue DISABLED. It lets go of its environments at once, and is gone when
        its jobs have ended: they are terminated with AWS Batch's reason `JobQueue deleted`.
        """

        def attempt() -> Answer:
            item = self._store.queue_item(body["jobQueue"])
            detail, now = item["detail"], self._clock.now()
            if detail["status"] == "DELETING":
                return {}
            if detail["state"] != "DISABLED":
                raise ResourceInUse(
                    f"Cannot delete, job queue '{item['sk']}' is ENABLED: disable it first."
                )
            leaving = {"status": "DELETING", "statusReason": "JobQueue deleted"}
            detail = {**detail, **leaving, "computeEnvironmentOrder": []}
            self._table.write(changed(item, detail, author, now, deleting_since=now))
            return {}

        return insistent(attempt)

    def sweep(self, deadline: int) -> int:
        """Carry the deletion of queues on, until `deadline` (epoch ms); how many are gone now."""
        return self._removal.sweep(deadline)

    def describe(self, body: Body) -> Answer:
        """Those named (unknown ones are left out), or all, by name."""
        if asked := paging.names("jobQueues", body):
            return {"jobQueues": [d for name in asked if (d := self._detail(name))]}
        found = self._store.items(QUEUES, paging.start_of(body))
        items, more = paging.cut(found, paging.page_size(body))
        token = paging.token_of(items[-1]["sk"]) if more else None
        details = [dict(item["detail"]) for item in items]
        return without_none({"jobQueues": details, "nextToken": token})

    # ── declared in code ──────────────────────────────────────────────────────────────────────

    def declare(self, body: Body, author: Author, inbox: str) -> Answer:
        """Make the queue as CreateJobQueue's `body` says, whatever it was; `inbox` is its SQS URL."""
        rules.check_create(body)

        def attempt() -> Answer:
            if self._detail(body["jobQueueName"]) is None:
                return self._put(body, author, inbox, own_inbox=False)
            item = self._changeable(body["jobQueueName"])
            environments = self._environments(body["computeEnvironmentOrder"])
            said = {"schedulingPolicyArn": "", **body}
            policy = self._replaced_policy(item["detail"], said)
            arn = item["detail"]["jobQueueArn"]
            detail = {**rules.normalised_queue(body, environments), "jobQueueArn": arn}
            own = {"inbox": inbox, "own_inbox": False}
            write = changed(item, detail, author, self._clock.now(), **own)
            self._table.transact([write, *_attach(environments, policy)])
            return detail

        return self._told(insistent(attempt))

    def retire(self, name: str, author: Author) -> Answer:
        """Code no longer declares it: disabled and deleted; one that is gone is no error."""
        detail = self._detail(name)
        if detail is None or detail["status"] == "DELETING":
            return {}
        self.update({"jobQueue": name, "state": "DISABLED"}, author)
        return self.delete({"jobQueue": name}, author)

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _put(self, body: Body, author: Author, inbox: str, own_inbox: bool) -> Answer:
        name = body["jobQueueName"]
        self._check_free(name)
        environments = self._environments(body["computeEnvironmentOrder"])
        arn = self._arns.queue(name)
        detail = {**rules.normalised_queue(body, environments), "jobQueueArn": arn}
        own = {"inbox": inbox, "own_inbox": own_inbox}
        write = entry(queue_key(name), detail, author, self._clock.now(), **own)
        self._table.transact([write, *_attach(environments, self._policy(body))])
        return _named(detail)

    def _environments(self, order: Sequence[Mapping[str, Any]]) -> list[Environment]:
        found = [self._store.environment(entry["computeEnvironment"]) for entry in order]
        rules.check_environments(found)
        return found

    def _policy(self, body: Body) -> str | None:
        """The ARN of the policy that a request names. Raises UnknownResource."""
        arn = body.get("schedulingPolicyArn")
        return str(self._store.policy_item(arn)["detail"]["arn"]) if arn else None

    def _replaced_policy(self, detail: Mapping[str, Any], body: Body) -> str | None:
        before, wanted = detail.get("schedulingPolicyArn"), body.get("schedulingPolicyArn")
        rules.check_policy(detail["jobQueueName"], before, wanted)
        return self._policy(body)

    def _check_free(self, name: str) -> None:
        detail = self._detail(name)
        if detail is None:
            return
        if detail["status"] == "DELETING":
            raise ResourceInUse(f"Job queue '{name}' is being deleted: try again when it is gone.")
        raise ResourceInUse(f"Object already exists: there is a job queue named '{name}'.")

    def _changeable(self, name_or_arn: str) -> Item:
        item = self._store.queue_item(name_or_arn)
        if item["detail"]["status"] == "DELETING":
            raise ResourceInUse(f"Job queue '{item['sk']}' is being deleted.")
        return item

    def _detail(self, name_or_arn: str) -> Answer | None:
        try:
            return dict(self._store.queue_item(name_or_arn)["detail"])
        except UnknownResource:
            return None

    def _told(self, detail: Mapping[str, Any]) -> Answer:
        """Whatever became possible by a change (another environment, a new rank) is looked at."""
        self._store.snapshot()
        self._bells.ring_for_queue(detail["jobQueueName"])
        return _named(detail)


def _attach(environments: Sequence[Environment], policy: str | None) -> list[Update]:
    """Move the version of each environment, and of the policy: what is being deleted just now is
    not attached."""
    keys = [environment_key(env.name) for env in environments]
    keys += [policy_key(name_of(policy))] if policy else []
    return [Update(key, add={"version": 1}, when=(Present("pk"),)) for key in keys]


def _named(detail: Mapping[str, Any]) -> Answer:
    return {member: detail[member] for member in ("jobQueueName", "jobQueueArn")}
