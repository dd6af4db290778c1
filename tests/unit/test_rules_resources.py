"""What definitions, environments and queues may be, and how they are kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core import rules_definition, rules_environment, rules_queue
from lambdas.core.catalog import Environment
from lambdas.core.errors import ClientError
from lambdas.core.task_definition import TaskDefaults, digest, task_definition

ROLE = "arn:aws:iam::123456789012:role/batchyard/jobs/reader"
OURS = ("arn:aws:iam::*:role/batchyard/jobs/*",)


def refusal(rule, *args) -> str:
    with pytest.raises(ClientError) as caught:
        rule(*args)
    return caught.value.message


def definition(**more):
    return {
        "jobDefinitionName": "task",
        "type": "container",
        "platformCapabilities": ["FARGATE"],
        "containerProperties": container(),
        **more,
    }


def container(vcpus="0.25", memory="512", **more):
    needs = [{"type": "VCPU", "value": vcpus}, {"type": "MEMORY", "value": memory}]
    return {"image": "busybox", "resourceRequirements": needs, **more}


def refused(**more) -> str:
    return refusal(rules_definition.check_definition, definition(**more), OURS)


def container_refused(**more) -> str:
    return refused(containerProperties=container(**more))


class TestDefinitions:
    def test_of_a_fargate_container_are_allowed(self):
        rules_definition.check_definition(definition(), OURS)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"type": "multinode"}, "only 'container' jobs"),
            ({"nodeProperties": {"numNodes": 2}}, "nodeProperties is not supported"),
            ({"ecsProperties": {"taskProperties": [{}]}}, "ecsProperties is not supported"),
            ({"eksProperties": {"podProperties": {}}}, "eksProperties is not supported"),
            ({"platformCapabilities": ["EC2"]}, "only FARGATE is supported"),
            ({"platformCapabilities": []}, "it means EC2"),
            ({"schedulingPriority": 10_000}, "0 to 9999"),
            ({"parameters": {"x": "y" * 70_000}}, "at most 61,440"),
        ],
    )
    def test_of_kinds_that_are_not_run_are_refused_honestly(self, change, sentence):
        assert sentence in refused(**change)

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"image": ""}, "containerProperties.image is ''"),
            ({"image": "a b"}, "containerProperties.image"),
            ({"privileged": True}, "privileged is not supported"),
            ({"memory": "249857"}, "249,856"),
            ({"vcpus": "33"}, "no Fargate size"),
            ({"linuxParameters": {"devices": [{"hostPath": "/x"}]}}, "devices is not supported"),
            ({"volumes": [{"name": "v", "host": {"sourcePath": "/"}}]}, "sourcePath"),
            ({"volumes": [{"name": "v"}, {"name": "v"}]}, "each name once"),
            (
                {"mountPoints": [{"sourceVolume": "w", "containerPath": "/w"}]},
                "the name of a volume",
            ),
            ({"ephemeralStorage": {"sizeInGiB": 20}}, "21 to 200"),
            ({"ephemeralStorage": {"sizeInGiB": 201}}, "21 to 200"),
            ({"logConfiguration": {"logDriver": "gelf"}}, "awslogs or splunk"),
            ({"ulimits": [{"name": "core", "hardLimit": 1, "softLimit": 1}]}, "only nofile"),
            ({"runtimePlatform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"}}, "LINUX"),
            ({"runtimePlatform": {"cpuArchitecture": "MIPS"}}, "X86_64 or ARM64"),
            ({"environment": [{"name": "AWS_BATCH_X", "value": ""}]}, "reserved"),
        ],
    )
    def test_of_containers_that_fargate_cannot_run_are_refused(self, change, sentence):
        assert sentence in container_refused(**change)

    @pytest.mark.parametrize("old", ["vcpus", "memory"])
    def test_with_the_old_way_to_say_resources_are_refused(self, old):
        said = refused(containerProperties={**container(), old: 1024})
        assert f"containerProperties.{old} is not supported" in said

    def test_without_cpu_or_memory_are_refused(self):
        needs = [{"type": "VCPU", "value": "1"}]
        assert "type MEMORY" in container_refused(resourceRequirements=needs)

    def test_are_kept_as_they_are_described(self):
        body = definition(retryStrategy={"attempts": 2}, timeout={}, schedulingPriority=3)
        kept = rules_definition.normalised_definition(body)
        assert kept["containerProperties"]["environment"] == []
        assert kept["retryStrategy"] == {"attempts": 2, "evaluateOnExit": []}
        assert "timeout" not in kept
        assert (kept["tags"], kept["parameters"], kept["schedulingPriority"]) == ({}, {}, 3)


class TestRoles:
    def test_under_the_path_of_the_platform_are_passed(self):
        rules_definition.check_role("jobRoleArn", ROLE, OURS)

    @pytest.mark.parametrize("arn", ["arn:aws:iam::123456789012:role/admin", ROLE + "/../x y"])
    def test_others_are_refused(self, arn):
        assert "jobRoleArn is '" in refusal(rules_definition.check_role, "jobRoleArn", arn, OURS)

    def test_are_refused_with_the_way_to_allow_them(self):
        said = container_refused(jobRoleArn="arn:aws:iam::123456789012:role/admin")
        assert "batchyard:passRoles" in said
        assert "/batchyard/jobs/" in said

    def test_a_pattern_is_no_regular_expression(self):
        role = "arn:aws:iam::123456789012:role/axb"
        assert refusal(rules_definition.check_role, "r", role, ("arn:aws:iam::*:role/a.b",))

    def test_a_question_mark_is_one_character(self):
        role = "arn:aws:iam::123456789012:role/job1"
        rules_definition.check_role("r", role, ("arn:aws:iam::123456789012:role/job?",))
        assert refusal(rules_definition.check_role, "r", role + "2", ("*role/job?",))

    @pytest.mark.parametrize("arn", ["reader", "", "arn:aws:iam::1:role/x", "arn:aws:s3:::x"])
    def test_any_role_is_still_a_role(self, arn):
        assert "ARN of an IAM role" in refusal(rules_definition.check_role, "r", arn, ("*",))


class TestEnvironments:
    def body(self, **resources):
        return {
            "computeEnvironmentName": "e",
            "type": "MANAGED",
            "computeResources": {"type": "FARGATE", "maxvCpus": 4, **resources},
        }

    def test_of_fargate_are_allowed_without_a_network_of_their_own(self):
        rules_environment.check_create(self.body())

    @pytest.mark.parametrize(
        ("resources", "sentence"),
        [
            ({"type": "EC2"}, "only FARGATE and FARGATE_SPOT"),
            ({"maxvCpus": 0}, "1 to"),
            ({"minvCpus": 1}, "computeResources.minvCpus is 1"),
            ({"instanceTypes": ["m5.large"]}, "instanceTypes is not supported"),
            ({"subnets": ["net-1"]}, "computeResources.subnets[0] is 'net-1'"),
            ({"subnets": ["subnet-1"] * 17}, "at most 16"),
            ({"securityGroupIds": ["x"]}, "sg-0abc"),
        ],
    )
    def test_of_other_kinds_are_refused(self, resources, sentence):
        assert sentence in refusal(rules_environment.check_create, self.body(**resources))

    def test_unmanaged_ones_are_refused(self):
        body = {"computeEnvironmentName": "e", "type": "UNMANAGED"}
        assert "only MANAGED" in refusal(rules_environment.check_create, body)

    def test_zero_capacity_that_is_kept_is_no_fault(self):
        rules_environment.check_create(self.body(minvCpus=0, desiredvCpus=0))

    def test_an_update_changes_what_it_names(self):
        detail = rules_environment.normalised_environment(self.body(subnets=["subnet-1"]))
        after = rules_environment.updated_environment(
            detail, {"state": "DISABLED", "computeResources": {"maxvCpus": 9}}
        )
        assert after["state"] == "DISABLED"
        assert after["computeResources"] == {
            "type": "FARGATE",
            "maxvCpus": 9,
            "subnets": ["subnet-1"],
        }


class TestQueues:
    def body(self, *orders, **more):
        order = [{"order": n, "computeEnvironment": f"e{i}"} for i, n in enumerate(orders or (1,))]
        return {"jobQueueName": "q", "priority": 1, "computeEnvironmentOrder": order, **more}

    @pytest.mark.parametrize(
        ("change", "sentence"),
        [
            ({"priority": -1}, "0 to 1000"),
            ({"priority": 1001}, "0 to 1000"),
            ({"jobQueueType": "EKS"}, "only ECS_FARGATE"),
            ({"computeEnvironmentOrder": []}, "0 entries"),
            (
                {"serviceEnvironmentOrder": [{"order": 1}]},
                "serviceEnvironmentOrder is not supported",
            ),
            ({"jobQueueName": "q q"}, "jobQueueName is 'q q'"),
        ],
    )
    def test_that_cannot_be_had_are_refused(self, change, sentence):
        assert sentence in refusal(rules_queue.check_create, self.body(**change))

    def test_an_order_is_given_once(self):
        assert "each order" in refusal(rules_queue.check_create, self.body(1, 2, 1))

    def test_never_mix_platforms(self):
        environments = [self.env("a", "FARGATE"), self.env("b", "SPOT")]
        assert "Fargate and EC2 cannot share" in refusal(
            rules_queue.check_environments, environments
        )

    def test_may_mix_spot_and_on_demand(self):
        rules_queue.check_environments([self.env("a", "FARGATE"), self.env("b", "FARGATE_SPOT")])

    def test_name_an_environment_once(self):
        twice = [self.env("a", "FARGATE")] * 2
        assert "each environment" in refusal(rules_queue.check_environments, twice)

    @given(st.text("ab-_", min_size=1, max_size=128), st.text("ab-_", min_size=1, max_size=128))
    def test_have_inboxes_whose_names_sqs_takes_and_that_differ(self, one, other):
        names = rules_queue.inbox_name("yard", one), rules_queue.inbox_name("yard", other)
        assert max(map(len, names)) <= 80
        assert (names[0] == names[1]) == (one == other)

    def env(self, name, kind):
        return Environment(name, f"arn:{name}", kind, True, 1000)


class TestTaskDefinitions:
    DEFAULTS = TaskDefaults("yard", "us-east-1", "/aws/batch/job", "arn:default")

    def made(self, **more):
        return task_definition("task", container(**more), self.DEFAULTS)

    def test_have_the_smallest_size_and_limit_the_container_to_what_it_asked_for(self):
        made = self.made(vcpus="0.3", memory="100")
        assert (made["cpu"], made["memory"]) == ("512", "1024")
        (only,) = made["containerDefinitions"]
        assert (only["name"], only["cpu"], only["memory"]) == ("default", 307, 100)

    def test_log_where_aws_batch_logs(self):
        (only,) = self.made()["containerDefinitions"]
        assert only["logConfiguration"]["options"] == {
            "awslogs-group": "/aws/batch/job",
            "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "task",
            "awslogs-create-group": "true",
        }

    def test_keep_log_options_that_were_asked_for(self):
        logs = {"logDriver": "awslogs", "options": {"awslogs-group": "mine"}}
        (only,) = self.made(logConfiguration=logs)["containerDefinitions"]
        assert only["logConfiguration"]["options"]["awslogs-group"] == "mine"
        assert only["logConfiguration"]["options"]["awslogs-region"] == "us-east-1"

    def test_use_the_platforms_execution_role_where_none_is_named(self):
        assert self.made()["executionRoleArn"] == "arn:default"
        assert self.made(executionRoleArn="arn:own")["executionRoleArn"] == "arn:own"

    def test_are_accepted_by_the_service_model_of_ecs(self):
        import botocore.session
        from botocore.validate import ParamValidator

        made = self.made(
            volumes=[{"name": "v", "host": {}}, {"name": "e", "efsVolumeConfiguration": {
                "fileSystemId": "fs-1", "authorizationConfig": {"iam": "ENABLED"}}}],
            mountPoints=[{"sourceVolume": "v", "containerPath": "/v", "readOnly": True}],
            secrets=[{"name": "S", "valueFrom": "arn:x"}],
            ulimits=[{"name": "nofile", "softLimit": 1, "hardLimit": 2}],
            linuxParameters={"initProcessEnabled": True},
            ephemeralStorage={"sizeInGiB": 30},
            runtimePlatform={"cpuArchitecture": "ARM64"},
            repositoryCredentials={"credentialsParameter": "arn:x"},
            jobRoleArn=ROLE,
            user="1000",
            readonlyRootFilesystem=True,
        )  # fmt: skip
        model = botocore.session.get_session().get_service_model("ecs")
        shape = model.operation_model("RegisterTaskDefinition").input_shape
        assert ParamValidator().validate(made, shape).generate_report() == ""

    def test_that_mean_the_same_have_one_digest(self):
        empty = self.made(environment=[], volumes=[], user="")
        assert digest(empty) == digest(self.made())
        assert digest(self.made(user="1")) != digest(self.made())


def test_a_definition_with_a_bad_extension_is_refused_when_it_is_registered():
    assert "tags.batchyard:backoff is 'soon'" in refused(tags={"batchyard:backoff": "soon"})
    assert "belongs to a job" in refused(tags={"batchyard:client-token": "x"})
