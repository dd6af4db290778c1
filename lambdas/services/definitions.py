"""Job definitions: RegisterJobDefinition, DescribeJobDefinitions, DeregisterJobDefinition.

A revision number is given once and never again, whatever is deregistered. A deregistered revision
is INACTIVE, still described, and still runs the jobs that named it before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from lambdas.core import rules_definition as rules
from lambdas.core.catalog import DEFINITIONS, Arns, definition_key, name_of, revision_key
from lambdas.core.errors import InvalidRequest, UnknownResource
from lambdas.core.job import SCHEMA
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Absent, Equals, Item, Update
from lambdas.services import paging
from lambdas.services.catalog_entries import Author, changed, entry, insistent, without_none
from lambdas.services.catalog_store import CatalogStore
from lambdas.services.task_definitions import TaskDefinitions

Body = Mapping[str, Any]
Answer = dict[str, Any]

#: Revisions looked at in one call, so that a filter that matches little ends in time.
MOST_LOOKED_AT = 1_000

_STATUSES = ("ACTIVE", "INACTIVE")
_OWN = ("jobDefinitionArn", "revision", "status")


class DefinitionService:
    """The job definitions of one deployment."""

    def __init__(
        self,
        *,
        table: Table,
        store: CatalogStore,
        task_definitions: TaskDefinitions,
        clock: Clock,
        arns: Arns,
        pass_roles: Sequence[str],
    ) -> None:
        self._table = table
        self._store = store
        self._task_definitions = task_definitions
        self._clock = clock
        self._arns = arns
        self._pass_roles = tuple(pass_roles)

    def register(self, body: Body, author: Author) -> Answer:
        """The next revision of this name. ECS knows its task definition before the answer."""
        rules.check_definition(body, self._pass_roles)
        detail = rules.normalised_definition(body)
        return _named(self._register(detail, author))

    def deregister(self, body: Body, author: Author) -> Answer:
        """Make one revision INACTIVE; one that is so already is no error."""
        ref = body["jobDefinition"]
        if ":" not in name_of(ref):
            raise InvalidRequest("jobDefinition", ref, "name:revision or an ARN is needed.")

        def attempt() -> Answer:
            item = self._store.definition_item(ref)
            if item["detail"]["status"] == "ACTIVE":
                detail = {**item["detail"], "status": "INACTIVE"}
                self._table.write(changed(item, detail, author, self._clock.now()))
            return {}

        return insistent(attempt)

    def describe(self, body: Body) -> Answer:
        """Those named (unknown ones are left out), or all of a name and status, newest first."""
        if asked := paging.names("jobDefinitions", body):
            return {"jobDefinitions": [d for ref in asked if (d := self._detail(ref))]}
        if (status := body.get("status")) not in (None, *_STATUSES):
            raise InvalidRequest("status", status, "ACTIVE or INACTIVE is allowed.")
        found, token = self._page(body, status)
        return without_none({"jobDefinitions": found, "nextToken": token})

    # ── declared in code ──────────────────────────────────────────────────────────────────────

    def declare(self, body: Body, author: Author) -> Answer:
        """Make the latest ACTIVE revision say what `body` says: a new one only where it differs."""
        rules.check_definition(body, self._pass_roles)
        detail = rules.normalised_definition(body)
        latest = self._detail(detail["jobDefinitionName"])
        if latest and {k: v for k, v in latest.items() if k not in _OWN} == detail:
            return _named(latest)
        return _named(self._register(detail, author))

    def retire(self, name: str, author: Author) -> Answer:
        """Code no longer declares it: every ACTIVE revision is deregistered, the newest, which says
        whose the name is, at last: what fails in between can be repeated."""
        for item in reversed(list(self._store.revisions(name))):
            if item["detail"]["status"] == "ACTIVE":
                self.deregister({"jobDefinition": item["detail"]["jobDefinitionArn"]}, author)
        return {}

    # ── parts ─────────────────────────────────────────────────────────────────────────────────

    def _register(self, detail: Answer, author: Author) -> Answer:
        name = detail["jobDefinitionName"]
        arn = self._task_definitions.for_container(name, detail["containerProperties"])
        return insistent(lambda: self._put(name, detail, arn, author))

    def _put(self, name: str, detail: Answer, task_definition: str, author: Author) -> Answer:
        """The number is taken and used in one transaction."""
        last = self._store.last_revision(name)
        number = last + 1
        whole = {
            **detail,
            "jobDefinitionArn": self._arns.definition(name, number),
            "revision": number,
            "status": "ACTIVE",
        }
        own = {"task_definition": task_definition}
        put = entry(revision_key(name, number), whole, author, self._clock.now(), **own)
        given = Equals("revision", last) if last else Absent("pk")
        count = {"revision": number, "schema": SCHEMA}
        self._table.transact([Update(definition_key(name), put=count, when=(given,)), put])
        return whole

    def _page(self, body: Body, status: str | None) -> tuple[list[Answer], str | None]:
        """One page, and the token of the next; a page may be short when a filter matches little."""
        size = paging.page_size(body)
        found: list[Answer] = []
        looked: Answer = {}
        candidates = self._candidates(body.get("jobDefinitionName"), paging.start_of(body))
        for item in islice(candidates, MOST_LOOKED_AT):
            if len(found) == size:
                return found, _token(looked)
            looked = dict(item["detail"])
            if status in (None, looked["status"]):
                found.append(looked)
        more = next(candidates, None) is not None
        return found, _token(looked) if more else None

    def _candidates(self, name: str | None, start: str | None) -> Iterator[Item]:
        """Revisions by name, the newest first, those after the revision that `start` names."""
        last, _, revision = (start or "").partition(":")
        if last and name in (None, last):
            below = int(revision) if revision.isdecimal() else None
            yield from self._store.revisions(last, below)
        if name is not None:
            yield from () if last else self._store.revisions(name)
            return
        for item in self._store.items(DEFINITIONS, last or None):
            yield from self._store.revisions(item["sk"])

    def _detail(self, ref: str) -> Answer | None:
        try:
            return dict(self._store.definition_item(ref)["detail"])
        except UnknownResource:
            return None


def _token(detail: Mapping[str, Any]) -> str | None:
    return paging.token_of(f"{detail['jobDefinitionName']}:{detail['revision']}")


def _named(detail: Mapping[str, Any]) -> Answer:
    members = ("jobDefinitionName", "jobDefinitionArn", "revision")
    return {member: detail[member] for member in members}
