"""How likely each fault is, and the kinds of weather that trials take turns in."""

from __future__ import annotations

from dataclasses import dataclass

MINUTE = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """The chance of each fault each time it can happen: first those at calls of ports (at most one
    a call), then those of deliveries and hosts, then how bad things are."""

    crashed_before: float = 0.0  #: the invocation dies, the call was not made
    crashed_after: float = 0.0  #: the invocation dies, the call had its effect
    throttled: float = 0.0  #: refused, nothing done
    unanswered: float = 0.0  #: done, but the answer was lost
    repeated: float = 0.0  #: done twice: the SDK tried again
    conflicted: float = 0.0  #: transactions: met others in flight, at one item or at all
    also_conflicted: float = 0.0  #: transactions: what fails for a condition met others as well
    partial: float = 0.0  #: SQS gives fewer messages than there are
    unforgotten: float = 0.0  #: SQS delivers again what was deleted
    short: float = 0.0  #: RunTask: no capacity, or a quota is used up
    refused: float = 0.0  #: RunTask: no access, no image, a wrong parameter
    conflict: float = 0.0  #: RunTask: the token's task is there already; ECS names it, or not
    interleaved: float = 0.0  #: something else happens first
    slow: float = 0.0  #: the call, or its answer, takes its time, and the others go on
    posthumous: float = 0.0  #: the invocation dies, and its call has its effect later
    stale: float = 0.0  #: an index answers as it stood a while ago
    unseen: float = 0.0  #: ECS does not show its youngest tasks yet

    late: float = 0.0  #: a delivery comes later
    again: float = 0.0  #: a delivery comes twice
    record_lost: float = 0.0  #: a batch of the stream is never delivered
    event_lost: float = 0.0  #: ECS' word never comes
    event_late: float = 0.0  #: ECS' word comes hours later
    execution_lost: float = 0.0  #: a wait ends without having done its part
    replaced: float = 0.0  #: another version of a function takes over, the old one ends its work
    reclaimed: float = 0.0  #: a minute in which every Spot task is interrupted

    stray: float = 0.0  #: a minute in which a task appears that nobody of ours asked for

    latest: int = 20_000  #: how late is late (ms)
    slowest: int = 45_000  #: how slow is slow (ms)
    lands: int = 8_000  #: how much later a posthumous call has its effect (ms)
    stalest: int = 3 * MINUTE  #: how old an index' answer can be (ms)
    skew: int = 0  #: functions' clocks are off by this much at most, either way (ms)


#: Of `Odds`: what can happen at a call.
AT_CALLS = (
    "crashed_before",
    "crashed_after",
    "throttled",
    "unanswered",
    "repeated",
    "conflicted",
    "also_conflicted",
    "partial",
    "unforgotten",
    "short",
    "refused",
    "conflict",
    "interleaved",
    "slow",
    "posthumous",
    "stale",
    "unseen",
)

_EFFECTS = ("send", "run", "start", "succeed", "fail", "ring", "stop", "create", "register", "put")

#: Faults that can happen to these operations alone; the others can happen to every one.
ONLY_AT = {
    "repeated": ("write", *_EFFECTS),
    "posthumous": ("write", "transact", *_EFFECTS),
    "conflicted": ("transact",),
    "also_conflicted": ("transact",),
    "partial": ("take",),
    "unforgotten": ("acknowledge",),
    "short": ("run",),
    "refused": ("run",),
    "conflict": ("run",),
    "stale": ("query",),
    "unseen": ("find", "describe", "listing"),
}

#: Nothing is lost or refused: order, time and repetition alone. The stream must move everything.
CALM = Odds(
    interleaved=0.06,
    slow=0.03,
    slowest=1_000,
    late=0.3,
    again=0.1,
    replaced=0.05,
    latest=3_000,
)

#: The stream says little: `reconcile` alone pays what is owed.
DEAF = Odds(
    interleaved=0.01,
    record_lost=0.7,
    event_lost=0.3,
    late=0.1,
    execution_lost=0.1,
    replaced=0.02,
    stray=0.04,
    skew=30_000,
)

#: Everything at once.
STORM = Odds(
    crashed_before=0.01,
    crashed_after=0.01,
    throttled=0.015,
    unanswered=0.01,
    repeated=0.01,
    conflicted=0.02,
    also_conflicted=0.1,
    partial=0.05,
    unforgotten=0.03,
    short=0.1,
    refused=0.01,
    conflict=0.03,
    interleaved=0.03,
    slow=0.002,
    stale=0.05,
    unseen=0.1,
    late=0.2,
    again=0.05,
    record_lost=0.01,
    event_lost=0.05,
    event_late=0.02,
    execution_lost=0.02,
    replaced=0.02,
    reclaimed=0.02,
    stray=0.02,
    skew=30_000,
)

#: Everything is slow, and ECS is short: records come minutes late, calls and readings overtake
#: each other, so that two often do the same at once.
LAG = Odds(
    crashed_before=0.005,
    crashed_after=0.005,
    throttled=0.01,
    unanswered=0.01,
    short=0.4,
    conflict=0.03,
    interleaved=0.1,
    slow=0.05,
    stale=0.2,
    unseen=0.1,
    late=0.3,
    again=0.15,
    record_lost=0.02,
    event_lost=0.05,
    event_late=0.02,
    replaced=0.05,
    latest=4 * MINUTE,
    slowest=25_000,
    skew=10_000,
)

#: Nothing is lost and little comes late, but everybody is slow: a job's whole life passes between
#: one call of a function and the next.
DUEL = Odds(
    crashed_after=0.003,
    conflicted=0.01,
    interleaved=0.1,
    slow=0.06,
    late=0.05,
    again=0.2,
    record_lost=0.01,
    replaced=0.02,
    stray=0.03,
    slowest=20_000,
    skew=10_000,
)

#: The stream says little, ECS is short, and several `reconcile` at once.
RIVALS = Odds(
    throttled=0.02,
    short=0.4,
    conflict=0.03,
    interleaved=0.1,
    slow=0.04,
    posthumous=0.02,
    stale=0.1,
    unseen=0.05,
    late=0.1,
    again=0.2,
    record_lost=0.4,
    event_lost=0.1,
    execution_lost=0.05,
    replaced=0.02,
    slowest=20_000,
    skew=10_000,
)
