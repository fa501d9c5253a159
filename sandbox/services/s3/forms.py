"""Lifecycle and replication rules: the API's and CloudFormation's form of the same properties, and their checks."""

from __future__ import annotations

from typing import Any

from sandbox.errors import AwsError

Shape = dict[str, Any]
_KEPT = ("NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
LEAST_DAYS = {"STANDARD_IA": 30, "ONEZONE_IA": 30}
"""S3 user guide, "Transitioning objects using Amazon S3 Lifecycle"."""


def selected(rule: Shape) -> Shape:
    """The conditions of an API rule (Prefix, Filter, Filter.And) in CloudFormation's members."""
    chosen = rule.get("Filter") or {}
    chosen = {**chosen, **(chosen.get("And") or {})}
    tags = chosen.get("Tags") or ([chosen["Tag"]] if chosen.get("Tag") else [])
    made: Shape = {}
    prefix = chosen.get("Prefix") or rule.get("Prefix")
    if prefix:
        made["Prefix"] = prefix
    if tags:
        made["TagFilters"] = tags
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if chosen.get(name) is not None:
            made[name] = str(chosen[name])
    return made


def api_filter(rule: Shape) -> Shape:
    """The API's Filter of a CloudFormation rule."""
    made: Shape = {}
    if rule.get("Prefix"):
        made["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if rule.get(name) is not None:
            made[name] = int(rule[name])
    tags = rule.get("TagFilters") or []
    if len(tags) > 1 or (tags and made) or len(made) > 1:
        return {"And": {**made, **({"Tags": tags} if tags else {})}}
    if tags:
        return {"Tag": tags[0]}
    return made or {"Prefix": ""}


def lifecycle_from(value: Shape) -> Shape:
    """CloudFormation's form of what PutBucketLifecycleConfiguration brings."""
    rules = []
    for rule in value.get("Rules", ()):
        made = {k: rule[k] for k in ("Status", *_KEPT) if rule.get(k)}
        made.update(selected(rule))
        if rule.get("ID"):
            made["Id"] = rule["ID"]
        expiration = rule.get("Expiration") or {}
        if "Days" in expiration:
            made["ExpirationInDays"] = expiration["Days"]
        if "Date" in expiration:
            made["ExpirationDate"] = str(expiration["Date"])
        if expiration.get("ExpiredObjectDeleteMarker"):
            made["ExpiredObjectDeleteMarker"] = True
        if rule.get("Transitions"):
            made["Transitions"] = [
                {"StorageClass": t["StorageClass"], "TransitionInDays": t.get("Days", 0)}
                for t in rule["Transitions"]
            ]
        if rule.get("NoncurrentVersionTransitions"):
            made["NoncurrentVersionTransitions"] = [
                {
                    **{k: v for k, v in t.items() if k != "NoncurrentDays"},
                    "TransitionInDays": t.get("NoncurrentDays", 0),
                }
                for t in rule["NoncurrentVersionTransitions"]
            ]
        rules.append(made)
    return {"Rules": rules}


def lifecycle_to(value: Shape) -> Shape:
    """The API's form."""
    return {"Rules": [_rule_to(rule, n) for n, rule in enumerate(value.get("Rules", ()), 1)]}


def _rule_to(rule: Shape, number: int) -> Shape:
    made: Shape = {
        "ID": rule.get("Id", f"rule-{number}"),
        "Status": rule["Status"],
        "Filter": api_filter(rule),
    }
    expiration: Shape = {}
    if "ExpirationInDays" in rule:
        expiration["Days"] = rule["ExpirationInDays"]
    if "ExpirationDate" in rule:
        expiration["Date"] = rule["ExpirationDate"]
    if rule.get("ExpiredObjectDeleteMarker"):
        expiration["ExpiredObjectDeleteMarker"] = True
    if expiration:
        made["Expiration"] = expiration
    for name in _KEPT:
        if rule.get(name):
            made[name] = rule[name]
    if "NoncurrentVersionExpirationInDays" in rule:
        made["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
    if transitions(rule):
        made["Transitions"] = [
            {"StorageClass": t["StorageClass"], "Days": int(t.get("TransitionInDays", 0))}
            for t in transitions(rule)
        ]
    if noncurrent_transitions(rule):
        made["NoncurrentVersionTransitions"] = [
            {
                **{k: v for k, v in t.items() if k != "TransitionInDays"},
                "NoncurrentDays": int(t["TransitionInDays"]),
            }
            for t in noncurrent_transitions(rule)
        ]
    return made


def transitions(rule: Shape) -> list[Shape]:
    """Transitions of current versions: CloudFormation has a list and an older single one."""
    return list(rule.get("Transitions") or ([rule["Transition"]] if rule.get("Transition") else []))


def noncurrent_transitions(rule: Shape) -> list[Shape]:
    old = rule.get("NoncurrentVersionTransition")
    return list(rule.get("NoncurrentVersionTransitions") or ([old] if old else []))


def check_lifecycle(value: Shape) -> None:
    """Refuse rules that S3 refuses. Raises InvalidArgument."""
    for rule in value.get("Rules", ()):
        days = rule.get("ExpirationInDays")
        if days is not None and int(days) <= 0:
            text = "'Days' for Expiration action must be a positive integer"
            raise AwsError("InvalidArgument", text, 400)
        for transition in transitions(rule):
            least = LEAST_DAYS.get(transition["StorageClass"], 0)
            if "TransitionInDays" in transition and int(transition["TransitionInDays"]) < least:
                raise AwsError(
                    "InvalidArgument",
                    f"'Days' in Transition action must be greater than or equal to {least} for storageClass "
                    f"'{transition['StorageClass']}'",
                    400,
                )


def replication_from(value: Shape) -> Shape:
    """CloudFormation's form of what PutBucketReplication brings."""
    rules = []
    for rule in value.get("Rules", ()):
        made = {k: v for k, v in rule.items() if k not in ("ID", "Filter")}
        if rule.get("ID"):
            made["Id"] = rule["ID"]
        chosen = rule.get("Filter")
        if chosen is not None:
            both = chosen.get("And") or {}
            made["Filter"] = {k: v for k, v in chosen.items() if k == "Prefix"}
            if chosen.get("Tag"):
                made["Filter"]["TagFilter"] = chosen["Tag"]
            if both:
                made["Filter"]["And"] = {
                    **({"Prefix": both["Prefix"]} if both.get("Prefix") else {}),
                    "TagFilters": both.get("Tags", []),
                }
        rules.append(made)
    return {"Role": value.get("Role", ""), "Rules": rules}


def replication_to(value: Shape) -> Shape:
    """The API's form."""
    rules = []
    for number, rule in enumerate(value.get("Rules", ()), 1):
        made = {k: v for k, v in rule.items() if k not in ("Id", "Filter")}
        made["ID"] = rule.get("Id", f"rule-{number}")
        chosen = rule.get("Filter")
        if chosen is not None:
            both = chosen.get("And") or {}
            made["Filter"] = {k: v for k, v in chosen.items() if k == "Prefix"}
            if chosen.get("TagFilter"):
                made["Filter"]["Tag"] = chosen["TagFilter"]
            if both:
                made["Filter"]["And"] = {"Prefix": both.get("Prefix", ""), "Tags": both.get("TagFilters", [])}
        rules.append(made)
    return {"ReplicationConfiguration": {"Role": value.get("Role", ""), "Rules": rules}}
