"""Bounds that production sets so high that a small day never meets them: a trial draws its own.

They say how much is done in one go; the services must come to the same end whatever they are.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

from lambdas.core import capacity, dependencies
from lambdas.services import (
    arrays,
    catalog_store,
    children,
    claims,
    dependents,
    listing,
    queue_removal,
    reconcile,
    schedule,
    specs,
    track,
)

MINUTE = 60_000

#: Which names in which modules, and what each may be beside what it is. Names in one row move
#: together: those of one bound, and those that must keep their order.
_BOUNDS: tuple[tuple[tuple[tuple[ModuleType, str], ...], tuple[tuple[int, ...], ...]], ...] = (
    (
        ((dependencies, "PAGE_SIZE"),),
        ((1,), (2,)),
    ),
    (((dependents, "FAN_OUT"),), ((1,), (2,))),
    (((schedule, "TICKETS"),), ((1,), (3,))),
    (((schedule, "HEADS"),), ((1,), (2,))),
    (((claims, "BATCH"),), ((1,), (3,))),
    (((arrays, "SWEEP"), (arrays, "_PAGE")), ((1, 1), (2, 3))),
    (((track, "TOGETHER"),), ((2,), (3,))),
    (((reconcile, "_PAGE"),), ((1,), (3,))),
    (((specs, "SPEC_LIMIT"),), ((1,), (2_000,))),
    (((listing, "_CHUNK"), (children, "_CHUNK")), ((1, 1), (2, 3))),
    (((queue_removal, "PAGE"), (catalog_store, "_REVISIONS_A_PAGE")), ((1, 1), (2, 2))),
    (
        ((capacity, "LANE_REFRESH"), (capacity, "LANE_FORGOTTEN")),
        ((MINUTE // 2, 4 * MINUTE), (MINUTE, 5 * MINUTE)),
    ),
)


@contextmanager
def drawn(seed: int) -> Iterator[None]:
    """While it lasts every bound is what this seed says: in half of the cases what it always is."""
    draw = random.Random(f"{seed} sizes")
    before = [
        (module, name, getattr(module, name)) for names, _ in _BOUNDS for module, name in names
    ]
    for names, values in _BOUNDS:
        row, small = draw.choice(values), draw.random() < 0.5
        for (module, name), value in zip(names, row, strict=True):
            if small:
                setattr(module, name, value)
    try:
        yield
    finally:
        for module, name, value in before:
            setattr(module, name, value)
