"""Images: manifests by digest and tag."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services.ecr.repositories import need
from sandbox.store import Record

ON_PUSH: list[Callable[[Context, Record, str], None]] = []
"""Called with repository and digest after a push: replication, scans."""


@operation("ecr", "PutImage")
def put_image(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    manifest, tag = params["imageManifest"], params.get("imageTag")
    digest = "sha256:" + hashlib.sha256(manifest.encode()).hexdigest()
    images = record.data["images"]
    holder = next((d for d, i in images.items() if tag and tag in i["tags"]), None)
    if holder == digest:
        raise AwsError(
            "ImageAlreadyExistsException", f"Image with digest '{digest}' and tag '{tag}' already exists", 400
        )
    if holder is not None:
        if record.properties.get("ImageTagMutability") == "IMMUTABLE":
            raise AwsError(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{record.id}' repository and cannot be overwritten "
                "because the tag is immutable.",
                400,
            )
        images[holder]["tags"].remove(tag)
    media = params.get("imageManifestMediaType") or "application/vnd.docker.distribution.manifest.v2+json"
    image = images.setdefault(digest, {"manifest": manifest, "media": media, "tags": [], "at": ctx.now})
    if tag:
        image["tags"].append(tag)
    ctx.store.put(record)
    for told in ON_PUSH:
        told(ctx, record, digest)
    id = {"imageDigest": digest, "imageTag": tag}
    return {
        "image": {
            "registryId": record.account,
            "repositoryName": record.id,
            "imageId": id,
            "imageManifest": manifest,
        }
    }


@operation("ecr", "ListImages")
def list_images(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ids: list[dict[str, Any]] = []
    wanted = (params.get("filter") or {}).get("tagStatus")
    for digest, image in need(ctx, params["repositoryName"]).data["images"].items():
        if image["tags"] and wanted != "UNTAGGED":
            ids.extend({"imageDigest": digest, "imageTag": t} for t in image["tags"])
        elif not image["tags"] and wanted != "TAGGED":
            ids.append({"imageDigest": digest})
    return {"imageIds": ids}


def find(record: Record, id: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """Digest and entry of an image id (digest, tag or both)."""
    for digest, image in record.data["images"].items():
        if id.get("imageDigest", digest) == digest and (
            not id.get("imageTag") or id["imageTag"] in image["tags"]
        ):
            return digest, image
    return None


def _failure(id: dict[str, Any]) -> dict[str, Any]:
    return {"imageId": id, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}


def no_image(record: Record, id: dict[str, Any]) -> AwsError:
    text = f"The image with imageId {json.dumps(id)} does not exist within the repository with name "
    return AwsError(
        "ImageNotFoundException",
        f"{text}'{record.id}' in the registry with id '{record.account}'",
        400,
    )


@operation("ecr", "DescribeImages")
def describe_images(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    ids = params.get("imageIds") or [{"imageDigest": d} for d in record.data["images"]]
    details = []
    for id in ids:
        found = find(record, id)
        if found is None:
            raise no_image(record, id)
        digest, image = found
        details.append(
            {
                "registryId": record.account,
                "repositoryName": record.id,
                "imageDigest": digest,
                "imageTags": image["tags"] or None,
                "imageSizeInBytes": len(image["manifest"]),
                "imagePushedAt": image["at"],
                "imageManifestMediaType": image["media"],
            }
        )
    return {"imageDetails": details}


@operation("ecr", "BatchGetImage")
def batch_get_image(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    images, failures = [], []
    for id in params["imageIds"]:
        found = find(record, id)
        if found is None:
            failures.append(_failure(id))
            continue
        shown = {"imageDigest": found[0], "imageTag": id.get("imageTag")}
        images.append({"registryId": record.account, "repositoryName": record.id, "imageId": shown,
                       "imageManifest": found[1]["manifest"]})  # fmt: skip
    return {"images": images, "failures": failures}


@operation("ecr", "BatchDeleteImage")
def batch_delete_image(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    gone, failures = [], []
    for id in params["imageIds"]:
        found = find(record, id)
        if found is None:
            failures.append(_failure(id))
            continue
        digest, image = found
        if id.get("imageTag") and not id.get("imageDigest") and len(image["tags"]) > 1:
            image["tags"].remove(id["imageTag"])
        else:
            del record.data["images"][digest]
        gone.append({"imageDigest": digest, "imageTag": id.get("imageTag")})
    ctx.store.put(record)
    return {"imageIds": gone, "failures": failures}
