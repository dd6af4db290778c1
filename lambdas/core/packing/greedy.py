"""Pack by shadow prices: again and again the host that gives the most for its price.

What is left is priced anew before each host, so that the types follow what the remaining jobs are
like. Hosts that came out the same are launched together: the cost follows the shapes, not the jobs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from lambdas.core.packing.fill import Manner, Shape, fill
from lambdas.core.packing.model import Hosts, HostType, Need
from lambdas.core.packing.pool import Pool
from lambdas.core.packing.prices import Market, Prices

#: A host that gives so much for its price is taken without a look at others.
GOOD = 0.995
#: Types that give less than this part of the best for their price are not looked at.
WORTH_A_LOOK = 0.74
#: So many types are tried for a host while much is left, and so many for the last ones.
FEW, MANY = 4, 12


def by_prices(jobs: Mapping[Shape, int], types: Sequence[HostType], manner: Manner) -> list[Hosts]:
    """Hosts for all these jobs, each of which fits at least one of the types."""
    market = Market(types)
    pool = Pool(jobs)
    hosts = []
    while pool:
        prices = market.prices(pool.milli_vcpus, pool.memory)
        content = _best(pool, types, prices, manner) or _for_hardest(pool, types, prices, manner)
        hosts.append(_launch(pool, content, types))
    return hosts


def _best(pool: Pool, types: Sequence[HostType], prices: Prices, manner: Manner) -> list[Shape]:
    """What to put on the host that gives the most for its price; [] when none can be filled."""
    best, content = 0.0, []
    for host in _candidates(pool, types, prices):
        taken = fill(pool, (host.milli_vcpus, host.memory), prices, manner)
        pool.put(taken)
        given = sum(prices.worth(*shape) for shape in taken) / host.price
        if given > best:
            best, content = given, taken
        if given > GOOD:
            break
    return content


def _candidates(pool: Pool, types: Sequence[HostType], prices: Prices) -> list[HostType]:
    """Types to try, the most efficient first, the larger before the smaller; none that is much too
    large for all that is left."""
    ranked = sorted(types, key=lambda t: (-round(prices.efficiency(t), 6), -t.milli_vcpus, t.name))
    least = WORTH_A_LOOK * prices.efficiency(ranked[0])
    left = prices.worth(pool.milli_vcpus, pool.memory)
    found: list[HostType] = []
    for host in ranked:
        too_large = found and host.milli_vcpus > 1.2 * pool.milli_vcpus and host.price > 1.6 * left
        if prices.efficiency(host) < least:
            break
        if not too_large:
            found.append(host)
        if len(found) >= (FEW if pool.milli_vcpus > 2 * host.milli_vcpus else MANY):
            break
    return found


def _for_hardest(
    pool: Pool, types: Sequence[HostType], prices: Prices, manner: Manner
) -> list[Shape]:
    """The hardest job left, on the cheapest type that holds it, and what fits beside it."""
    shape = pool.hardest(*prices)
    host = cheapest([shape], types)
    pool.take(shape)
    room = (host.milli_vcpus - shape[0], host.memory - shape[1])
    taken = [shape, *fill(pool, room, prices, manner)]
    pool.put(taken)
    return taken


def _launch(pool: Pool, jobs: Sequence[Shape], types: Sequence[HostType]) -> Hosts:
    """Take these jobs off the pool, and as many times more as leaves half of each for others."""
    content = Counter(jobs)
    copies = min(pool.count(shape) // count for shape, count in content.items())
    copies = copies if copies < 3 else copies // 2
    for shape, count in content.items():
        pool.take(shape, count * copies)
    on_each = {Need(*shape): count for shape, count in content.items()}
    return Hosts(cheapest(jobs, types), on_each, copies)


def cheapest(jobs: Sequence[Shape], types: Sequence[HostType]) -> HostType:
    """The cheapest type that holds all these jobs at once."""
    milli_vcpus = sum(shape[0] for shape in jobs)
    memory = sum(shape[1] for shape in jobs)
    fit = (t for t in types if t.milli_vcpus >= milli_vcpus and t.memory >= memory)
    return min(fit, key=lambda t: (t.price, t.name))
