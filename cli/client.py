"""A client of a platform's AWS Batch API that knows Batchyard's own calls too."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import boto3
import botocore.session

from lambdas.core.own_calls import extras

_EXTRAS = Path("batch/2016-08-10/service-2.sdk-extras.json")


def batch_client(endpoint: str | None) -> Any:
    """boto3's `batch` client, with `explain` and the like as methods, signing for API Gateway.

    `endpoint` None: what the environment says (AWS_ENDPOINT_URL_BATCH).
    """
    session = botocore.session.Session()
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / _EXTRAS
        told.parent.mkdir(parents=True)
        told.write_text(json.dumps(extras()))
        session.get_component("data_loader").search_paths.append(folder)
        return boto3.Session(botocore_session=session).client("batch", endpoint_url=endpoint)
