"""Buckets and their policies."""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services.s3 import forms, replication
from sandbox.services.s3.state import BUCKET, POLICY, bucket_find, bucket_get, buckets, policy_of, versions
from sandbox.store import Record


@resource_type(BUCKET)
class Bucket(ResourceType):
    """A bucket: names are unique over all accounts; a full one is not deleted."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        self._check_rules(ctx, properties, {})
        name = properties.get("BucketName")
        if name is None:
            return
        check_name(name)
        existing = bucket_find(ctx.world, name)
        if existing is None:
            return
        if existing.account == ctx.account:
            raise AwsError(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it."
                if not ctx.stack
                else f"{name} already exists",
                409,
                BucketName=name,
            )
        raise AwsError(
            "BucketAlreadyExists",
            "The requested bucket name is not available. The bucket namespace is shared by all users of the system. "
            "Please select a different name and try again."
            if not ctx.stack
            else f"{name} already exists",
            409,
            BucketName=name,
        )

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check_rules(ctx, properties, record.properties)

    @staticmethod
    def _check_rules(ctx: Context, properties: dict[str, Any], before: dict[str, Any]) -> None:
        forms.check_lifecycle(properties.get("LifecycleConfiguration") or {})
        if properties.get("ReplicationConfiguration") != before.get("ReplicationConfiguration"):
            replication.check(ctx.world, properties)

    def created(self, ctx: Context, record: Record) -> None:
        buckets(ctx.world)[record.id] = record
        name, region = record.id, ctx.region
        record.properties.setdefault("BucketName", name)
        record.attributes = {
            "Arn": record.arn,
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
        }

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.properties.setdefault("BucketName", record.id)

    def check_delete(self, ctx: Context, record: Record) -> None:
        if versions(ctx.world, record):
            raise AwsError(
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty. You must delete all versions in the bucket.",
                409,
                BucketName=record.id,
            )

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        buckets(ctx.world).pop(record.id, None)
        policy = ctx.store.get(record.account, record.region, POLICY, record.id)
        if policy is not None and policy.stack is None:
            ctx.store.remove(policy)
        return None


@resource_type(POLICY)
class BucketPolicy(ResourceType):
    """A bucket's policy; its id is the bucket's name."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return str(properties["Bucket"])

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        bucket = bucket_get(ctx, properties["Bucket"])
        if ctx.store.get(bucket.account, bucket.region, POLICY, bucket.id) is not None:
            raise AwsError("AlreadyExists", "The bucket policy already exists on bucket " + bucket.id)
        check_policy(properties["PolicyDocument"])


def check_name(name: str) -> None:
    """Raise InvalidBucketName for what is none (S3 user guide, bucket naming rules)."""
    good = re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name) and ".." not in name
    try:
        ipaddress.ip_address(name)
        good = None
    except ValueError:
        pass  # not an address, as it should be
    if not good or name.startswith("xn--") or name.endswith("-s3alias"):
        raise AwsError("InvalidBucketName", "The specified bucket is not valid.", 400, BucketName=name)


def check_policy(document: Any) -> dict[str, Any]:
    """The policy as a dict. Raises MalformedPolicy."""
    try:
        policy = json.loads(document) if isinstance(document, str) else document
    except ValueError as problem:
        raise AwsError(
            "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'", 400
        ) from problem
    if not isinstance(policy, dict) or "Statement" not in policy:
        raise AwsError("MalformedPolicy", "Missing required field Statement", 400)
    return policy


