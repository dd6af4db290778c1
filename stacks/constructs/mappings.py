"""What wakes a function: event source mappings of the stream and the queues."""

from __future__ import annotations

import json
from typing import Any

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from lambdas.core.job import Status

#: Items whose changes owe something; requests and attempts never change what is owed.
_RELAYED = ["STATE", *({"prefix": prefix} for prefix in ("EDGE#", "EACH#", "PAGE#"))]
RELAYED = {"dynamodb": {"Keys": {"sk": {"S": _RELAYED}}}}
#: Claims: a job that is STARTING.
CLAIMED = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"status": {"S": [Status.STARTING.value]}}},
}
#: Seconds in which `relay` and `track` gather what comes: fewer and fuller invocations, larger
#: transactions. `launch`, `schedule` and the api wait for nothing.
WINDOW = 1
#: Task events of one batch; more than 10 of a queue need a window.
TRACKED = 50
_PARTIAL = ["ReportBatchItemFailures"]


class Mappings(Construct):
    """Two readers of the jobs stream, never a third, and one reader a queue."""

    def __init__(self, scope: Construct, construct_id: str, *, failures: sqs.Queue) -> None:
        super().__init__(scope, construct_id)
        self._failures = failures

    def stream(
        self,
        name: str,
        stream_arn: str,
        function: lambda_.Function,
        pattern: dict[str, Any],
        window: int = 0,
    ) -> None:
        """From the oldest record on. A poison record is split off, tried, and put aside."""
        lambda_.CfnEventSourceMapping(
            self,
            name,
            event_source_arn=stream_arn,
            function_name=function.function_name,
            starting_position="TRIM_HORIZON",
            batch_size=100,
            maximum_batching_window_in_seconds=window or None,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=10,
            maximum_record_age_in_seconds=6 * 3600,
            function_response_types=_PARTIAL,
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[lambda_.CfnEventSourceMapping.FilterProperty(pattern=json.dumps(pattern))]
            ),
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=self._failures.queue_arn
                )
            ),
        )

    def queue(
        self, name: str, queue: sqs.Queue, function: lambda_.Function, batch: int, window: int = 0
    ) -> None:
        lambda_.CfnEventSourceMapping(
            self,
            name,
            event_source_arn=queue.queue_arn,
            function_name=function.function_name,
            batch_size=batch,
            maximum_batching_window_in_seconds=window or None,
            function_response_types=_PARTIAL,
        )
