"""What a function may do: statements that each say why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.nag import acknowledge


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of a role's policy.

    `sid` is unique inside the role; `reason` is kept in the template's metadata and covers the
    wildcards that the statement holds.
    """

    sid: str
    reason: str
    actions: tuple[str, ...]
    resources: Sequence[str]
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def statement(self) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            sid=self.sid,
            actions=sorted(self.actions),
            resources=list(self.resources),
            conditions=dict(self.conditions) or None,
        )


def role(
    scope: Construct,
    construct_id: str,
    trusted: str | iam.IPrincipal,
    description: str,
    grants: Iterable[Grant],
    *,
    path: str | None = None,
    name: str | None = None,
) -> iam.Role:
    """A role that `trusted`, a service or principal, assumes.

    Its policy is inline, so it is whole before it is used.
    """
    kept = list(grants)
    made = iam.Role(
        scope,
        construct_id,
        assumed_by=iam.ServicePrincipal(trusted) if isinstance(trusted, str) else trusted,
        description=description,
        path=path,
        role_name=name,
        inline_policies={"work": iam.PolicyDocument(statements=[g.statement() for g in kept])},
    )
    resource = made.node.default_child
    assert isinstance(resource, iam.CfnRole)
    resource.add_metadata("batchyard:reasons", {grant.sid: grant.reason for grant in kept})
    for grant in kept:
        acknowledge_wildcards(made, grant)
    return made


def acknowledge_wildcards(scope: Construct, grant: Grant) -> None:
    """Every wildcard of a grant is acknowledged by its own name, with the grant's reason."""
    for action in grant.actions:
        if "*" in action:
            acknowledge(scope, f"AwsSolutions-IAM5[Action::{action}]", grant.reason)
    for resource in grant.resources:
        if "*" in resource:
            acknowledge(scope, "AwsSolutions-IAM5", grant.reason, resource=resource)
