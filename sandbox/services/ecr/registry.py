"""The registry of an account and region: replication, scans, its policy.

Source: ECR user guide, "Private image replication" (what is pushed after the rule; repositories are made where they are
missing; another account needs a registry policy there) and "Scan images for software vulnerabilities".
"""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any

from sandbox.application.dark import held_back
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.decision import Caller, resource_says
from sandbox.iam.documents import parsed
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services._casing import from_cfn, to_cfn
from sandbox.services.ecr import images
from sandbox.services.ecr.images import find, no_image
from sandbox.services.ecr.repositories import REPOSITORY, need
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

REPLICATION = "AWS::ECR::ReplicationConfiguration"
SCANNING = "AWS::ECR::RegistryScanningConfiguration"
POLICY = "AWS::ECR::RegistryPolicy"
COPY = "Sandbox::ECR::Replication"
SCAN = "Sandbox::ECR::Scan"
AGAIN_S = 5.0


@resource_type(REPLICATION, SCANNING, POLICY)
class OfRegistry(ResourceType):
    """There is one of each in an account and region; its id is the account."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return ctx.account

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"RegistryId": record.id}


def _set(ctx: Context, kind: str, properties: dict[str, Any]) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, kind, ctx.account)
    if record is None:
        return ctx.world.create(ctx, kind, properties, at_once=True)
    return ctx.world.update(ctx, record, properties, at_once=True)


def _rules(world: World, account: str, region: str, kind: str) -> list[dict[str, Any]]:
    record = world.store.get(account, region, kind, account)
    if record is None:
        return []
    found = record.properties.get("ReplicationConfiguration") or record.properties
    return list(found.get("Rules") or ())


def _fits(rule: dict[str, Any], name: str) -> bool:
    """No filter: every repository."""
    filters = rule.get("RepositoryFilters") or ()
    return not filters or any(
        name.startswith(f["Filter"])
        if f["FilterType"] == "PREFIX_MATCH"
        else fnmatch.fnmatchcase(name, f["Filter"])
        for f in filters
    )


# -- replication


@operation("ecr", "PutReplicationConfiguration")
def put_replication(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = params["replicationConfiguration"]
    for rule in given.get("rules") or ():
        for place in rule["destinations"]:
            if (place["registryId"], place["region"]) == (ctx.account, ctx.region):
                text = "Invalid parameter at 'replicationConfiguration' failed to satisfy constraint: 'a registry "
                raise AwsError("InvalidParameterException", f"{text}cannot replicate to itself'", 400)
    _set(ctx, REPLICATION, {"ReplicationConfiguration": to_cfn(given)})
    return {"replicationConfiguration": given}


@operation("ecr", "DescribeRegistry")
def describe_registry(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rules = from_cfn(_rules(ctx.world, ctx.account, ctx.region, REPLICATION))
    return {"registryId": ctx.account, "replicationConfiguration": {"rules": rules}}


def replicate(ctx: Context, record: Record, digest: str) -> None:
    """After a push: to each destination of each rule that fits, after its time."""
    places = record.data["images"][digest].setdefault("copies", {})
    for rule in _rules(ctx.world, record.account, record.region, REPLICATION):
        for place in rule.get("Destinations") or () if _fits(rule, record.id) else ():
            where = f"{place['RegistryId']}/{place['Region']}"
            places[where] = "IN_PROGRESS"
            wait = ctx.world.duration(COPY, "create") * float(ctx.world.settings["speed"])
            _later(ctx.world, record, digest, where, wait, ctx.now)


def _later(world: World, record: Record, digest: str, where: str, seconds: float, since: float) -> None:
    due = world.scheduler.now() + seconds
    world.scheduler.at(due, lambda: _copy(world, record, digest, where, since))


def _copy(world: World, record: Record, digest: str, where: str, since: float) -> None:
    account, _, region = where.partition("/")
    image = record.data["images"].get(digest)
    if image is None:
        return
    if held_back(world, "ecr", since, (account, region), (record.account, record.region)):
        _later(world, record, digest, where, AGAIN_S, since)
        return
    if not _let_in(world, record, account, region):
        image["copies"][where] = "FAILED"
        world.store.put(record)
        return
    there = world.context(account, region)
    target = world.store.get(account, region, REPOSITORY, record.id)
    if target is None:
        target = world.create(there, REPOSITORY, {"RepositoryName": record.id}, at_once=True)
    for other in target.data["images"].values():
        other["tags"] = [t for t in other["tags"] if t not in image["tags"]]
    target.data["images"][digest] = {**image, "tags": list(image["tags"]), "copies": {}, "at": there.now}
    image["copies"][where] = "COMPLETE"
    world.store.put(target)
    world.store.put(record)


def _let_in(world: World, record: Record, account: str, region: str) -> bool:
    """Another account's registry policy has to allow ecr:ReplicateImage to the source's account."""
    if account == record.account:
        return True
    found = world.store.get(account, region, POLICY, account)
    document = parsed(found.properties["PolicyText"]) if found is not None else {}
    who = f"arn:aws:iam::{record.account}:root"
    request = policy.Request(
        "ecr:ReplicateImage", f"arn:aws:ecr:{region}:{account}:repository/{record.id}", {}
    )
    denied, granted = resource_says(document, Caller(record.account, who, who), request)
    return bool(granted) and not denied


@operation("ecr", "DescribeImageReplicationStatus")
def describe_replication_status(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    found = find(record, params["imageId"])
    if found is None:
        raise no_image(record, params["imageId"])
    rows = []
    for where, status in found[1].get("copies", {}).items():
        account, _, region = where.partition("/")
        row = {"region": region, "registryId": account, "status": status}
        rows.append({**row, **({"failureCode": "AccessDenied"} if status == "FAILED" else {})})
    return {"repositoryName": record.id, "imageId": params["imageId"], "replicationStatuses": rows}


# -- registry policy


@operation("ecr", "PutRegistryPolicy")
def put_registry_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    _set(ctx, POLICY, {"PolicyText": parsed(params["policyText"])})
    return {"registryId": ctx.account, "policyText": params["policyText"]}


def _policy(ctx: Context) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, POLICY, ctx.account)
    if record is None:
        text = f"Registry policy does not exist in the registry with id '{ctx.account}'"
        raise AwsError("RegistryPolicyNotFoundException", text, 400)
    return record


@operation("ecr", "GetRegistryPolicy")
def get_registry_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"registryId": ctx.account, "policyText": json.dumps(_policy(ctx).properties["PolicyText"])}


@operation("ecr", "DeleteRegistryPolicy")
def delete_registry_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = get_registry_policy(ctx, params)
    ctx.world.delete(ctx, _policy(ctx), at_once=True)
    return answer


# -- scans: every image is without findings, unless data["findings"] of it says otherwise


@operation("ecr", "PutRegistryScanningConfiguration")
def put_scanning(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = to_cfn({n: params[n] for n in ("scanType", "rules") if params.get(n) is not None})
    _set(ctx, SCANNING, {"ScanType": "BASIC", "Rules": [], **properties})
    return {"registryScanningConfiguration": _scanning(ctx)}


@operation("ecr", "GetRegistryScanningConfiguration")
def get_scanning(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"registryId": ctx.account, "scanningConfiguration": _scanning(ctx)}


def _scanning(ctx: Context) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, SCANNING, ctx.account)
    given = record.properties if record is not None else {}
    return {"scanType": given.get("ScanType", "BASIC"), "rules": from_cfn(given.get("Rules") or [])}


def scan_on_push(ctx: Context, record: Record, digest: str) -> None:
    """By a rule of the registry, or by the repository's own setting."""
    rules = _rules(ctx.world, ctx.account, ctx.region, SCANNING)
    often = {r["ScanFrequency"] for r in rules if _fits(r, record.id)}
    own = (record.properties.get("ImageScanningConfiguration") or {}).get("ScanOnPush")
    if own or often & {"SCAN_ON_PUSH", "CONTINUOUS_SCAN"}:
        _scan(ctx, record, digest)


