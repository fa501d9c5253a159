"""Listeners and their rules."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_hex, tags_from
from sandbox.services.ec2.base import stable_hex
from sandbox.services.elbv2 import base
from sandbox.store import Record

CERTIFICATE = "AWS::CertificateManager::Certificate"
SECURE = ("HTTPS", "TLS")
DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"


@resource_type(base.LISTENER)
class Listener(ResourceType):
    """A listener; its default actions are its last rule."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        balancer = properties["LoadBalancerArn"].replace(":loadbalancer/", ":listener/")
        return f"{balancer}/{random_hex(16)}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        balancer = base.need(ctx, base.BALANCER, properties["LoadBalancerArn"])
        if any(
            x.properties.get("Port") == properties.get("Port") for x in base.listeners_of(ctx, balancer.id)
        ):
            raise AwsError(
                "DuplicateListener",
                f"A listener already exists on this port for this load balancer '{balancer.id}'",
                400,
            )
        self._check(ctx, properties)

    def _check(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.check_actions(ctx, properties["DefaultActions"])
        certificates = properties.get("Certificates") or ()
        if properties.get("Protocol") in SECURE and not certificates:
            raise AwsError("ValidationError", "A certificate must be specified for HTTPS listeners", 400)
        if properties.get("Protocol") not in SECURE and certificates:
            raise AwsError("ValidationError", "Certificates cannot be specified for HTTP listeners", 400)
        check_certificates(ctx, certificates)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"ListenerArn": record.id}

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        for other in base.listeners_of(ctx, record.properties["LoadBalancerArn"]):
            if other.id != record.id and other.properties.get("Port") == properties.get("Port"):
                raise AwsError(
                    "DuplicateListener",
                    "A listener already exists on this port for this load balancer "
                    f"'{record.properties['LoadBalancerArn']}'",
                    400,
                )
        self._check(ctx, properties)

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for rule in base.rules_of(ctx, record.id):
            ctx.store.remove(rule)
        return None


def check_certificates(ctx: Context, certificates: Any) -> None:
    """Each must exist in this account and region and be issued (imported IAM certificates are not looked at)."""
    for entry in certificates:
        arn = entry.get("CertificateArn", "")
        if ":acm:" not in arn:
            continue
        record = ctx.store.get(ctx.account, ctx.region, CERTIFICATE, arn)
        if record is None:
            raise AwsError("CertificateNotFound", f"Certificate '{arn}' not found", 400)
        if not record.data.get("issued_at"):
            raise AwsError(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported signature, and a "
                "supported key size.",
                400,
            )


@resource_type(base.LISTENER_CERTIFICATE)
class ListenerCertificate(ResourceType):
    """Further certificates of a listener."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.LISTENER, properties["ListenerArn"])
        check_certificates(ctx, properties["Certificates"])


@resource_type(base.RULE)
class ListenerRule(ResourceType):
    """A rule of a listener, with a priority of its own."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['ListenerArn'].replace(':listener/', ':listener-rule/')}/{random_hex(16)}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return id

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        base.need(ctx, base.LISTENER, properties.get("ListenerArn", ""))
        self._check(ctx, properties, None)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties, record)

    def _check(self, ctx: Context, properties: dict[str, Any], record: Record | None) -> None:
        base.check_actions(ctx, properties["Actions"])
        priority = int(properties["Priority"])
        if not 1 <= priority <= 50000:
            raise AwsError("ValidationError", "Priority must be between 1 and 50000", 400)
        for other in base.rules_of(ctx, properties["ListenerArn"]):
            if other is not record and int(other.properties["Priority"]) == priority:
                raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use", 400)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"RuleArn": record.id, "IsDefault": False}


def _listener(ctx: Context, record: Record) -> dict[str, Any]:
    given = record.properties
    answer = {
        "ListenerArn": record.id,
        "LoadBalancerArn": given["LoadBalancerArn"],
        "Port": given.get("Port"),
        "Protocol": given.get("Protocol"),
        "DefaultActions": [base.action_shape(a) for a in given["DefaultActions"]],
    }
    if given.get("Protocol") in SECURE:
        answer["Certificates"] = given.get("Certificates") or []
        answer["SslPolicy"] = given.get("SslPolicy", DEFAULT_POLICY)
        answer["MutualAuthentication"] = given.get("MutualAuthentication") or {"Mode": "off"}
    return answer


