"""boto3 clients, made when first needed and kept for the life of the process."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config

#: Seconds to wait for an answer. RunTask and CreateFleet may be slow, and must leave their
#: function time to write down what happened; a table that does not answer at once is retried.
_READ_TIMEOUTS = {"dynamodb": 5, "ecs": 10, "ec2": 20}


@cache
def client(service: str) -> Any:
    """The client of an AWS service, with few retries and short time-outs."""
    return boto3.client(service, config=config(service))  # type: ignore[call-overload]


def config(service: str) -> Config:
    """Connections are reused; what fails three times is left to the debts that are written down."""
    return Config(
        connect_timeout=2,
        read_timeout=_READ_TIMEOUTS.get(service, 10),
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
        max_pool_connections=25,
    )
