"""Fair share's memory: what each share of a queue runs and used, read for a plan and told after."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

from lambdas.core import shares
from lambdas.core.catalog import Queue
from lambdas.core.errors import ConditionFailed, UnknownResource
from lambdas.core.fair_share import Policy, Shares, Usage
from lambdas.core.ports import Table
from lambdas.core.scheduling import Placement
from lambdas.core.shares import Told
from lambdas.core.tables import Item, Query
from lambdas.services.catalog_store import CatalogStore


class ShareUsage:
    """The shares of all queues that have a policy."""

    def __init__(self, ledgers: Table, catalog: CatalogStore) -> None:
        self._ledgers = ledgers
        self._catalog = catalog

    def of(self, queues: Iterable[Queue], now: int) -> dict[str, tuple[Policy, Mapping[str, Told]]]:
        """By queue, for those that have a policy: the policy, and its shares as they stand."""
        return {queue.name: self._standing(queue, now) for queue in queues if queue.policy}

    def tell(
        self,
        seen: Mapping[str, tuple[Policy, Mapping[str, Told]]],
        placements: Iterable[Placement],
        claimed: Collection[str],
        now: int,
    ) -> None:
        """After a plan's claims: write down every share whose level is another than was told."""
        begun = Counter[tuple[str, str]]()
        for placement in placements:
            if placement.job.id in claimed:
                begun[placement.job.queue, placement.job.share] += placement.taken
        for queue, (_, standing) in seen.items():
            new = {share for of, share in begun if of == queue}
            for share in sorted(new | standing.keys()):
                told = standing.get(share, Told(Usage(), 0))
                level = told.usage.running + begun[queue, share]
                if level != told.level:
                    usage = Usage(told.usage.used, level)
                    with suppress(ConditionFailed):
                        self._ledgers.write(shares.tell(queue, share, usage, now))

    def _standing(self, queue: Queue, now: int) -> tuple[Policy, Mapping[str, Told]]:
        policy = self._policy(queue.policy or "")
        items = self._items(shares.partition(queue.name))
        released = [i for p in shares.released_partitions(queue.name) for i in self._items(p)]
        return policy, shares.standing(items, released, policy.window, now)

    def _policy(self, arn: str) -> Policy:
        try:
            return Policy.of(self._catalog.policy_item(arn))
        except UnknownResource:  # its delete is refused while a queue has it
            return Policy()

    def _items(self, partition: str) -> Iterator[Item]:
        after = None
        while True:
            page = self._ledgers.query(Query(partition, after=after))
            yield from page.items
            if (after := page.after) is None:
                return


def planned(seen: Mapping[str, tuple[Policy, Mapping[str, Told]]]) -> dict[str, Shares]:
    """What a plan needs of them."""
    return {
        queue: Shares(policy, {share: told.usage for share, told in standing.items()})
        for queue, (policy, standing) in seen.items()
    }
