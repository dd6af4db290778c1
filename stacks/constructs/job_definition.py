"""A job definition in code: a new revision whenever its content changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.declared import Declared


class JobDefinition(Declared):
    """A container job definition; `properties` is AWS Batch's containerProperties.

    `options` takes RegisterJobDefinition's other fields by their own names: parameters,
    retryStrategy, timeout, tags, propagateTags.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        name: str,
        properties: Mapping[str, Any],
        options: Mapping[str, Any] | None = None,
        platform: str = "FARGATE",
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            config,
            kind="JobDefinition",
            name=name,
            detail={
                **(options or {}),
                "jobDefinitionName": name,
                "type": "container",
                "platformCapabilities": [platform],
                "containerProperties": dict(properties),
            },
        )
