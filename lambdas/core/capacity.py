"""Exact capacity without contention: ledgers that only grow.

A compute environment's ledger holds `taken`, all milli-vCPUs ever claimed of it; its released
counters, spread over shards, hold all that ever came back. What is in use is the difference. A
claim requires `taken ≤ max + released seen - n`: a stale reading of the released counters is
merely conservative, and no total is ever set by hand.
"""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.core.job import SCHEMA, shard_of
from lambdas.core.tables import AtMost, Delete, Differs, Equals, Item, Key, Present, Put, Update

#: Partitions of one ledger's released counters.
RELEASED_SHARDS = 8


def ledger_key(env: str) -> Key:
    return Key(f"ENV#{env}", "LEDGER")


def released_key(env: str, shard: int) -> Key:
    return Key(f"ENV#{env}#RELEASED#{shard}", "RELEASED")


def released_keys(env: str) -> tuple[Key, ...]:
    return tuple(released_key(env, shard) for shard in range(RELEASED_SHARDS))


def released_total(items: Iterable[Item]) -> int:
    return sum(item.get("released", 0) for item in items)


def take(env: str, amount: int, maximum: int, released_seen: int) -> Update:
    """Take `amount` milli-vCPUs if no more than `maximum` are then in use."""
    return Update(
        ledger_key(env),
        add={"taken": amount},
        when=(AtMost("taken", maximum + released_seen - amount),),
    )


def release(env: str, run: str, amount: int) -> Update:
    """Give back what attempt `run` took; in the same transaction as the attempt's end."""
    return Update(released_key(env, shard_of(run, RELEASED_SHARDS)), add={"released": amount})


# ── bells ─────────────────────────────────────────────────────────────────────────────────────


def bell_key(cell: str) -> Key:
    return Key(f"BELL#{cell}", "BELL")


def ring(cell: str, now: int) -> Update:
    """Ask for a tick of this cell; refused when one is asked for already.

    The winner sends the message. `rung_at` is the debt: a bell that stays rung is rung again by
    `reconcile` under the next number.
    """
    return Update(
        bell_key(cell),
        put={"rung": True, "rung_at": now},
        add={"number": 1},
        when=(Differs("rung", True),),
    )


def ring_again(cell: str, number: int, now: int) -> Update:
    """Replace a bell message that seems lost."""
    return Update(
        bell_key(cell),
        put={"rung_at": now},
        add={"number": 1},
        when=(Equals("rung", True), Equals("number", number)),
    )


def clear_bell(cell: str) -> Update:
    """The first act of a tick: whoever rings from now on gets another. Returns the bell."""
    return Update(bell_key(cell), put={"rung": False}, when=(Present("pk"),))


def spend(cell: str, left: int, now: int) -> Update:
    """Write down how many launches the cell may still make; see `allowance`."""
    return Update(bell_key(cell), put={"left": left, "left_at": now})


def allowance(bell: Item, rate: int, now: int) -> int:
    """How many claims a tick may make, so that launches keep to `rate` a second (a token bucket
    of one second's worth: RunTask's own for Fargate is no deeper; "AWS Fargate throttling quotas" in
    ECS's guide)."""
    full = rate
    if "left" not in bell:
        return full
    left: int = bell["left"] + max(0, now - bell["left_at"]) * rate // 1000
    return min(full, left)


# ── lanes ─────────────────────────────────────────────────────────────────────────────────────


def lanes_partition(queue: str) -> str:
    """The registry of lanes in use, by queue: where a tick looks for parked jobs."""
    return f"LANES#{queue}"


def lane_key(queue: str, lane: str) -> Key:
    return Key(lanes_partition(queue), lane)


def forget_lane(queue: str, lane: str, used: int) -> Delete:
    """Forget a lane that was found empty and has not been refreshed since `used`."""
    return Delete(lane_key(queue, lane), when=(Equals("used", used),))


def register_lane(queue: str, lane: str, now: int) -> Put:
    """Make a lane known before the first job is parked in it, and keep it fresh.

    A park follows within the minute; a lane is forgotten only an hour after its last refresh
    (`forget_lane`), so no parked job is ever in an unknown lane.
    """
    key = lane_key(queue, lane)
    return Put(
        {"pk": key.pk, "sk": key.sk, "schema": SCHEMA, "lane": lane, "queue": queue, "used": now},
        when=(AtMost("used", now - LANE_REFRESH),),
    )


#: A lane in use is refreshed this often, and forgotten after that long without a refresh (ms).
LANE_REFRESH = 10 * 60_000
LANE_FORGOTTEN = 60 * 60_000
