"""The `wait` state machine: sleeps until dependencies ended, or a backoff is over. No function.

Each of its three writes is one of `lambdas.core.transitions` (sleep, release, dependency_failed)
over the input that `transitions.wait_input` makes; tests/infrastructure holds both together.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from lambdas.core.job import Status, Waiting
from lambdas.core.outbox import DEPENDENCY_FAILED, DEPENDENT_JOB_FAILED, WITHDRAWN
from lambdas.core.updates import OWED_WITHIN
from stacks.config import DeploymentConfig
from stacks.constructs.grants import Grant, role
from stacks.constructs.log_groups import retention
from stacks.nag import acknowledge

_INPUT = "$states.context.Execution.Input"
_OVERDUE = f"$string($millis() + {OWED_WITHIN})"
#: DynamoDB's passing troubles, in Step Functions' spelling.
_PASSING = [
    f"DynamoDb.{name}"
    for name in (
        "InternalServerErrorException",
        "InternalServerError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceededException",
        "SdkClientException",
        "ThrottlingException",
        "TransactionConflictException",
    )
]
_REFUSED = "DynamoDb.ConditionalCheckFailedException"


class WaitMachine(Construct):
    """A Standard machine: an execution may sleep for a year and costs nothing while it does."""

    def __init__(
        self, scope: Construct, construct_id: str, config: DeploymentConfig, *, jobs_table: str
    ) -> None:
        super().__init__(scope, construct_id)
        stack = cdk.Stack.of(self)
        group = logs.LogGroup(
            self,
            "Log",
            log_group_name=f"/aws/vendedlogs/states/{config.deployment}-wait",
            retention=retention(config.log_retention_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        executor = role(
            self,
            "Role",
            "states.amazonaws.com",
            "The wait machine: writes the state of waiting jobs",
            _grants(stack, jobs_table),
        )
        self.machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=f"{config.deployment}-wait",
            state_machine_type="STANDARD",
            role_arn=executor.role_arn,
            definition=definition(jobs_table, stack.partition),
            logging_configuration=sfn.CfnStateMachine.LoggingConfigurationProperty(
                level="ALL",
                # Inputs hold task tokens, which wake executions: they stay out of the log.
                include_execution_data=False,
                destinations=[
                    sfn.CfnStateMachine.LogDestinationProperty(
                        cloud_watch_logs_log_group=sfn.CfnStateMachine.CloudWatchLogsLogGroupProperty(
                            log_group_arn=group.log_group_arn
                        )
                    )
                ],
            ),
        )
        self.arn = self.machine.ref
        acknowledge(
            self.machine,
            "AwsSolutions-SF2",
            "The machine calls DynamoDB only and logs every step; traces would cost and add nothing.",
        )


def definition(jobs_table: str, partition: str) -> dict[str, Any]:
    """The machine in Amazon States Language, JSONata throughout."""
    update = f"arn:{partition}:states:::aws-sdk:dynamodb:updateItem"
    return {
        "Comment": "Waits for dependencies or a backoff, then makes the job RUNNABLE",
        "QueryLanguage": "JSONata",
        "StartAt": "Why?",
        "States": {
            "Why?": {
                "Type": "Choice",
                "Choices": [
                    {
                        "Condition": f"{{% {_INPUT}.why = '{Waiting.BACKOFF.value}' %}}",
                        "Next": "Backoff",
                    }
                ],
                "Default": "AwaitDependencies",
            },
            "AwaitDependencies": {
                **_write(f"{update}.waitForTaskToken", jobs_table, _SLEEP),
                "Next": "Release",
                "Catch": [
                    {"ErrorEquals": [DEPENDENCY_FAILED], "Next": "Fail"},
                    {"ErrorEquals": [WITHDRAWN, _REFUSED], "Next": "Done"},
                ],
            },
            "Backoff": {
                "Type": "Wait",
                "Timestamp": f"{{% $fromMillis({_INPUT}.until) %}}",
                "Next": "Release",
            },
            "Release": {**_write(update, jobs_table, _RELEASE), "Next": "Done", **_let_go()},
            "Fail": {**_write(update, jobs_table, _FAIL), "Next": "Done", **_let_go()},
            "Done": {"Type": "Succeed"},
        },
    }


def _let_go() -> dict[str, Any]:
    """A refused write means that someone else was faster: nothing is left to do."""
    return {"Catch": [{"ErrorEquals": [_REFUSED], "Next": "Done"}]}


def _write(resource: str, table: str, update: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": resource,
        "Arguments": {
            "TableName": table,
            "Key": {"pk": {"S": _text("pk")}, "sk": {"S": "STATE"}},
            **update,
        },
        "Retry": [
            {
                "ErrorEquals": _PASSING,
                "IntervalSeconds": 1,
                "BackoffRate": 2,
                "MaxAttempts": 10,
                "MaxDelaySeconds": 60,
                "JitterStrategy": "FULL",
            }
        ],
    }


def _text(name: str) -> str:
    return f"{{% {_INPUT}.{name} %}}"


def _number(expression: str) -> dict[str, str]:
    return {"N": f"{{% {expression} %}}"}


def _status(status: Status) -> dict[str, str]:
    return {"S": status.value}


_THIS_WAIT = _number(f"$string({_INPUT}.wait)")

_SLEEP: Mapping[str, Any] = {
    "UpdateExpression": "SET #token = :token",
    "ConditionExpression": "#wait = :wait AND #status = :pending",
    "ExpressionAttributeNames": {"#token": "token", "#wait": "wait", "#status": "status"},
    "ExpressionAttributeValues": {
        ":token": {"S": "{% $states.context.Task.Token %}"},
        ":wait": _THIS_WAIT,
        ":pending": _status(Status.PENDING),
    },
}
_RELEASE: Mapping[str, Any] = {
    "UpdateExpression": (
        "SET #status = :runnable, #due_shard = :due_shard, #due_at = :due_at "
        "ADD #ticket :one REMOVE #waiting, #token, #until"
    ),
    "ConditionExpression": (
        "#wait = :wait AND attribute_exists(#waiting) AND #status IN (:pending, :runnable)"
    ),
    "ExpressionAttributeNames": {
        f"#{name}": name
        for name in (
            "status",
            "due_shard",
            "due_at",
            "ticket",
            "waiting",
            "token",
            "until",
            "wait",
        )
    },
    "ExpressionAttributeValues": {
        ":runnable": _status(Status.RUNNABLE),
        ":pending": _status(Status.PENDING),
        ":due_shard": {"S": _text("due_shard")},
        ":due_at": _number(_OVERDUE),
        ":one": {"N": "1"},
        ":wait": _THIS_WAIT,
    },
}
_FAIL: Mapping[str, Any] = {
    "UpdateExpression": (
        "SET #status = :failed, #status_reason = :reason, #stopped = :now, #expires = :expires, "
        "#list_key = :list_key, #due_shard = :due_shard, #due_at = :due_at "
        "REMOVE #waiting, #token, #until"
    ),
    "ConditionExpression": "#wait = :wait AND #status = :pending",
    "ExpressionAttributeNames": {
        f"#{name}": name
        for name in (
            "status",
            "status_reason",
            "stopped",
            "expires",
            "list_key",
            "due_shard",
            "due_at",
            "waiting",
            "token",
            "until",
            "wait",
        )
    },
    "ExpressionAttributeValues": {
        ":failed": _status(Status.FAILED),
        ":pending": _status(Status.PENDING),
        ":reason": {"S": DEPENDENT_JOB_FAILED},
        ":now": _number("$string($millis())"),
        ":expires": _number(f"$string($floor($millis() / 1000) + {_INPUT}.retention_seconds)"),
        ":list_key": {"S": _text("failed_list_key")},
        ":due_shard": {"S": _text("due_shard")},
        ":due_at": _number(_OVERDUE),
        ":wait": _THIS_WAIT,
    },
}


def _grants(stack: cdk.Stack, jobs_table: str) -> list[Grant]:
    table = stack.format_arn(service="dynamodb", resource="table", resource_name=jobs_table)
    return [
        Grant(
            "WriteWaitingJobs",
            "Its three states are conditional updates of a job's STATE item.",
            ("dynamodb:UpdateItem",),
            [table],
        ),
        Grant(
            "DeliverLogs",
            "CloudWatch Logs' delivery calls know no resource.",
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            ["*"],
        ),
    ]
