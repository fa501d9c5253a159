"""Comparing the templates of two sides: what was deployed, read from stored assemblies, or what a release makes."""

import json
import re
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from environments.lifecycle.models import Comparison, RegionFacts, Release
from environments.lifecycle.reference import reference_spec
from environments.lifecycle.stacks import stacks_of
from workers.assembly import assembly_load, template_parse
from workers.changes import Rules, template_changes
from workers.synthesis import synthesise
from workers.workflow import StepFailed

RELEASE_TAG = "switchyard:release"

Templates = dict[str, dict[str, Any]]
"""Resources by logical id, by the stack's key."""


def comparison_make(row: Comparison) -> None:
    """Make it and keep it; a second message finds it made. What cannot be made says why in a sentence."""
    if row.status == Comparison.Status.MADE:
        return
    try:
        left, right = templates_of(row.left), templates_of(row.right)
        if row.left.get("as"):
            left = {key: named_alike(old, right.get(key, {})) for key, old in left.items()}
        document = compared(left, right, _rules(row))
    except StepFailed as error:
        _keep(row, Comparison.Status.FAILED, sentence=str(error))
    except FileNotFoundError:
        _keep(row, Comparison.Status.FAILED, sentence="The templates of one side are no longer kept.")
    else:
        _keep(row, Comparison.Status.MADE, document=document)


def _keep(row: Comparison, status: str, **fields: Any) -> None:
    Comparison.objects.filter(pk=row.pk).update(status=status, made_at=timezone.now(), **fields)


def compared(left: Templates, right: Templates, rules: Rules) -> dict[str, Any]:
    """{"stacks": [{"key", "action", "changes"}], "counts"}: stacks that differ only, in the right side's order."""
    stacks: list[dict[str, Any]] = []
    for key in [*right, *(key for key in left if key not in right)]:
        changes = template_changes(left.get(key, {}), right.get(key, {}), rules)
        if changes:
            action = "update" if key in left and key in right else "create" if key in right else "delete"
            stacks.append({"key": key, "action": action, "changes": changes})
    counts: dict[str, int] = {}
    for stack in stacks:
        for change in stack["changes"]:
            counts[change["action"]] = counts.get(change["action"], 0) + 1
    return {"stacks": stacks, "counts": counts}


def templates_of(side: Mapping[str, Any]) -> Templates:
    """The templates of one side of a Comparison. Raises FileNotFoundError, StepFailed."""
    if "release" in side:
        return _of_release(Release.objects.get(pk=side["release"]), side["size"])
    told = placeholders(side.get("as", {}))
    found = {}
    for key, stack in side["stacks"].items():
        template = assembly_load(stack["assembly"]).stack(stack["name"]).template
        for text, name in told:
            template = template.replace(text, name)
        found[key] = _released(template_parse(template)["Resources"])
    return found


def named_alike(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """`old` with the logical ids of `new` for resources that are the same but for their ids.

    CDK makes some ids from the stack's name (rules between security groups), which two environments never share.
    """
    alone = {_canonical(new[name]): name for name in new if name not in old}
    told = {name: alone[_canonical(old[name])] for name in old if _canonical(old[name]) in alone}
    text = json.dumps({told.get(name, name): row for name, row in old.items()})
    for name, other in told.items():
        text = text.replace(f'"{name}"', f'"{other}"')
    alike: dict[str, Any] = json.loads(text)
    return alike


def _canonical(resource: dict[str, Any]) -> str:
    return json.dumps(resource, sort_keys=True)


def _released(value: Any) -> Any:
    """Without the release's version in every tag: that it is another one is told apart."""
    if isinstance(value, list):
        return [_released(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("Key") == RELEASE_TAG:
        return {**value, "Value": "<release>"}
    return {key: "<release>" if key == RELEASE_TAG else _released(item) for key, item in value.items()}


WORDS = ("name", "suffix", "team", "owner")
"""Fields whose values may be a part of any word: they are told apart where they are all of a string."""


def placeholders(identity: Mapping[str, str]) -> list[tuple[str, str]]:
    """(text, what stands for it), the longest first, so that "shop.dev.example.org" goes before "dev.example.org"."""
    told = {
        f'"{value}"' if name in WORDS else str(value): f'"<{name}>"' if name in WORDS else f"<{name}>"
        for name, value in identity.items()
    }
    if "name" in identity and "suffix" in identity:
        told[f"{identity['name']}-{identity['suffix']}"] = "<name>-<suffix>"
    for field in ("cidr", "other_cidr"):
        block = re.match(r"\d+\.\d+\.", identity.get(field, ""))
        if block and identity[field].endswith("/16"):
            # Its subnets begin like it: 10.12.0.0/16 has 10.12.16.0/20.
            told[block.group()] = f"<{field}>."
            told.pop(identity[field])
    return sorted(told.items(), key=lambda pair: -len(pair[0]))


def _of_release(release: Release, size: str) -> Templates:
    row = RegionFacts.objects.filter(region__in=release.regions).order_by("region", "-found_at").first()
    if row is None:
        raise StepFailed("No account is ready yet: nothing is known of a region that the release supports.")
    region, facts = row.region, row.facts
    spec = reference_spec(release, size, region)
    name = synthesise(
        release=release,
        app="environment",
        spec=spec,
        facts={region: facts},
    )
    assembly = assembly_load(name)
    stem = f"sy-{spec['name']}-{spec['suffix']}-"
    keys = [stack.key for stack in stacks_of(release, spec)]
    return {key: _released(assembly.stack(f"{stem}{key}").resources) for key in keys}


def _rules(row: Comparison) -> Rules:
    """What replaces, as the right side's release says it."""
    release = row.right.get("by") or row.right["release"]
    return Rules.of(Release.objects.get(pk=release).description)
