"""How stacks of one deployment hand names over: by SSM parameters.

A parameter holds no lock on its producer, as an export would: any stack can be updated, replaced
or refactored alone, and a consumer picks the new value up at its next deploy.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from stacks.config import DeploymentConfig


def parameter_name(config: DeploymentConfig, name: str) -> str:
    return f"/batchyard/{config.deployment}/{name}"


def give(scope: Construct, config: DeploymentConfig, **values: str) -> None:
    """Publish values of this stack: `jobs_table=…` becomes `/batchyard/<deployment>/jobs-table`."""
    for name, value in values.items():
        kebab = name.replace("_", "-")
        construct_id = "Give" + "".join(part.capitalize() for part in name.split("_"))
        ssm.StringParameter(
            scope,
            construct_id,
            parameter_name=parameter_name(config, kebab),
            string_value=value,
        )


def take(scope: Construct, config: DeploymentConfig, name: str) -> str:
    """A value published by another stack, as a token resolved when this stack is deployed."""
    value: str = ssm.StringParameter.value_for_string_parameter(
        cdk.Stack.of(scope), parameter_name(config, name.replace("_", "-"))
    )
    return value
