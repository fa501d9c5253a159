"""Lifecycle policies: which images a repository's rules expire, and the daily run that takes them away.

Source: ECR user guide, "Automate the cleanup of images by using lifecycle policies" (rule evaluation: by priority, each
image by the first rule that selects it; images expire within 24 hours).
"""

from __future__ import annotations

import fnmatch
import json
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import on_start, operation
from sandbox.services.ecr.repositories import REPOSITORY, need
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

DAY_S = 86400.0


def rules_of(text: str) -> list[dict[str, Any]]:
    """The rules, by priority. Raises InvalidParameterException for a policy that is none."""
    try:
        rules = json.loads(text)["rules"]
        found = sorted(rules, key=lambda rule: int(rule["rulePriority"]))
        for rule in found:
            chosen = rule["selection"]
            if chosen["tagStatus"] not in ("tagged", "untagged", "any"):
                raise ValueError(f"tagStatus {chosen['tagStatus']}")
            if chosen["tagStatus"] == "tagged" and not (
                chosen.get("tagPrefixList") or chosen.get("tagPatternList")
            ):
                raise ValueError("a tagged rule needs tagPrefixList or tagPatternList")
            if chosen["countType"] not in ("imageCountMoreThan", "sinceImagePushed"):
                raise ValueError(f"countType {chosen['countType']}")
            int(chosen["countNumber"])
    except (ValueError, KeyError, TypeError) as problem:
        text = f"Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '{problem}'"
        raise AwsError("InvalidParameterException", text, 400) from problem
    return found


def expiring(repository: Record, text: str, now: float) -> dict[str, int]:
    """Digests that expire, with the priority of the rule that says so."""
    found: dict[str, int] = {}
    seen: set[str] = set()
    newest = sorted(repository.data["images"].items(), key=lambda item: -float(item[1]["at"]))
    for rule in rules_of(text):
        chosen, number = rule["selection"], int(rule["selection"]["countNumber"])
        fitting = [(d, i) for d, i in newest if d not in seen and _selected(chosen, i["tags"])]
        seen |= {digest for digest, _ in fitting}
        if chosen["countType"] == "imageCountMoreThan":
            out = fitting[number:]
        else:
            out = [(d, i) for d, i in fitting if now - float(i["at"]) > number * DAY_S]
        found |= {digest: int(rule["rulePriority"]) for digest, _ in out}
    return found


def _selected(chosen: dict[str, Any], tags: list[str]) -> bool:
    if chosen["tagStatus"] == "any":
        return True
    if chosen["tagStatus"] == "untagged":
        return not tags
    patterns = [*(p + "*" for p in chosen.get("tagPrefixList") or ()), *(chosen.get("tagPatternList") or ())]
    # Every pattern of a rule has to be met by some tag of the image.
    return bool(tags) and all(any(fnmatch.fnmatchcase(t, p) for t in tags) for p in patterns)


@on_start
def begin(world: World) -> None:
    """Expire images once a day, as long as a repository has a policy."""
    if not world.memory.get("ecr lifecycle") and any(
        r.properties.get("LifecyclePolicy") for r in world.store.everywhere(REPOSITORY)
    ):
        world.memory["ecr lifecycle"] = True
        world.scheduler.at(world.scheduler.now() + DAY_S, lambda: _run(world))


def _run(world: World) -> None:
    world.memory["ecr lifecycle"] = False
    for repository in world.store.everywhere(REPOSITORY):
        policy = repository.properties.get("LifecyclePolicy")
        if policy:
            for digest in expiring(repository, policy["LifecyclePolicyText"], world.scheduler.now()):
                del repository.data["images"][digest]
            world.store.put(repository)
    begin(world)


@operation("ecr", "StartLifecyclePolicyPreview")
def start_preview(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """Of the given policy, or of the repository's own."""
    record = need(ctx, params["repositoryName"])
    text = params.get("lifecyclePolicyText") or get_lifecycle_policy(ctx, params)["lifecyclePolicyText"]
    record.data["preview"] = {"text": text, "found": expiring(record, text, ctx.now)}
    ctx.store.put(record)
    return {
        "registryId": record.account,
        "repositoryName": record.id,
        "lifecyclePolicyText": text,
        "status": "IN_PROGRESS",
    }


@operation("ecr", "GetLifecyclePolicyPreview")
def get_preview(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    preview = record.data.get("preview")
    if preview is None:
        text = f"Lifecycle policy preview does not exist for the repository with name '{record.id}' in the registry "
        raise AwsError("LifecyclePolicyPreviewNotFoundException", f"{text}with id '{record.account}'", 400)
    rows = [
        {
            "imageTags": image["tags"],
            "imageDigest": digest,
            "imagePushedAt": image["at"],
            "action": {"type": "EXPIRE"},
            "appliedRulePriority": preview["found"][digest],
        }
        for digest, image in record.data["images"].items()
        if digest in preview["found"]
    ]
    return {
        "registryId": record.account,
        "repositoryName": record.id,
        "lifecyclePolicyText": preview["text"],
        "status": "COMPLETE",
        "previewResults": rows,
        "summary": {"expiringImageTotalCount": len(rows)},
    }


@operation("ecr", "PutLifecyclePolicy")
def put_lifecycle_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    text = params["lifecyclePolicyText"]
    rules_of(text)
    properties = {**record.properties, "LifecyclePolicy": {"LifecyclePolicyText": text}}
    ctx.world.update(ctx, record, properties, at_once=True)
    begin(ctx.world)
    return {"registryId": record.account, "repositoryName": record.id, "lifecyclePolicyText": text}


@operation("ecr", "GetLifecyclePolicy")
def get_lifecycle_policy(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["repositoryName"])
    policy = record.properties.get("LifecyclePolicy")
    if not policy:
        raise AwsError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{record.id}' in the registry "
            f"with id '{record.account}'",
            400,
        )
    return {
        "registryId": record.account,
        "repositoryName": record.id,
        "lifecyclePolicyText": policy["LifecyclePolicyText"],
    }