@operation("s3", "CreateBucket")
def create_bucket(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["Bucket"]
    configuration = params.get("CreateBucketConfiguration") or {}
    region = configuration.get("LocationConstraint")
    if (region or "us-east-1") != ctx.region:
        raise AwsError(
            "IllegalLocationConstraintException",
            f"The {region or 'unspecified'} location constraint is incompatible for the region specific endpoint "
            "this request was sent to.",
            400,
        )
    existing = bucket_find(ctx.world, name)
    if existing is not None and existing.account == ctx.account and ctx.region == "us-east-1":
        return {"Location": f"/{name}"}  # us-east-1 answers 200 (S3 API reference, CreateBucket)
    properties: dict[str, Any] = {"BucketName": name}
    if params.get("ObjectLockEnabledForBucket"):
        properties.update(ObjectLockEnabled=True, VersioningConfiguration={"Status": "Enabled"})
    ctx.world.create(ctx, BUCKET, properties, tags=tags_from(configuration.get("Tags")), at_once=True)
    return {"Location": f"/{name}" if ctx.region == "us-east-1" else f"http://{name}.s3.amazonaws.com/"}


@operation("s3", "DeleteBucket")
def delete_bucket(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, bucket_get(ctx, params["Bucket"]), at_once=True)


@operation("s3", "HeadBucket")
def head_bucket(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"BucketRegion": bucket_get(ctx, params["Bucket"]).region}


@operation("s3", "ListBuckets")
def list_buckets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    prefix, region = params.get("Prefix") or "", params.get("BucketRegion")
    found = [
        {"Name": b.id, "CreationDate": b.created_at, "BucketRegion": b.region}
        for b in ctx.store.list(ctx.account, None, BUCKET)
        if b.id.startswith(prefix) and region in (None, b.region)
    ]
    return {"Buckets": sorted(found, key=lambda b: str(b["Name"])), "Owner": {"ID": ctx.account}}


@operation("s3", "GetBucketLocation")
def get_bucket_location(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    region = bucket_get(ctx, params["Bucket"]).region
    return {"LocationConstraint": "" if region == "us-east-1" else region}


@operation("s3", "GetBucketPolicy")
def get_bucket_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    policy = policy_of(ctx.world, bucket)
    if policy is None:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404, BucketName=bucket.id)
    return {"Policy": json.dumps(policy)}


@operation("s3", "GetBucketPolicyStatus")
def get_bucket_policy_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    if policy_of(ctx.world, bucket) is None:
        raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404, BucketName=bucket.id)
    return {"PolicyStatus": {"IsPublic": False}}


@operation("s3", "PutBucketPolicy")
def put_bucket_policy(ctx: Context, params: dict[str, Any]) -> None:
    bucket = bucket_get(ctx, params["Bucket"])
    document = check_policy(params["Policy"])
    record = ctx.store.get(bucket.account, bucket.region, POLICY, bucket.id)
    properties = {"Bucket": bucket.id, "PolicyDocument": document}
    if record is None:
        here = ctx.world.context(bucket.account, bucket.region, principal=ctx.principal)
        ctx.world.create(here, POLICY, properties, at_once=True)
    else:
        ctx.world.update(ctx, record, properties, at_once=True)


@operation("s3", "DeleteBucketPolicy")
def delete_bucket_policy(ctx: Context, params: dict[str, Any]) -> None:
    bucket = bucket_get(ctx, params["Bucket"])
    record = ctx.store.get(bucket.account, bucket.region, POLICY, bucket.id)
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


@operation("s3", "GetBucketTagging")
def get_bucket_tagging(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    bucket = bucket_get(ctx, params["Bucket"])
    if not bucket.tags:
        raise AwsError("NoSuchTagSet", "The TagSet does not exist", 404, BucketName=bucket.id)
    return {"TagSet": tag_list(bucket.tags)}


@operation("s3", "PutBucketTagging")
def put_bucket_tagging(ctx: Context, params: dict[str, Any]) -> None:
    bucket = bucket_get(ctx, params["Bucket"])
    system = {k: v for k, v in bucket.tags.items() if k.startswith("aws:")}
    given = {k: v for k, v in tags_from(params["Tagging"]["TagSet"]).items() if not k.startswith("aws:")}
    bucket.tags = {**system, **given}
    ctx.store.put(bucket)


@operation("s3", "DeleteBucketTagging")
def delete_bucket_tagging(ctx: Context, params: dict[str, Any]) -> None:
    put_bucket_tagging(ctx, {**params, "Tagging": {"TagSet": []}})
