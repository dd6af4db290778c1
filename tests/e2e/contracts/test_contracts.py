"""The contract of every port, held by the embedded cloud.

Nothing is written here: the tests are those of tests/contract, collected once more (conftest.py).
Where the cloud is not like AWS, the case is marked `differs` there, and docs/local-differences.md
says what that means.
"""

from tests.contract import (
    test_bells,
    test_blobs,
    test_inboxes,
    test_table,
    test_table_conditions,
    test_table_queries,
    test_table_units,
    test_table_values,
    test_tasks,
    test_waits,
)

__all__ = [
    "test_bells",
    "test_blobs",
    "test_inboxes",
    "test_table",
    "test_table_conditions",
    "test_table_queries",
    "test_table_units",
    "test_table_values",
    "test_tasks",
    "test_waits",
]
