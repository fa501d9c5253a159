"""An environment's assembly deployed with boto3 alone, as data/stacks.json says: no portal, no database."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from botocore.exceptions import ClientError

from blueprint_cdk.data import load
from devtools.sandbox import Keys, Sandbox
from tests.blueprint_cdk.support import Assembly
from tests.sandbox.support import Stacks

PREFIX = "sy-shop-k3x9"


class Deployment:
    """One environment in one account of the local AWS; `regions` are its home and its other one."""

    def __init__(
        self, sandbox: Sandbox, keys: Keys, regions: dict[str, str], *, prefix: str = PREFIX
    ) -> None:
        self.regions, self.prefix = regions, prefix
        self._sandbox, self._keys = sandbox, keys
        self.stacks = {place: Stacks(self.client("cloudformation", place)) for place in regions}
        for stacks in self.stacks.values():
            stacks.quiet_s = 60.0
        self.there: dict[str, str] = {}
        """Keys of the stacks that are there, in the order in which they came, and the place of each."""
        for place, region in regions.items():
            bucket = f"cdk-swyard-assets-{keys.account_id}-{region}"
            s3 = self.client("s3", place)
            # The account's, made by whichever environment comes first.
            if bucket not in [row["Name"] for row in s3.list_buckets()["Buckets"]]:
                s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})

    def client(self, service: str, place: str = "home") -> Any:
        return self._sandbox.client(service, self._keys, self.regions[place])

    def bring(self, assembly: Assembly, standby: str, modules: Collection[str] = ()) -> list[str]:
        """To that assembly: stacks made and updated in their order, joined once all stand, and those that are too many
        deleted last. Answers what was made, updated, joined and deleted, as "update data".
        """
        done: list[str] = []
        rows = [row for row in _ordered() if _has(row, standby, modules)]
        for row in rows:
            done += self._deploy(assembly, row)
        for row in rows:
            if "joins" in row and _has(row["joins"], standby, modules) and not self._is_joined(row["key"]):
                self._update(assembly, row, {"Joined": "true"})
                done.append(f"join {row['key']}")
        kept = {row["key"] for row in rows}
        for key in reversed([key for key in self.there if key not in kept]):
            self.delete(key)
            done.append(f"delete {key}")
        return done

    def _deploy(self, assembly: Assembly, row: dict[str, Any]) -> list[str]:
        key, stacks = row["key"], self.stacks[row["region"]]
        self._publish(assembly, row)
        if key in self.there:
            return [f"update {key}"] if self._update(assembly, row, {}) else []
        stack = stacks.create(
            f"{self.prefix}-{key}", self._template(assembly, key), Parameters=_given(self._values(row))
        )
        assert stack["StackStatus"] == "CREATE_COMPLETE", [
            event for event in stacks.events(f"{self.prefix}-{key}") if "FAILED" in event[1]
        ]
        self._policy(assembly, row)
        self.there[key] = row["region"]
        return [f"create {key}"]

    def _update(self, assembly: Assembly, row: dict[str, Any], more: dict[str, str]) -> bool:
        """Whether anything changed."""
        key, stacks = row["key"], self.stacks[row["region"]]
        name, body = f"{self.prefix}-{key}", self._template(assembly, row["key"])
        had = {p["ParameterKey"] for p in self.describe(key).get("Parameters", ())}
        values: dict[str, str | None] = {
            name: None for name in json.loads(body).get("Parameters", {}) if name in had
        }
        given = _given({**values, **self._values(row), **more})
        try:
            stack = stacks.update(name, body, Parameters=given, Capabilities=["CAPABILITY_NAMED_IAM"])
        except ClientError as error:
            assert "No updates are to be performed" in str(error)
            return False
        assert stack["StackStatus"] == "UPDATE_COMPLETE", [
            event for event in stacks.events(name) if "FAILED" in event[1]
        ]
        self._policy(assembly, row)
        return True

    def delete(self, key: str) -> None:
        """The stack, its buckets emptied before."""
        stacks = self.stacks[self.there[key]]
        for row in stacks.client.describe_stack_resources(StackName=f"{self.prefix}-{key}")["StackResources"]:
            if row["ResourceType"] == "AWS::S3::Bucket":
                self.empty(row["PhysicalResourceId"], self.there[key])
        stack = stacks.delete(f"{self.prefix}-{key}")
        assert stack["StackStatus"] == "DELETE_COMPLETE", stack.get("StackStatusReason")
        del self.there[key]

    def delete_all(self) -> None:
        for key in reversed(list(self.there)):
            self.delete(key)

    def empty(self, bucket: str, place: str) -> None:
        client = self.client("s3", place)
        for page in client.get_paginator("list_object_versions").paginate(Bucket=bucket):
            for version in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                client.delete_object(Bucket=bucket, Key=version["Key"], VersionId=version["VersionId"])

    def describe(self, key: str) -> dict[str, Any]:
        answer = self.stacks[self.there[key]].client.describe_stacks(StackName=f"{self.prefix}-{key}")
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack

    def outputs(self, key: str) -> dict[str, str]:
        return {row["OutputKey"]: row["OutputValue"] for row in self.describe(key).get("Outputs", ())}

    def physical(self) -> dict[tuple[str, str], str]:
        """Physical ids by stack and logical id."""
        return {
            (key, logical): physical
            for key, place in self.there.items()
            for logical, physical in self.stacks[place].physical(f"{self.prefix}-{key}").items()
        }

    def _is_joined(self, key: str) -> bool:
        given = {p["ParameterKey"]: p["ParameterValue"] for p in self.describe(key).get("Parameters", ())}
        return given.get("Joined") == "true"

    def _values(self, row: dict[str, Any]) -> dict[str, str | None]:
        """Parameters that are outputs of other stacks."""
        found: dict[str, str | None] = {}
        for name, source in row.get("parameters", {}).items():
            stack, _, output = source.partition(".")
            found[name] = self.outputs(stack)[output]
        return found

    def _publish(self, assembly: Assembly, row: dict[str, Any]) -> None:
        path = assembly.folder / f"{self.prefix}-{row['key']}.assets.json"
        client = self.client("s3", row["region"])
        for asset in json.loads(path.read_text())["files"].values():
            for target in asset["destinations"].values():
                body = (assembly.folder / asset["source"]["path"]).read_bytes()
                client.put_object(Bucket=target["bucketName"], Key=target["objectKey"], Body=body)

    def _policy(self, assembly: Assembly, row: dict[str, Any]) -> None:
        path = assembly.folder / f"{self.prefix}-{row['key']}.policy.json"
        if path.exists():
            self.stacks[row["region"]].client.set_stack_policy(
                StackName=f"{self.prefix}-{row['key']}", StackPolicyBody=path.read_text()
            )

    def _template(self, assembly: Assembly, key: str) -> str:
        return (assembly.folder / f"{self.prefix}-{key}.template.json").read_text()


def _given(values: dict[str, str | None]) -> list[dict[str, Any]]:
    """CloudFormation's parameters; None keeps what the stack has."""
    return [
        {"ParameterKey": name, "UsePreviousValue": True}
        if value is None
        else {"ParameterKey": name, "ParameterValue": value}
        for name, value in values.items()
    ]


def _has(row: dict[str, Any], standby: str, modules: Collection[str]) -> bool:
    when = row.get("when", {})
    is_on = set(when.get("modules", ())) <= set(modules)
    return standby in when.get("standby", [standby]) and is_on and "tier" not in when


def _ordered() -> list[dict[str, Any]]:
    """All rows, each after those that it needs."""
    rows = load("stacks")["environment"]
    found: list[dict[str, Any]] = []
    while len(found) < len(rows):
        keys = {row["key"] for row in found}
        known = {row["key"] for row in rows}
        found += [row for row in rows if row not in found and set(row["needs"]) & known <= keys]
    return found
