"""A deployed platform, as its SSM parameters tell of it, and clients that reach it.

API Gateway checks IAM under the signing name `execute-api`; a small file on botocore's data path
renames the one that the `batch` client signs with. The same file serves users of boto3 and of the
AWS CLI (README, "Submit, in three ways").
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import botocore.session
from botocore.config import Config

from lambdas.settings import Settings
from local.errors import PlatformError

EXTRAS = Path("batch/2016-08-10/service-2.sdk-extras.json")
SIGNING = '{"version": 1.0, "merge": {"metadata": {"signingName": "execute-api"}}}\n'
JOB_LOG_GROUP = str(Settings.__dataclass_fields__["job_log_group"].default)

_CONFIG = Config(retries={"mode": "standard", "max_attempts": 8}, connect_timeout=10)


class Platform(Protocol):
    """What the cases need of a platform: the deployed one is such, and the local one."""

    @property
    def deployment(self) -> str: ...
    @property
    def parameters(self) -> Mapping[str, str]: ...
    @property
    def log_group(self) -> str: ...
    def client(self, service: str) -> Any: ...
    def environment(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A deployment in the account of the current credentials."""

    deployment: str
    region: str
    models: Path  #: the data path with the signing name
    parameters: Mapping[str, str]
    log_group: str = JOB_LOG_GROUP
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def client(self, service: str) -> Any:
        """A boto3 client; `batch` is Batchyard's."""
        if service != "batch":
            return client(service, self.region)
        session = botocore.session.Session()
        session.set_config_variable("data_path", str(self.models))
        endpoint = self.parameters["api-endpoint"]
        return session.create_client(
            "batch", region_name=self.region, endpoint_url=endpoint, config=_CONFIG
        )

    def environment(self) -> dict[str, str]:
        """Variables with which the AWS CLI reaches it, the caller's own credentials among them."""
        told = {"AWS_DATA_PATH": str(self.models), "AWS_DEFAULT_REGION": self.region}
        endpoint = {"AWS_ENDPOINT_URL_BATCH": self.parameters["api-endpoint"]}
        return {**self.environ, **told, **endpoint}


def find(deployment: str, region: str, models: Path) -> Deployed:
    """The deployment of this name, in the account of the current credentials.

    Raises PlatformError when its control plane is not there.
    """
    (models / EXTRAS).parent.mkdir(parents=True, exist_ok=True)
    (models / EXTRAS).write_text(SIGNING)
    path = f"/batchyard/{deployment}/"
    pages = client("ssm", region).get_paginator("get_parameters_by_path").paginate(Path=path)
    told = {p["Name"].removeprefix(path): p["Value"] for page in pages for p in page["Parameters"]}
    if "api-endpoint" not in told:
        raise PlatformError(f"{path}api-endpoint is not in SSM: {deployment} is not deployed.")
    return Deployed(deployment=deployment, region=region, models=models, parameters=told)


def client(service: str, region: str) -> Any:
    """A plain client with the current credentials."""
    return botocore.session.Session().create_client(service, region_name=region, config=_CONFIG)
