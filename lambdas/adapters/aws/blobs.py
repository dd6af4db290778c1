"""Large content in an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.aws.failures import code_of, throttling
from lambdas.adapters.meter import Meter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3Blobs:
    """One bucket; the same key is always the same content, so a repeat is harmless."""

    def __init__(self, client: S3Client, bucket: str, meter: Meter | None = None) -> None:
        self._client = client
        self._bucket = bucket
        self._meter = meter

    def put(self, key: str, body: bytes) -> None:
        self._count("PutObject")
        with throttling():
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str) -> bytes:
        self._count("GetObject")
        try:
            with throttling():
                return self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if code_of(error) == "NoSuchKey":
                raise KeyError(key) from None
            raise

    def _count(self, operation: str) -> None:
        if self._meter:
            self._meter.count("s3", operation)
