"""The end of a job's record: when its STATE expires, everything else about it goes as well."""

from __future__ import annotations

from lambdas.core.arrays import count_keys
from lambdas.core.job import partition
from lambdas.core.ports import Table
from lambdas.core.tables import Delete, Key, Query


def forget(jobs: Table, job: str, size: int = 0) -> int:
    """Delete what is left of a job whose STATE item is gone (SPEC, attempts, pages, tags, and the
    counters of an array of `size`); how many. An array's children expire by themselves.

    A request that lay with the blobs is left to the bucket's lifecycle.
    """
    gone, after = 0, None
    while True:
        page = jobs.query(Query(partition(job), after=after))
        for item in page.items:
            if item["sk"] == "STATE":
                return gone  # the same client token made it anew
            jobs.write(Delete(Key(item["pk"], item["sk"])))
            gone += 1
        after = page.after
        if after is None:
            return gone + _forget_counters(jobs, job, size)


def _forget_counters(jobs: Table, array: str, size: int) -> int:
    keys = count_keys(array, size) if size else ()
    for key in keys:
        jobs.write(Delete(key))
    return len(keys)
