"""What a container finds in its environment besides its own variables."""

from __future__ import annotations

import json
from dataclasses import replace

from local import awsclient
from local.agent.orders import Container, Order
from local.agent.runtime import CannotStart


class Environments:
    """Completes environments for containers that shall reach the local cloud.

    `batch_endpoint` is where AWS Batch is (the local cloud's own Batch is not Batchyard). The keys
    are those that ECS sent with the order, where IAM is enforced; else the local ones.
    """

    def __init__(self, endpoint: str, region: str, batch_endpoint: str) -> None:
        self._endpoint = endpoint
        self._region = region
        self._batch = batch_endpoint

    def complete(self, order: Order, metadata: str) -> Container:
        """The order's container with all it is given. Raises CannotStart."""
        given = awsclient.variables(self._endpoint, self._region)
        given["AWS_EXECUTION_ENV"] = "AWS_ECS_FARGATE"
        given["ECS_CONTAINER_METADATA_URI_V4"] = metadata
        if self._batch:
            given["AWS_ENDPOINT_URL_BATCH"] = self._batch
        given |= order.credentials
        own = dict(order.container.environment) | self._secrets(order.container)
        return replace(order.container, environment=given | own)

    def _secrets(self, container: Container) -> dict[str, str]:
        try:
            return {name: self._secret(source) for name, source in container.secrets.items()}
        except Exception as error:
            raise CannotStart(
                f"ResourceInitializationError: unable to pull secrets or registry auth: {error}"
            ) from None

    def _secret(self, source: str) -> str:
        """`arn:…:secretsmanager:…:secret:name[:key[:stage[:version]]]`, or a parameter's name or ARN."""
        if ":secretsmanager:" not in source:
            name = source.split(":parameter", 1)[-1]
            ssm = awsclient.client("ssm", self._endpoint, self._region)
            found = ssm.get_parameter(Name=name, WithDecryption=True)
            return str(found["Parameter"]["Value"])
        parts = source.split(":")
        key, stage, version = [*parts[7:], "", "", ""][:3]
        wanted = {"SecretId": ":".join(parts[:7]), "VersionStage": stage, "VersionId": version}
        store = awsclient.client("secretsmanager", self._endpoint, self._region)
        text = store.get_secret_value(**{k: v for k, v in wanted.items() if v})["SecretString"]
        return str(json.loads(text)[key]) if key else str(text)
