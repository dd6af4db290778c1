"""Ids from client tokens, and digests of requests."""

import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.core.errors import ClientError
from lambdas.core.identity import digest_of, job_id_for
from lambdas.core.resolve import is_job_id

parts = st.tuples(st.text(), st.text(), st.text())
values = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.booleans(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc"), inner),
    max_leaves=10,
)


@given(parts)
def test_an_id_is_a_uuid_and_a_job_id(told):
    job = job_id_for(*told)
    assert str(uuid.UUID(job)) == job
    assert (uuid.UUID(job).version, uuid.UUID(job).variant) == (8, uuid.RFC_4122)
    assert is_job_id(job)


@given(parts, parts)
def test_ids_are_equal_only_for_the_same_deployment_caller_and_token(one, other):
    assert (job_id_for(*one) == job_id_for(*other)) == (one == other)


def test_parts_do_not_run_into_each_other():
    assert job_id_for("a", "bc", "d") != job_id_for("ab", "c", "d")


@given(st.dictionaries(st.text("abc"), values))
def test_a_digest_does_not_depend_on_the_order_of_members(body):
    turned = dict(reversed(body.items()))
    assert digest_of(body) == digest_of(turned) == digest_of(json.loads(json.dumps(body)))


def test_a_digest_tells_requests_apart():
    assert digest_of({"a": 1}) != digest_of({"a": "1"})


def test_half_a_character_is_refused():
    with pytest.raises(ClientError, match="no Unicode character"):
        digest_of({"jobName": "\ud800"})
