"""Small ways to read a template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def resources(template: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """The properties of every resource of one type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def flat(value: Any) -> str:
    """An ARN or text as a person writes it: `arn:${AWS::Partition}:…`, `${Id.Arn}`.

    Values handed over by SSM are named by their parameter: `${/batchyard/batchyard/jobs-table}`.
    """
    if isinstance(value, str):
        return value
    if "Ref" in value:
        return f"${{{value['Ref']}}}"
    if "Fn::GetAtt" in value:
        return "${" + ".".join(value["Fn::GetAtt"]) + "}"
    separator, parts = value["Fn::Join"]
    return str(separator).join(flat(part) for part in parts)


def named(template: Mapping[str, Any], value: Any) -> str:
    """`flat`, with parameters replaced by the SSM names they stand for."""
    text = flat(value)
    for parameter, about in template.get("Parameters", {}).items():
        text = text.replace(f"${{{parameter}}}", f"<{about.get('Default', parameter)}>")
    return text.replace("/batchyard/batchyard/", "")


def statements(role: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for policy in role.get("Policies", ()):
        yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
