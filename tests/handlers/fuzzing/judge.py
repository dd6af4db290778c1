"""What holds for every answer: AWS Batch's shape, and for a refusal one plain sentence."""

from __future__ import annotations

import json
import warnings
from functools import cache
from typing import Any

from botocore.awsrequest import HeadersDict
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import create_parser

from lambdas.adapters.aws.batch_model import batch_model
from tests.handlers.fuzzing.deployment import Deployment

#: Statuses that are never ours to give, whatever is sent. (429 needs another writer.)
ALLOWED = (200, 400, 403, 404, 413)
LONGEST_MESSAGE = 1200

#: Put into every secret place (the values of environment variables): no answer may hold it.
SECRET = "hunter2-0123456789"

#: What a sentence for a user never speaks of, unless the user did.
INTERNALS = (
    *(
        "Traceback",
        'File "',
        "lambdas.",
        "botocore",
        "hypothesis",
        "NoneType",
        "<class",
        "object at",
    ),
    *("Error:", "Error(", "KeyError", "ValueError", "TypeError", "sys.", "dict", "codec", "None"),
)


def judged(deployment: Deployment, made: dict[str, Any], operation: str | None) -> Any:
    """Send an event; the reply, once everything that is promised of any reply was checked."""
    before = deployment.snapshot()
    asked = json.dumps(made, ensure_ascii=False)
    answer = deployment.client.answer(made)
    status, text = answer["statusCode"], answer["body"]
    assert status in ALLOWED, (status, text, deployment.failures())
    body = json.loads(text, parse_constant=_none)
    parsed = parsed_by_botocore(operation or "SubmitJob", answer)
    if status == 200:
        assert operation is not None, "an answer to no operation"
        assert parsed == body, "botocore loses a part of the answer"
        assert batch_model().validate_response(operation, body) == []
    else:
        assert parsed == {"Code": body["__type"], "Message": body["message"]}
        assert_is_a_sentence(body["message"], asked)
        assert SECRET not in text
        assert deployment.snapshot() == before, "a refused request left something behind"
    assert SECRET not in deployment.told()
    return deployment.client.reply(answer)


def parsed_by_botocore(operation: str, answer: dict[str, Any]) -> dict[str, Any]:
    """What boto3 gives its caller; of an error, the code and message of its ClientError."""
    headers = {n: v[0] if isinstance(v, list) else v for n, v in answer["headers"].items()}
    response = {
        "status_code": answer["statusCode"],
        "headers": HeadersDict(headers),
        "body": answer["body"].encode(),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parsed = create_parser("rest-json").parse(response, _model(operation).output_shape)
    if answer["statusCode"] >= 300:
        return dict(parsed["Error"])
    del parsed["ResponseMetadata"]
    return dict(parsed)


def assert_is_a_sentence(message: Any, asked: str = "") -> None:
    """One line that a person can read, bounded, with nothing of our own insides."""
    assert isinstance(message, str)
    assert 10 <= len(message) <= LONGEST_MESSAGE, message
    assert message.isprintable(), message
    assert message[-1] in ".?", message
    assert message.strip() == message
    for word in INTERNALS:
        assert word not in message or word in asked, (word, message)


@cache
def _model(operation: str) -> OperationModel:
    return ServiceModel(batch_model()._model).operation_model(operation)


def _none(name: str) -> None:
    raise AssertionError(f"{name} in an answer is not JSON")