def _scan(ctx: Context, record: Record, digest: str) -> None:
    takes = ctx.world.duration(SCAN, "create") * float(ctx.world.settings["speed"])
    record.data["images"][digest]["scan"] = ctx.now + takes
    ctx.store.put(record)


@operation("ecr", "StartImageScan")
def start_image_scan(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    found = find(record, params["imageId"])
    if found is None:
        raise no_image(record, params["imageId"])
    _scan(ctx, record, found[0])
    return {
        "registryId": record.account,
        "repositoryName": record.id,
        "imageId": {"imageDigest": found[0], **params["imageId"]},
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }


@operation("ecr", "DescribeImageScanFindings")
def describe_findings(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    found = find(record, params["imageId"])
    if found is None:
        raise no_image(record, params["imageId"])
    digest, image = found
    answer: dict[str, Any] = {
        "registryId": record.account,
        "repositoryName": record.id,
        "imageId": {"imageDigest": digest, **params["imageId"]},
    }
    if "scan" not in image:
        text = (
            f"Image scan does not exist for the image with '{params['imageId']}' in the repository with name "
        )
        text += f"'{record.id}' in the registry with id '{record.account}'"
        raise AwsError("ScanNotFoundException", text, 400)
    if ctx.now < image["scan"]:
        return {**answer, "imageScanStatus": {"status": "IN_PROGRESS"}}
    findings = image.get("findings", [])
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding["severity"]] = counts.get(finding["severity"], 0) + 1
    done = {"status": "COMPLETE", "description": "The scan was completed successfully."}
    what = {"imageScanCompletedAt": image["scan"], "findings": findings, "findingSeverityCounts": counts}
    return {**answer, "imageScanStatus": done, "imageScanFindings": what}


images.ON_PUSH += [scan_on_push, replicate]
