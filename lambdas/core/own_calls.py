"""Batchyard's own calls, in the language of AWS Batch's service model.

They lie beside AWS Batch's operations and are checked, routed (`POST /v1/<name>`) and signed for
like them. `extras` is what botocore merges into its model so that `boto3.client("batch")` has them
as methods (docs: "Explain" in the README).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_S = {"shape": "String"}
_NOTHING: Mapping[str, Any] = {"type": "structure", "members": {}}


def _request(**members: str) -> Mapping[str, Any]:
    """A structure of these members, all of them required."""
    shapes = {name: {"shape": shape} for name, shape in members.items()}
    return {"type": "structure", "required": list(members), "members": shapes}


SHAPES: Mapping[str, Any] = {
    "ExplainRequest": _request(jobId="String"),
    "ExplainResponse": {
        "type": "structure",
        "members": {
            "jobArn": _S,
            "jobId": _S,
            "jobName": _S,
            "jobQueue": _S,
            "status": {"shape": "JobStatus"},
            "cause": _S,
            "reason": _S,
            "environments": {"shape": "ExplainedEnvironments"},
            "dependencies": {"shape": "ExplainedDependencies"},
            "until": {"shape": "Long"},
            "parkedAt": {"shape": "Long"},
            "jobsAhead": {"shape": "Integer"},
            "jobsAheadExact": {"shape": "Boolean"},
            "failures": {"shape": "ExplainedFailures"},
        },
    },
    "ExplainedFailures": {"type": "list", "member": {"shape": "ExplainedFailure"}},
    "ExplainedFailure": {
        "type": "structure",
        "members": {"attempt": {"shape": "Integer"}, "failureClass": _S, "statusReason": _S},
    },
    "ExplainedEnvironments": {"type": "list", "member": {"shape": "ExplainedEnvironment"}},
    "ExplainedEnvironment": {
        "type": "structure",
        "members": {
            "computeEnvironment": _S,
            "enabled": {"shape": "Boolean"},
            "neededVcpus": {"shape": "Double"},
            "takenVcpus": {"shape": "Double"},
            "maxvCpus": {"shape": "Double"},
            "reason": _S,
        },
    },
    "HoldJobRequest": _request(jobId="String"),
    "HoldJobResponse": _NOTHING,
    "ReleaseJobRequest": _request(jobId="String"),
    "ReleaseJobResponse": _NOTHING,
    "MoveJobRequest": _request(jobId="String", jobQueue="String"),
    "MoveJobResponse": _NOTHING,
    "PrioritizeJobRequest": _request(jobId="String", schedulingPriority="Integer"),
    "PrioritizeJobResponse": _NOTHING,
    "ExplainedDependencies": {"type": "list", "member": {"shape": "ExplainedDependency"}},
    "ExplainedDependency": {
        "type": "structure",
        "members": {"jobId": _S, "status": {"shape": "JobStatus"}},
    },
    "SubmitJobsRequest": {
        "type": "structure",
        "required": ["jobs"],
        "members": {"jobs": {"shape": "SubmitJobsEntries"}},
    },
    "SubmitJobsEntries": {"type": "list", "member": {"shape": "SubmitJobRequest"}},
    "SubmitJobsResponse": {
        "type": "structure",
        "members": {
            "successful": {"shape": "SubmittedJobs"},
            "errors": {"shape": "UnsubmittedJobs"},
        },
    },
    "SubmittedJobs": {"type": "list", "member": {"shape": "SubmittedJob"}},
    "SubmittedJob": {
        "type": "structure",
        "members": {"index": {"shape": "Integer"}, "jobArn": _S, "jobName": _S, "jobId": _S},
    },
    "UnsubmittedJobs": {"type": "list", "member": {"shape": "UnsubmittedJob"}},
    "UnsubmittedJob": {
        "type": "structure",
        "members": {"index": {"shape": "Integer"}, "code": _S, "message": _S},
    },
}


def _operation(name: str) -> Mapping[str, Any]:
    return {
        "name": name,
        "http": {"method": "POST", "requestUri": f"/v1/{name.lower()}"},
        "input": {"shape": f"{name}Request"},
        "output": {"shape": f"{name}Response"},
        "errors": [{"shape": "ClientException"}, {"shape": "ServerException"}],
    }


NAMES = ("Explain", "SubmitJobs", "HoldJob", "ReleaseJob", "MoveJob", "PrioritizeJob")
OPERATIONS: Mapping[str, Any] = {name: _operation(name) for name in NAMES}


def extras() -> dict[str, Any]:
    """The content of botocore's `service-2.sdk-extras.json` for AWS Batch: the signing name that
    API Gateway needs, and our own calls."""
    own = {"operations": dict(OPERATIONS), "shapes": dict(SHAPES)}
    return {"version": 1.0, "merge": {"metadata": {"signingName": "execute-api"}, **own}}
