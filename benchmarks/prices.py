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

#: Fargate, Linux on x86, an hour; disk up to 20 GiB is free. Billed by the second from the image's
#: pull to the task's end, and at least a minute (aws.amazon.com/fargate/pricing).
FARGATE_VCPU_HOUR = 0.04048
FARGATE_GB_HOUR = 0.004445
FARGATE_LEAST_SECONDS = 60

#: Fargate Spot moves with supply and demand: "up to 70 %" below, says the same page.
FARGATE_SPOT_DISCOUNT = 0.70

#: A public IPv4 address, an hour: the default network profile gives every task one.
ADDRESS_HOUR = 0.005
