"""What the parts of load balancing share: finding, refusing, actions, attributes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.services._listing import page
from sandbox.store import Record

BALANCER = "AWS::ElasticLoadBalancingV2::LoadBalancer"
LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
RULE = "AWS::ElasticLoadBalancingV2::ListenerRule"
TARGET_GROUP = "AWS::ElasticLoadBalancingV2::TargetGroup"
LISTENER_CERTIFICATE = "AWS::ElasticLoadBalancingV2::ListenerCertificate"

MISSING = {
    BALANCER: ("LoadBalancerNotFound", "One or more load balancers not found"),
    LISTENER: ("ListenerNotFound", "One or more listeners not found"),
    RULE: ("RuleNotFound", "One or more rules not found"),
    TARGET_GROUP: ("TargetGroupNotFound", "One or more target groups not found"),
}
KINDS = {"loadbalancer": BALANCER, "listener": LISTENER, "listener-rule": RULE, "targetgroup": TARGET_GROUP}


def need(ctx: Context, type_name: str, arn: str) -> Record:
    """The record of an ARN, or AWS's refusal."""
    record = ctx.store.get(ctx.account, ctx.region, type_name, arn)
    if record is None:
        raise AwsError(*MISSING[type_name], 400)
    return record


def listed(ctx: Context, type_name: str) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, type_name)


def any_kind(ctx: Context, arn: str) -> Record:
    """The record of any ARN of the service."""
    kind = KINDS.get(arn.split(":")[-1].partition("/")[0])
    if kind is None:
        raise AwsError("ValidationError", f"'{arn}' is not a valid resource ARN", 400)
    return need(ctx, kind, arn)


def balancer_of(ctx: Context, listener: Record) -> Record | None:
    return ctx.store.get(ctx.account, ctx.region, BALANCER, listener.properties["LoadBalancerArn"])


def listeners_of(ctx: Context, balancer: str) -> list[Record]:
    return [r for r in listed(ctx, LISTENER) if r.properties["LoadBalancerArn"] == balancer]


def rules_of(ctx: Context, listener: str) -> list[Record]:
    return [r for r in listed(ctx, RULE) if r.properties["ListenerArn"] == listener]


def paged(
    ctx: Context, params: Mapping[str, Any], records: Sequence[Record], key: str,
    shape: Callable[[Context, Record], dict[str, Any]],
) -> dict[str, Any]:  # fmt: skip
    """The answer of a Describe* operation in pages of at most 400."""
    some, token = page(
        records, params.get("PageSize"), params.get("Marker"), most=400, code="ValidationError"
    )
    return {key: [shape(ctx, r) for r in some], **({"NextMarker": token} if token else {})}


def target_groups_in(actions: Sequence[Mapping[str, Any]]) -> list[str]:
    """ARNs of the target groups that actions forward to."""
    found = []
    for action in actions:
        if action.get("TargetGroupArn"):
            found.append(str(action["TargetGroupArn"]))
        for target in (action.get("ForwardConfig") or {}).get("TargetGroups") or ():
            found.append(str(target["TargetGroupArn"]))
    return list(dict.fromkeys(found))


def check_actions(ctx: Context, actions: Sequence[Mapping[str, Any]]) -> None:
    for arn in target_groups_in(actions):
        need(ctx, TARGET_GROUP, arn)
    ends = ("forward", "redirect", "fixed-response")
    if sum(a["Type"] in ends for a in actions) != 1:
        raise AwsError("ValidationError", "An action list must contain exactly one action of the types "
                       "'forward', 'redirect' and 'fixed-response'", 400)  # fmt: skip


def action_shape(action: Mapping[str, Any]) -> dict[str, Any]:
    """An action as the API shows it: with what AWS fills in."""
    shape = dict(action)
    if shape["Type"] == "redirect":
        filled = {"Protocol": "#{protocol}", "Port": "#{port}", "Host": "#{host}", "Path": "/#{path}",
                  "Query": "#{query}"}  # fmt: skip
        shape["RedirectConfig"] = {**filled, **(shape.get("RedirectConfig") or {})}
    if shape["Type"] == "forward":
        arns = target_groups_in([action])
        weights = (shape.get("ForwardConfig") or {}).get("TargetGroups") or [
            {"TargetGroupArn": a} for a in arns
        ]
        shape["ForwardConfig"] = {
            "TargetGroups": [{"Weight": 1, **w} for w in weights],
            "TargetGroupStickinessConfig": (shape.get("ForwardConfig") or {}).get(
                "TargetGroupStickinessConfig", {"Enabled": False}
            ),
        }
        if len(arns) == 1:
            shape["TargetGroupArn"] = arns[0]
    return shape


def attributes(record: Record, name: str, defaults: Mapping[str, str]) -> dict[str, str]:
    """A record's attributes: AWS's defaults and what its property `name` sets."""
    return {**defaults, **{a["Key"]: str(a.get("Value", "")) for a in record.properties.get(name) or ()}}


def merged_attributes(
    record: Record, name: str, changes: Sequence[Mapping[str, str]]
) -> list[dict[str, str]]:
    """The property `name` after an API call that sets some of its keys."""
    values = {a["Key"]: str(a.get("Value", "")) for a in record.properties.get(name) or ()}
    values |= {c["Key"]: str(c.get("Value", "")) for c in changes}
    return pairs(values)


def pairs(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": k, "Value": v} for k, v in values.items()]


def check_name(name: str, what: str) -> None:
    """Names have at most 32 letters, digits and hyphens (API reference, CreateLoadBalancer, CreateTargetGroup)."""
    if len(name) > 32:
        raise AwsError("ValidationError", f"{what} name '{name}' cannot be longer than '32' characters", 400)
    if not name or not all(c.isascii() and (c.isalnum() or c == "-") for c in name):
        raise AwsError(
            "ValidationError", f"{what} name '{name}' can only contain characters that are alphanumeric characters "
            "and hyphens(-)", 400,
        )  # fmt: skip
    if name.startswith("-") or name.endswith("-"):
        raise AwsError("ValidationError", f"{what} name '{name}' cannot begin or end with a hyphen(-)", 400)
