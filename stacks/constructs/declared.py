"""Resources declared in code: an entry of the catalog that CloudFormation creates and deletes.

The `declare` function applies it through the services behind the API. `Detail` is the request of
the AWS Batch call that would make the same resource, as JSON; an update is in place, a delete
detaches, and code wins over edits made by API at the next deploy that changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.handover import take

#: Seconds that CloudFormation waits for `declare`; its own default is an hour.
PATIENCE = 120


class Declared(Construct):
    """One catalog entry; the constructs that users write derive from it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        kind: str,
        name: str,
        detail: Mapping[str, Any],
        inbox: str | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        properties: dict[str, Any] = {
            "Kind": kind,
            "Name": name,
            "Detail": cdk.Stack.of(self).to_json_string(_whole(detail)),
        }
        if inbox is not None:
            properties["Inbox"] = inbox
        self.resource = cdk.CustomResource(
            self,
            "Entry",
            resource_type=f"Custom::Batchyard{kind}",
            service_token=take(self, config, "declare_function"),
            service_timeout=cdk.Duration.seconds(PATIENCE),
            properties=properties,
        )

    def needs(self, *others: Declared) -> None:
        """Apply this entry after `others`, and remove it before them."""
        for other in others:
            self.resource.node.add_dependency(other.resource)


def _whole(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The request without what was left out."""
    return {name: value for name, value in detail.items() if value is not None}
