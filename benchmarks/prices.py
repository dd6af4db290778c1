"""AWS list prices that the figures rest on (us-east-1, USD, read 2026-11). Check before quoting."""

from __future__ import annotations

from collections.abc import Mapping

#: DynamoDB on demand, a unit.
WRITE_UNIT = 0.625e-6
READ_UNIT = 0.125e-6

#: A call, by service and operation; what is not listed costs nothing by itself.
CALLS: Mapping[tuple[str, str], float] = {
    ("sqs", "SendMessage"): 0.50e-6,  # FIFO: the bell
    ("sqs", "SendMessageBatch"): 0.40e-6,
    ("sqs", "ReceiveMessage"): 0.40e-6,
    ("sqs", "DeleteMessageBatch"): 0.40e-6,
    ("s3", "PutObject"): 5e-6,
    ("s3", "GetObject"): 0.4e-6,
    ("apigateway", "Request"): 1.00e-6,
    ("lambda", "Invoke"): 0.20e-6,
}

#: Standard workflows, a state transition.
TRANSITION = 25e-6

#: Lambda on arm64, a GB-second; what our functions are given.
GB_SECOND = 0.0000133334
FUNCTION_GB = 0.5

#: CloudWatch Logs, a GB taken in.
LOG_GB = 0.50
