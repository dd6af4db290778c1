"""The HTTP API: every AWS Batch operation as a route that IAM guards."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.config import DeploymentConfig
from stacks.constructs.log_groups import retention

#: AWS Batch's REST paths: `/v1/submitjob`, `/v1/tags/{resourceArn}` (the ARN holds slashes).
ROUTES = (
    "POST /v1/{operation}",
    "GET /v1/tags/{proxy+}",
    "POST /v1/tags/{proxy+}",
    "DELETE /v1/tags/{proxy+}",
)
_LOG_FIELDS = {
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "caller": "$context.identity.caller",
    "ip": "$context.identity.sourceIp",
    "route": "$context.routeKey",
    "path": "$context.path",
    "status": "$context.status",
    "latency": "$context.responseLatency",
    "error": "$context.error.message",
    "integrationError": "$context.integrationErrorMessage",
}


class BatchApi(Construct):
    """One integration, four routes, the `$default` stage: paths are AWS Batch's own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        config: DeploymentConfig,
        *,
        function: lambda_.Function,
    ) -> None:
        super().__init__(scope, construct_id)
        self.api = apigateway.CfnApi(
            self,
            "Api",
            name=f"{config.deployment}-batch",
            protocol_type="HTTP",
            description="AWS Batch's operations, signed for execute-api",
        )
        self._add_routes(function)
        self._add_stage(config)
        self._allow(function)
        self.endpoint = self.api.attr_api_endpoint

    def _add_routes(self, function: lambda_.Function) -> None:
        integration = apigateway.CfnIntegration(
            self,
            "Integration",
            api_id=self.api.ref,
            integration_type="AWS_PROXY",
            integration_uri=function.function_arn,
            payload_format_version="2.0",
            timeout_in_millis=29_000,
        )
        for number, key in enumerate(ROUTES):
            apigateway.CfnRoute(
                self,
                f"Route{number}",
                api_id=self.api.ref,
                route_key=key,
                authorization_type="AWS_IAM",
                target=f"integrations/{integration.ref}",
            )

    def _add_stage(self, config: DeploymentConfig) -> None:
        group = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/aws/vendedlogs/apis/{config.deployment}-batch",
            retention=retention(config.log_retention_days),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.ref,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=group.log_group_arn, format=json.dumps(_LOG_FIELDS)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=config.api_rate,
                throttling_burst_limit=config.api_burst,
                detailed_metrics_enabled=True,
            ),
        )

    def _allow(self, function: lambda_.Function) -> None:
        stack = cdk.Stack.of(self)
        lambda_.CfnPermission(
            self,
            "Invoke",
            action="lambda:InvokeFunction",
            function_name=function.function_arn,
            principal="apigateway.amazonaws.com",
            source_arn=stack.format_arn(
                service="execute-api", resource=self.api.ref, resource_name="*/*"
            ),
        )
