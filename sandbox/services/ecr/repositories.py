"""Repositories and their configuration."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.store import Record

REPOSITORY = "AWS::ECR::Repository"


@resource_type(REPOSITORY)
class Repository(ResourceType):
    """A repository. data: images (digest to {manifest, media, tags, at})."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("RepositoryName")
        if name and ctx.store.get(ctx.account, ctx.region, REPOSITORY, name):
            raise AwsError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{ctx.account}'",
                400,
            )
        if name and not re.fullmatch(r"(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*", name):
            raise AwsError(
                "InvalidParameterException", f"Invalid parameter at 'repositoryName': '{name}'", 400
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.data["images"] = {}
        record.attributes = {"Arn": record.arn, "RepositoryUri": _uri(record)}

    def check_delete(self, ctx: Context, record: Record) -> None:
        force = record.properties.get("EmptyOnDelete") if ctx.stack else record.data.pop("force", False)
        if record.data["images"] and not force:
            raise AwsError(
                "RepositoryNotEmptyException",
                f"The repository with name '{record.id}' in registry with id '{record.account}' cannot be deleted "
                "because it still contains images",
                400,
            )


def _uri(record: Record) -> str:
    return f"{record.account}.dkr.ecr.{record.region}.amazonaws.com/{record.id}"


def need(ctx: Context, name: str) -> Record:
    """The repository. Raises RepositoryNotFoundException."""
    record = ctx.store.get(ctx.account, ctx.region, REPOSITORY, name)
    if record is None:
        raise AwsError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id '{ctx.account}'",
            400,
        )
    return record


def _shape(record: Record) -> dict[str, Any]:
    properties = record.properties
    encryption = properties.get("EncryptionConfiguration") or {"EncryptionType": "AES256"}
    return {
        "repositoryArn": record.arn,
        "registryId": record.account,
        "repositoryName": record.id,
        "repositoryUri": _uri(record),
        "createdAt": record.created_at,
        "imageTagMutability": properties.get("ImageTagMutability", "MUTABLE"),
        "imageScanningConfiguration": {
            "scanOnPush": (properties.get("ImageScanningConfiguration") or {}).get("ScanOnPush", False)
        },
        "encryptionConfiguration": {
            "encryptionType": encryption["EncryptionType"],
            "kmsKey": encryption.get("KmsKey"),
        },
    }


@operation("ecr", "CreateRepository")
def create_repository(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = {"RepositoryName": params["repositoryName"]}
    if params.get("imageTagMutability"):
        properties["ImageTagMutability"] = params["imageTagMutability"]
    scanning = params.get("imageScanningConfiguration")
    if scanning:
        properties["ImageScanningConfiguration"] = {"ScanOnPush": scanning.get("scanOnPush", False)}
    encryption = params.get("encryptionConfiguration")
    if encryption:
        properties["EncryptionConfiguration"] = {
            "EncryptionType": encryption["encryptionType"],
            **({"KmsKey": encryption["kmsKey"]} if encryption.get("kmsKey") else {}),
        }
    tags = tags_from(params.get("tags"))
    return {"repository": _shape(ctx.world.create(ctx, REPOSITORY, properties, tags=tags, at_once=True))}


@operation("ecr", "DescribeRepositories")
def describe_repositories(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = params.get("repositoryNames")
    records = [need(ctx, n) for n in names] if names else ctx.store.list(ctx.account, ctx.region, REPOSITORY)
    return {"repositories": [_shape(r) for r in records]}


@operation("ecr", "DeleteRepository")
def delete_repository(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    record.data["force"] = bool(params.get("force"))
    shape = _shape(record)
    ctx.world.delete(ctx, record, at_once=True)
    return {"repository": shape}


@operation("ecr", "GetAuthorizationToken")
def get_authorization_token(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    token = base64.b64encode(f"AWS:{ctx.principal.access_key}".encode()).decode()
    endpoint = f"https://{ctx.account}.dkr.ecr.{ctx.region}.amazonaws.com"
    return {
        "authorizationData": [
            {"authorizationToken": token, "expiresAt": ctx.now + 43200, "proxyEndpoint": endpoint}
        ]
    }


# -- configuration of a repository


@operation("ecr", "PutImageScanningConfiguration")
def put_image_scanning(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    scan = {"ScanOnPush": params["imageScanningConfiguration"].get("scanOnPush", False)}
    ctx.world.update(ctx, record, {**record.properties, "ImageScanningConfiguration": scan}, at_once=True)
    return {"repositoryName": record.id, "imageScanningConfiguration": params["imageScanningConfiguration"]}


@operation("ecr", "PutImageTagMutability")
def put_image_tag_mutability(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    word = params["imageTagMutability"]
    ctx.world.update(ctx, record, {**record.properties, "ImageTagMutability": word}, at_once=True)
    return {"repositoryName": record.id, "imageTagMutability": word}


@operation("ecr", "SetRepositoryPolicy")
def set_repository_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    document = json.loads(params["policyText"])
    ctx.world.update(ctx, record, {**record.properties, "RepositoryPolicyText": document}, at_once=True)
    return {"repositoryName": record.id, "policyText": params["policyText"]}


@operation("ecr", "GetRepositoryPolicy")
def get_repository_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    document = record.properties.get("RepositoryPolicyText")
    if not document:
        raise AwsError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{record.id}' in the registry "
            f"with id '{record.account}'",
            400,
        )
    return {"repositoryName": record.id, "policyText": json.dumps(document)}


def _by_arn(ctx: Context, arn: str) -> Record:
    return need(ctx, arn.partition(":repository/")[2])


@operation("ecr", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"tags": tag_list(_by_arn(ctx, params["resourceArn"]).tags)}


@operation("ecr", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["resourceArn"])
    record.tags.update(tags_from(params["tags"]))
    ctx.store.put(record)


@operation("ecr", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _by_arn(ctx, params["resourceArn"])
    for key in params["tagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
