"""Tags of all EC2 resources."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import matches, page
from sandbox.services.ec2 import base


@operation("ec2", "CreateTags")
def create_tags(ctx: Context, params: dict[str, Any]) -> None:
    records = [base.any_kind(ctx, id)[0] for id in params["Resources"]]
    for tag in params["Tags"]:
        if tag["Key"].startswith("aws:"):
            raise AwsError(
                "InvalidParameterValue",
                f"Value ( {tag['Key']} ) for parameter key is invalid. Tag keys starting with 'aws:' are reserved "
                "for internal use",
                400,
            )
    for record in records:
        record.tags.update({tag["Key"]: tag.get("Value", "") for tag in params["Tags"]})
        ctx.store.put(record)


@operation("ec2", "DeleteTags")
def delete_tags(ctx: Context, params: dict[str, Any]) -> None:
    for record in [base.any_kind(ctx, id)[0] for id in params["Resources"]]:
        for tag in params.get("Tags") or [{"Key": key} for key in list(record.tags)]:
            # A value, where one is given, must fit; what AWS set itself stays.
            fits = "Value" not in tag or record.tags.get(tag["Key"]) == tag["Value"]
            if fits and not tag["Key"].startswith("aws:"):
                record.tags.pop(tag["Key"], None)
        ctx.store.put(record)


@operation("ec2", "DescribeTags")
def describe_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rows = []
    for type_name, word in base.KINDS.values():
        for record in base.listed(ctx, type_name):
            id = record.attributes["AllocationId"] if type_name == base.EIP else record.id
            rows += [
                {"ResourceId": id, "ResourceType": word, "Key": key, "Value": value}
                for key, value in record.tags.items()
            ]
    members = {"resource-id": "ResourceId", "resource-type": "ResourceType", "key": "Key", "value": "Value"}
    for rule in params.get("Filters") or ():
        name = rule["Name"]
        if name.startswith("tag:"):
            key = name.removeprefix("tag:")
            rows = [r for r in rows if r["Key"] == key and matches(r["Value"], rule["Values"])]
        elif name in members:
            rows = [r for r in rows if matches(r[members[name]], rule["Values"])]
        else:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid", 400)
    some, token = page(rows, params.get("MaxResults"), params.get("NextToken"))
    return {"Tags": some, **({"NextToken": token} if token else {})}
