"""How work comes in: the API's routes, the bus, uploads, ECS's word and the minute."""

from __future__ import annotations

from tests.infrastructure.conftest import Synthesizer, Template, Templates
from tests.infrastructure.reading import as_list, flat, named, resources


def test_iam_guards_every_route(templates: Templates) -> None:
    routes = resources(templates["control-plane"], "AWS::ApiGatewayV2::Route").values()
    assert {route["RouteKey"] for route in routes} == {
        "POST /v1/{operation}",
        "GET /v1/tags/{proxy+}",
        "POST /v1/tags/{proxy+}",
        "DELETE /v1/tags/{proxy+}",
    }
    assert {route["AuthorizationType"] for route in routes} == {"AWS_IAM"}


def test_the_stage_logs_and_throttles(templates: Templates) -> None:
    (stage,) = resources(templates["control-plane"], "AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "$default"
    assert "AccessLogSettings" in stage
    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == 500


def test_rules_bring_events_to_queues(templates: Templates) -> None:
    template = templates["control-plane"]
    rules = {r["Name"]: r for r in resources(template, "AWS::Events::Rule").values()}
    submissions = rules["batchyard-submissions"]
    assert submissions["EventPattern"] == {"detail-type": ["Submit Job"]}
    (bus,) = resources(template, "AWS::Events::EventBus")
    assert submissions["EventBusName"] == {"Ref": bus}
    changes = rules["batchyard-taskchanges"]
    assert "EventBusName" not in changes, "ECS tells the default bus"
    pattern = changes["EventPattern"]
    assert pattern["detail-type"] == ["ECS Task State Change"]
    assert named(template, pattern["detail"]["clusterArn"][0]) == "<cluster-arn>"
    assert rules["batchyard-every-minute"]["ScheduleExpression"] == "rate(1 minute)"


def test_only_rules_of_this_deployment_may_send(templates: Templates) -> None:
    template = templates["control-plane"]
    allowed = [
        statement
        for policy in resources(template, "AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert len(allowed) == 2
    for statement in allowed:
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        for source in as_list(statement["Condition"]["ArnLike"]["aws:SourceArn"]):
            assert flat(source).endswith("batchyard-*")
        assert "aws:SourceAccount" in statement["Condition"]["StringEquals"]


def test_queues_are_encrypted_keep_14_days_and_demand_tls(templates: Templates) -> None:
    for stack in ("control-plane", "workload"):
        queues = resources(templates[stack], "AWS::SQS::Queue")
        guarded = {
            policy["Queues"][0]["Ref"]
            for policy in resources(templates[stack], "AWS::SQS::QueuePolicy").values()
            if any(s["Effect"] == "Deny" for s in policy["PolicyDocument"]["Statement"])
        }
        assert guarded == set(queues)
        for queue in queues.values():
            assert queue["MessageRetentionPeriod"] == 14 * 86_400
            assert queue["SqsManagedSseEnabled"] is True


def test_only_the_bell_is_in_order(templates: Templates) -> None:
    queues = resources(templates["control-plane"], "AWS::SQS::Queue")
    fifo = {name[:-8] for name, queue in queues.items() if queue.get("FifoQueue")}
    assert fifo == {"QueuesBell", "QueuesBellDead"}


def test_stacks_hand_names_over_by_ssm_and_lock_nothing(templates: Templates) -> None:
    """No exports: any stack can be changed or replaced alone."""
    for template in templates.values():
        assert not [o for o in template.get("Outputs", {}).values() if "Export" in o]
        assert "Fn::ImportValue" not in str(template)
        assert "Fn::GetStackOutput" not in str(template)


def test_what_a_stack_takes_another_gives(templates: Templates) -> None:
    given: set[str] = set()
    for stack in ("data", "compute", "control-plane", "workload", "observability"):
        template = templates[stack]
        taken = {
            parameter["Default"]
            for parameter in template.get("Parameters", {}).values()
            if parameter["Type"] == "AWS::SSM::Parameter::Value<String>"
            and parameter["Default"].startswith("/batchyard/")
        }
        assert taken <= given, f"{stack} takes what no stack before it gives"
        given |= {p["Name"] for p in resources(template, "AWS::SSM::Parameter").values()}


def test_two_deployments_fit_one_account(templates: Templates, synthesize: Synthesizer) -> None:
    """No name that we choose ourselves is chosen by both."""
    other = synthesize({"batchyard:deployment": "science"}, deployment="science")
    for stack, template in templates.items():
        names = _chosen_names(template)
        assert names or stack == "data"
        assert not names & _chosen_names(other[stack])


def _chosen_names(template: Template) -> set[str]:
    return {
        f"{resource['Type']} {value}"
        for resource in template["Resources"].values()
        if not resource["Type"].startswith("Custom::")  # entries of the deployment's own catalog
        for name, value in resource.get("Properties", {}).items()
        if name.endswith("Name") and isinstance(value, str)
        if name not in ("MetricName", "StageName", "PolicyName")
    }
