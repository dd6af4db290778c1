"""Who may do what, as a table that a reviewer reads in the diff: iam.json.

Regenerate it after a wanted change: `python -m tests.infrastructure.test_permissions`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infrastructure.conftest import Templates
from tests.infrastructure.reading import as_list, named, resources, statements

TABLE = Path(__file__).parent / "iam.json"
#: What may be granted on every resource, because AWS authorises it on none.
UNBOUND = {
    "dynamodb:ListStreams",
    "ecr:GetAuthorizationToken",
    "ecs:DeregisterTaskDefinition",
    "ecs:ListTasks",
    "ecs:RegisterTaskDefinition",
    "states:SendTaskFailure",
    "states:SendTaskSuccess",
}


def test_functions_may_do_what_the_table_says(templates: Templates) -> None:
    assert table_of(templates["control-plane"]) == json.loads(TABLE.read_text())


def test_no_statement_names_a_wildcard_action(templates: Templates) -> None:
    for _, statement in _statements(templates):
        assert not [action for action in as_list(statement["Action"]) if "*" in action]


def test_only_what_cannot_be_narrowed_is_granted_on_everything(templates: Templates) -> None:
    for role, statement in _statements(templates):
        if "*" in as_list(statement["Resource"]):
            actions = set(as_list(statement["Action"]))
            assert actions <= UNBOUND or statement["Sid"] == "DeliverLogs", role


def test_every_statement_says_why(templates: Templates) -> None:
    for stack in ("compute", "control-plane"):
        for name, resource in templates[stack]["Resources"].items():
            if resource["Type"] == "AWS::IAM::Role" and "FlowLogWriter" not in name:
                reasons = resource["Metadata"]["batchyard:reasons"]
                assert set(reasons) == {s["Sid"] for s in statements(resource["Properties"])}
                assert all(reason.endswith(".") for reason in reasons.values())


def test_roles_are_passed_to_ecs_tasks_alone(templates: Templates) -> None:
    passed = [s for _, s in _statements(templates) if s["Action"] == "iam:PassRole"]
    assert passed
    for statement in passed:
        condition = statement["Condition"]["StringEquals"]
        assert condition == {"iam:PassedToService": "ecs-tasks.amazonaws.com"}


def test_the_table_lists_no_role_beside_the_path_unless_the_deployer_does(
    templates: Templates, synthesize: Any
) -> None:
    listed = "arn:aws:iam::111122223333:role/science"
    more = synthesize({"batchyard:passRoles": [listed]})
    (before, after) = (
        as_list(table_of(t["control-plane"])["launch"]["PassJobRoles"]["resources"])
        for t in (templates, more)
    )
    assert set(after) - set(before) == {listed}
    assert all("role/batchyard/jobs/*" in resource for resource in before)


def test_everything_jobs_are_given_lies_under_the_path(templates: Templates) -> None:
    roles = resources(templates["compute"], "AWS::IAM::Role")
    given = {r["RoleName"]: r["Path"] for r in roles.values() if "RoleName" in r}
    assert given == {
        "batchyard-execution": "/batchyard/jobs/",
        "batchyard-sample-job": "/batchyard/jobs/",
    }


def test_roles_fit_into_iam(templates: Templates) -> None:
    """Inline policies of one role hold 10,240 characters at most."""
    for role in resources(templates["control-plane"], "AWS::IAM::Role").values():
        text = json.dumps([p["PolicyDocument"] for p in role["Policies"]], separators=(",", ":"))
        assert len(text) < 10_240


def table_of(template: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each function's statements by their ids."""
    roles = resources(template, "AWS::IAM::Role")
    table: dict[str, dict[str, Any]] = {}
    for function in resources(template, "AWS::Lambda::Function").values():
        name = function["FunctionName"].removeprefix("batchyard-")
        role = roles[function["Role"]["Fn::GetAtt"][0]]
        table[name] = {s["Sid"]: _row(template, s) for s in statements(role)}
    return dict(sorted(table.items()))


def _row(template: Mapping[str, Any], statement: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "actions": as_list(statement["Action"]),
        "resources": [named(template, r) for r in as_list(statement["Resource"])],
    }
    if "Condition" in statement:
        row["condition"] = {
            operator: {key: named(template, value) for key, value in tests.items()}
            for operator, tests in statement["Condition"].items()
        }
    return row


def _statements(templates: Templates) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stack in templates.values():
        for name, role in resources(stack, "AWS::IAM::Role").items():
            for statement in statements(role):
                yield name, statement


if __name__ == "__main__":
    import tempfile

    from stacks.synth import make_app

    with tempfile.TemporaryDirectory() as out:
        make_app({"batchyard:asset": "source"}, outdir=out).synth()
        made = json.loads((Path(out) / "batchyard-control-plane.template.json").read_text())
    TABLE.write_text(json.dumps(table_of(made), indent=2) + "\n")
