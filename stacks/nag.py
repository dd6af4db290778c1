"""What cdk-nag is told: each rule that does not apply here, and why."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct


def attach(app: cdk.App) -> None:
    """Check every stack of the app against AwsSolutions; a finding stops synthesis."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(scope: IConstruct, rule: str, reason: str, *, resource: str | None = None) -> None:
    """Accept a finding below `scope`; `resource` names the one wildcard that is meant."""
    name = rule if resource is None else f"{rule}[Resource::{_told(scope, resource)}]"
    cdk.Validations.of(scope).acknowledge(cdk.Acknowledgment(id=name, reason=reason))


def _told(scope: IConstruct, value: str) -> str:
    """A value as cdk-nag spells it: `arn:<AWS::Partition>:sqs:…`, attributes as `<Id.Arn>`."""
    return _flat(cdk.Stack.of(scope).resolve(value))


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"<{value['Ref']}>"
    if "Fn::GetAtt" in value:
        name, attribute = value["Fn::GetAtt"]
        return f"<{name}.{attribute}>"
    separator, parts = value["Fn::Join"]
    return str(separator).join(_flat(part) for part in parts)
