"""boto3 clients of the local cloud, deaf to the user's own AWS configuration.

A profile, a region, an endpoint or a proxy meant for real AWS must neither break the local
platform nor ever be used by it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.config import Config

REGION = "us-east-1"
ACCOUNT = "000000000000"
ACCESS_KEY = "test"
SECRET_KEY = "test"

_NO_PROFILE: dict[str, tuple[Any, ...]] = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
    "ignore_configured_endpoint_urls": (None, None, True, None),
}


def client(service: str, endpoint: str, region: str = REGION) -> Any:
    """A client of `service` at `endpoint`, signed with the local credentials."""
    session = botocore.session.Session(session_vars=_NO_PROFILE)
    config = Config(
        proxies={},
        max_pool_connections=50,
        retries={"mode": "standard", "max_attempts": 4},
        connect_timeout=5,
        read_timeout=70,
        s3={"addressing_style": "path"},
    )
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=endpoint,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=config,
    )


def variables(endpoint: str, region: str = REGION) -> dict[str, str]:
    """The environment with which any AWS SDK or CLI reaches the local cloud."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_DEFAULT_REGION": region,
        "AWS_REGION": region,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def sealed(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` for a process of the platform: no AWS settings, no proxy, no user's Python."""
    dropped = ("AWS_", "CDK_", "PYTHON", "LAMBDA_", "MINISTACK_", "BATCHYARD_")
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(dropped) and not name.lower().endswith("_proxy")
    }
    return {
        **kept,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONUNBUFFERED": "1",
    }