@operation("elbv2", "CreateListener")
def create_listener(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    tags = tags_from(params.get("Tags"))
    record = ctx.world.create(ctx, base.LISTENER, properties, tags=tags, at_once=True)
    return {"Listeners": [_listener(ctx, record)]}


@operation("elbv2", "DescribeListeners")
def describe_listeners(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("ListenerArns"):
        records = [base.need(ctx, base.LISTENER, arn) for arn in params["ListenerArns"]]
    elif params.get("LoadBalancerArn"):
        records = base.listeners_of(ctx, base.need(ctx, base.BALANCER, params["LoadBalancerArn"]).id)
    else:
        raise AwsError("ValidationError", "You must specify either listener ARNs or a load balancer ARN", 400)
    return base.paged(ctx, params, records, "Listeners", _listener)


@operation("elbv2", "ModifyListener")
def modify_listener(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.LISTENER, params["ListenerArn"])
    changes = {n: v for n, v in params.items() if n != "ListenerArn"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"Listeners": [_listener(ctx, record)]}


@operation("elbv2", "DeleteListener")
def delete_listener(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, base.need(ctx, base.LISTENER, params["ListenerArn"]), at_once=True)


@operation("elbv2", "DescribeListenerCertificates")
def describe_listener_certificates(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.LISTENER, params["ListenerArn"])
    rows = [{**c, "IsDefault": True} for c in record.properties.get("Certificates") or ()]
    for more in base.listed(ctx, base.LISTENER_CERTIFICATE):
        if more.properties["ListenerArn"] == record.id:
            rows += [{**c, "IsDefault": False} for c in more.properties["Certificates"]]
    return {"Certificates": rows}


@operation("elbv2", "DescribeListenerAttributes")
def describe_listener_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.LISTENER, params["ListenerArn"])
    defaults = {"routing.http.response.server.enabled": "true"}
    return {"Attributes": base.pairs(base.attributes(record, "ListenerAttributes", defaults))}


@operation("elbv2", "ModifyListenerAttributes")
def modify_listener_attributes(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.LISTENER, params["ListenerArn"])
    merged = base.merged_attributes(record, "ListenerAttributes", params["Attributes"])
    ctx.world.update(ctx, record, {**record.properties, "ListenerAttributes": merged}, at_once=True)
    return describe_listener_attributes(ctx, params)


# -- rules


def _rule(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        "RuleArn": record.id,
        "Priority": str(record.properties["Priority"]),
        "Conditions": [_condition(c) for c in record.properties["Conditions"]],
        "Actions": [base.action_shape(a) for a in record.properties["Actions"]],
        "IsDefault": False,
    }


def _condition(condition: dict[str, Any]) -> dict[str, Any]:
    """Host and path conditions show their values in the old member and in the new one."""
    members = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig"}
    member = members.get(condition.get("Field", ""))
    if member is None:
        return condition
    values = condition.get("Values") or (condition.get(member) or {}).get("Values") or []
    return {**condition, "Values": values, member: {"Values": values}}


def _default_rule(listener: Record) -> dict[str, Any]:
    arn = listener.id.replace(":listener/", ":listener-rule/")
    return {
        "RuleArn": f"{arn}/{stable_hex(listener.id, 16)}",
        "Priority": "default",
        "Conditions": [],
        "Actions": [base.action_shape(a) for a in listener.properties["DefaultActions"]],
        "IsDefault": True,
    }


@operation("elbv2", "CreateRule")
def create_rule(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    tags = tags_from(params.get("Tags"))
    return {"Rules": [_rule(ctx, ctx.world.create(ctx, base.RULE, properties, tags=tags, at_once=True))]}


@operation("elbv2", "DescribeRules")
def describe_rules(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if params.get("RuleArns"):
        return {"Rules": [_rule(ctx, base.need(ctx, base.RULE, arn)) for arn in params["RuleArns"]]}
    if not params.get("ListenerArn"):
        raise AwsError("ValidationError", "You must specify either listener rule ARNs or a listener ARN", 400)
    listener = base.need(ctx, base.LISTENER, params["ListenerArn"])
    rules = sorted(base.rules_of(ctx, listener.id), key=lambda r: int(r.properties["Priority"]))
    return {"Rules": [*(_rule(ctx, r) for r in rules), _default_rule(listener)]}


@operation("elbv2", "ModifyRule")
def modify_rule(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = base.need(ctx, base.RULE, params["RuleArn"])
    changes = {n: v for n, v in params.items() if n != "RuleArn"}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"Rules": [_rule(ctx, record)]}


@operation("elbv2", "SetRulePriorities")
def set_rule_priorities(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The new order counts, not the way to it: rules may exchange their places."""
    moved = {
        base.need(ctx, base.RULE, entry["RuleArn"]).id: int(entry["Priority"])
        for entry in params["RulePriorities"]
    }
    records = [base.need(ctx, base.RULE, arn) for arn in moved]
    for listener in {record.properties["ListenerArn"] for record in records}:
        order = [moved.get(r.id, int(r.properties["Priority"])) for r in base.rules_of(ctx, listener)]
        for priority in order:
            if order.count(priority) > 1:
                raise AwsError("PriorityInUse", f"Priority '{priority}' is currently in use", 400)
    for record in records:
        record.properties = {**record.properties, "Priority": moved[record.id]}
        ctx.store.put(record)
    return {"Rules": [_rule(ctx, record) for record in records]}


@operation("elbv2", "DeleteRule")
def delete_rule(ctx: Context, params: dict[str, Any]) -> None:
    if any(_default_rule(x)["RuleArn"] == params["RuleArn"] for x in base.listed(ctx, base.LISTENER)):
        raise AwsError("OperationNotPermitted", f"Default rule '{params['RuleArn']}' cannot be deleted", 400)
    ctx.world.delete(ctx, base.need(ctx, base.RULE, params["RuleArn"]), at_once=True)
