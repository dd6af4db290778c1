"""`declare`: a custom resource of CloudFormation; every request is answered, whatever happens."""

from __future__ import annotations

from typing import Any

from lambdas.bootstrap import answers, declare
from lambdas.handlers.counted import counted
from lambdas.services.declare import answer_of, failed


@counted
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """A stack waits for the answer, so one is sent even if the service cannot be built."""
    try:
        outcome = declare().apply(event)
    except Exception as error:
        outcome = failed(event, error)
    answer = answer_of(event, outcome)
    if url := event.get("ResponseURL"):
        answers().put(url, answer)
    return answer
