"""Queues of a platform that speaks plain HTTP: the local one's, with IAM enforced, uses them."""

from __future__ import annotations

import boto3
from moto import mock_aws

from lambdas.adapters.aws.inboxes import SqsInboxes


@mock_aws
def test_a_queue_need_not_refuse_plain_text():
    client = boto3.client("sqs")
    queue = SqsInboxes(client, require_tls=False).create("q")
    held = client.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert "Policy" not in held
    assert held["SqsManagedSseEnabled"] == "true"
