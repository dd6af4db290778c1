"""What the shares of a queue with a fair-share policy run and used, as the capacity table keeps it.

What a share runs is exact: `taken` grows in the claim's transaction, `released` in that of the
attempt's end, spread over shards as an environment's ledger is (core.capacity). What it used
(decayed) is told by the tick that looks: it stands for the moment `at`, since when `level`
milli-vCPUs ran. A tick that dies before it tells leaves the level before; the next one mends it.

    SHARES#<queue>               <share>   taken, used, level, at
    SHARES#<queue>#RELEASED#<k>  <share>   released
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lambdas.core.fair_share import Usage, accrued
from lambdas.core.job import shard_of
from lambdas.core.tables import AtMost, Item, Key, Update

#: Partitions of the released counters of one queue's shares.
RELEASED_SHARDS = 4


def partition(queue: str) -> str:
    return f"SHARES#{queue}"


def released_partitions(queue: str) -> tuple[str, ...]:
    return tuple(f"SHARES#{queue}#RELEASED#{shard}" for shard in range(RELEASED_SHARDS))


def take(queue: str, share: str, amount: int) -> Update:
    """A share begins to run `amount` milli-vCPUs more; in the transaction of the claim."""
    return Update(Key(partition(queue), share), add={"taken": amount})


def release(queue: str, share: str, run: str, amount: int) -> Update:
    """Attempt `run` has ended; in the same transaction as its end."""
    found = released_partitions(queue)[shard_of(run, RELEASED_SHARDS)]
    return Update(Key(found, share), add={"released": amount})


def tell(queue: str, share: str, usage: Usage, now: int) -> Update:
    """Write down what a share used until now, and what it runs from now on; refused when a later
    tick has done so."""
    put = {"used": usage.used, "level": usage.running, "at": now}
    return Update(Key(partition(queue), share), put=put, when=(AtMost("at", now),))


@dataclass(frozen=True, slots=True)
class Told:
    """A share as it stands now, and the level that was told of it last."""

    usage: Usage
    level: int


def standing(
    shares: Iterable[Item], released: Iterable[Item], window: int, now: int
) -> Mapping[str, Told]:
    """Each share of a queue by name, its usage decayed until now."""
    back = Counter[str]()
    for item in released:
        back[item["sk"]] += item["released"]
    found = {}
    for item in shares:
        level, passed = item.get("level", 0), now - item.get("at", now)
        used = accrued(item.get("used", 0), level, passed, window)
        running = max(0, item.get("taken", 0) - back[item["sk"]])
        found[item["sk"]] = Told(Usage(used, running), level)
    return found
