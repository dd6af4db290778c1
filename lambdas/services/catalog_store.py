"""Reading the catalog: queues, environments, definitions and policies by name or ARN.

Every read is strong, so what one call wrote the next call sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lambdas.core.catalog import (
    ENVIRONMENTS,
    POLICIES,
    QUEUES,
    Catalog,
    Definition,
    Environment,
    Queue,
    definition_key,
    environment_key,
    name_of,
    policy_key,
    queue_key,
    revision_key,
)
from lambdas.core.errors import UnknownResource, shown
from lambdas.core.ports import Clock, Table
from lambdas.core.tables import Item, Query

#: Nothing else can name a resource; checked before any key is built of it.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_REVISION = re.compile(r"[1-9][0-9]{0,9}")

#: Revisions are read this many at a time.
_REVISIONS_A_PAGE = 25


class CatalogStore:
    """The catalog as decisions and services read it. Raises UnknownResource for what is not there."""

    def __init__(self, table: Table, clock: Clock) -> None:
        self._table = table
        self._clock = clock
        self._cached: tuple[int, Catalog] | None = None

    # ── one resource ──────────────────────────────────────────────────────────────────────────

    def queue(self, name_or_arn: str) -> Queue:
        return Queue.of(self.queue_item(name_or_arn))

    def environment(self, name_or_arn: str) -> Environment:
        return Environment.of(self.environment_item(name_or_arn))

    def definition(self, ref: str) -> Definition:
        """One revision: `name` (the latest ACTIVE one), `name:revision`, or an ARN of either."""
        return Definition.of(self.definition_item(ref))

    def queue_item(self, name_or_arn: str) -> Item:
        item = self._find(QUEUES, name_or_arn)
        if item is None or not _is(item["detail"]["jobQueueArn"], name_or_arn):
            raise UnknownResource(f"Job queue {shown(name_or_arn)} does not exist.")
        return item

    def environment_item(self, name_or_arn: str) -> Item:
        item = self._find(ENVIRONMENTS, name_or_arn)
        if item is None or not _is(item["detail"]["computeEnvironmentArn"], name_or_arn):
            raise UnknownResource(f"Compute environment {shown(name_or_arn)} does not exist.")
        return item

    def policy_item(self, arn: str) -> Item:
        """By ARN only, as AWS Batch names policies."""
        item = self._find(POLICIES, arn) if arn.startswith("arn:") else None
        if item is None or item["detail"]["arn"] != arn:
            raise UnknownResource(f"Scheduling policy {shown(arn)} does not exist.")
        return item

    def definition_item(self, ref: str) -> Item:
        name, _, revision = name_of(ref).partition(":")
        item = None
        if _NAME.fullmatch(name) and _REVISION.fullmatch(revision):
            item = self._table.get(revision_key(name, int(revision)))
        elif _NAME.fullmatch(name) and not revision:
            item = next(
                (i for i in self.revisions(name) if i["detail"]["status"] == "ACTIVE"), None
            )
        if item is None or not _is(item["detail"]["jobDefinitionArn"], ref, revision):
            which = "does not exist" if revision else "has no ACTIVE revision"
            raise UnknownResource(f"Job definition {shown(ref)} {which}.")
        return item

    # ── many ──────────────────────────────────────────────────────────────────────────────────

    def snapshot(self, max_age_ms: int = 0) -> Catalog:
        """All queues and environments, read now or at most `max_age_ms` ago."""
        now = self._clock.now()
        if self._cached is None or now - self._cached[0] > max_age_ms or max_age_ms == 0:
            queues = (Queue.of(item) for item in self.items(QUEUES))
            environments = (Environment.of(item) for item in self.items(ENVIRONMENTS))
            catalog = Catalog({q.name: q for q in queues}, {e.name: e for e in environments})
            self._cached = (now, catalog)
        return self._cached[1]

    def items(self, partition: str, beyond: str | None = None) -> Iterator[Item]:
        """Every item of one kind (QUEUES, ENVIRONMENTS, POLICIES…) by name, those after `beyond`."""
        # "!" sorts before every character of a name, so this begins at the next name.
        low = f"{beyond}!" if beyond else None
        after = None
        while True:
            page = self._table.query(Query(partition, low=low, after=after))
            yield from page.items
            if (after := page.after) is None:
                return

    def revisions(self, name: str, below: int | None = None) -> Iterator[Item]:
        """Every revision of a job definition (those under `below`), the newest first."""
        if not _NAME.fullmatch(name):
            return
        lowest, highest = revision_key(name, 0), revision_key(name, (below or 10**10) - 1)
        after = None
        while True:
            query = Query(
                lowest.pk,
                low=lowest.sk,
                high=highest.sk,
                descending=True,
                limit=_REVISIONS_A_PAGE,
                after=after,
            )
            page = self._table.query(query)
            yield from page.items
            if (after := page.after) is None:
                return

    def last_revision(self, name: str) -> int:
        """The highest revision number ever given to this name; 0 when there is none."""
        item = self._table.get(definition_key(name))
        return int(item["revision"]) if item else 0

    def _find(self, kind: str, name_or_arn: str) -> Item | None:
        name = name_of(name_or_arn)
        if not _NAME.fullmatch(name):
            return None
        return self._table.get(_KEYS[kind](name))


_KEYS = {QUEUES: queue_key, ENVIRONMENTS: environment_key, POLICIES: policy_key}


def _is(arn: str, asked: str, revision: str = "x") -> bool:
    """An ARN of another account, Region or kind names nothing here, whatever name it ends in."""
    if not asked.startswith("arn:"):
        return True
    return asked == (arn if revision else arn.rpartition(":")[0])
