"""The operations of security groups."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import matches, page
from sandbox.services.ec2 import base
from sandbox.services.ec2.groups import ANY_PROTOCOL, Rule, add_rule, check_rule, find_rule, permissions
from sandbox.store import Record


def _shape(ctx: Context, record: Record) -> dict[str, Any]:
    return {
        "GroupId": record.id,
        "GroupName": record.get("GroupName"),
        "Description": record.properties["GroupDescription"],
        "VpcId": record.properties["VpcId"],
        "OwnerId": record.account,
        "SecurityGroupArn": record.arn,
        "IpPermissions": permissions(record, egress=False),
        "IpPermissionsEgress": permissions(record, egress=True),
        "Tags": base.tags(record),
    }


@operation("ec2", "CreateSecurityGroup")
def create_security_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {"GroupName": params["GroupName"], "GroupDescription": params["Description"]}
    if params.get("VpcId"):
        properties["VpcId"] = params["VpcId"]
    given = base.specified_tags(params, "security-group")
    record = ctx.world.create(ctx, base.GROUP, properties, tags=given, at_once=True)
    return {"GroupId": record.id, "SecurityGroupArn": record.arn, "Tags": base.tags(record)}


@operation("ec2", "DescribeSecurityGroups")
def describe_security_groups(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    def peers(member: str, egress: bool) -> Any:
        return lambda r: [x.get(member) for x in r.data["rules"].values() if x["egress"] == egress]

    fields = {
        "group-id": base.record_id,
        "group-name": base.prop("GroupName"),
        "description": base.prop("GroupDescription"),
        "vpc-id": base.prop("VpcId"),
        "owner-id": lambda r: r.account,
        "ip-permission.group-id": peers("GroupId", False),
        "ip-permission.cidr": peers("CidrIp", False),
        "ip-permission.from-port": peers("FromPort", False),
        "ip-permission.to-port": peers("ToPort", False),
        "egress.ip-permission.group-id": peers("GroupId", True),
        "egress.ip-permission.cidr": peers("CidrIp", True),
    }
    if params.get("GroupNames"):
        # By name, groups are found in the default VPC only, and there is none.
        raise AwsError(
            "InvalidGroup.NotFound", f"The security group '{params['GroupNames'][0]}' does not exist", 400
        )
    return base.describe(
        ctx, params, base.GROUP, ids="GroupIds", key="SecurityGroups", shape=_shape, fields=fields
    )


@operation("ec2", "DescribeSecurityGroupRules")
def describe_security_group_rules(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    groups = base.listed(ctx, base.GROUP)
    wanted = params.get("SecurityGroupRuleIds")
    for rule in params.get("Filters") or ():
        if rule["Name"] == "group-id":
            groups = [g for g in groups if matches(g.id, rule["Values"])]
        elif rule["Name"] == "security-group-rule-id":
            wanted = [*(wanted or ()), *rule["Values"]]
        else:
            raise AwsError("InvalidParameterValue", f"The filter '{rule['Name']}' is invalid", 400)
    rows = [
        _rule_shape(group, id, rule)
        for group in groups
        for id, rule in group.data["rules"].items()
        if not wanted or id in wanted
    ]
    some, token = page(rows, params.get("MaxResults"), params.get("NextToken"))
    return {"SecurityGroupRules": some, **({"NextToken": token} if token else {})}


def _rule_shape(group: Record, id: str, rule: Rule) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "SecurityGroupRuleId": id,
        "GroupId": group.id,
        "GroupOwnerId": group.account,
        "IsEgress": rule["egress"],
        "IpProtocol": rule["IpProtocol"],
        "FromPort": rule.get("FromPort", -1),
        "ToPort": rule.get("ToPort", -1),
    }
    if "CidrIp" in rule:
        shape["CidrIpv4"] = rule["CidrIp"]
    if "GroupId" in rule:
        shape["ReferencedGroupInfo"] = {"GroupId": rule["GroupId"], "UserId": group.account}
    shape |= {n: rule[n] for n in ("CidrIpv6", "PrefixListId", "Description") if n in rule}
    return shape


def _rules(params: dict[str, Any], egress: bool) -> list[Rule]:
    """The rules that a request's permissions name, one per peer."""
    entries = list(params.get("IpPermissions") or ())
    if params.get("IpProtocol"):
        plain = {n: params[n] for n in ("IpProtocol", "FromPort", "ToPort") if n in params}
        entries.append({**plain, "IpRanges": [{"CidrIp": params["CidrIp"]}] if params.get("CidrIp") else []})
    rules: list[Rule] = []
    lists = {"IpRanges": "CidrIp", "Ipv6Ranges": "CidrIpv6", "UserIdGroupPairs": "GroupId",
             "PrefixListIds": "PrefixListId"}  # fmt: skip
    for entry in entries:
        protocol = str(entry["IpProtocol"]).lower()
        common = {"egress": egress, "inline": False, "IpProtocol": ANY_PROTOCOL.get(protocol, protocol)}
        if common["IpProtocol"] != "-1":
            common |= {n: int(entry[n]) for n in ("FromPort", "ToPort") if n in entry}
        for name, member in lists.items():
            for peer in entry.get(name) or ():
                text = {"Description": peer["Description"]} if peer.get("Description") else {}
                rules.append({**common, member: peer.get(member), **text})
    return rules


def _authorize(ctx: Context, params: dict[str, Any], egress: bool) -> dict[str, Any]:
    group = base.need(ctx, base.GROUP, params.get("GroupId") or params.get("GroupName") or "")
    rules = _rules(params, egress)
    for rule in rules:
        check_rule(ctx, group, rule)
    made = [_rule_shape(group, add_rule(ctx, group, rule), rule) for rule in rules]
    return {"Return": True, "SecurityGroupRules": made}


def _revoke(ctx: Context, params: dict[str, Any], egress: bool) -> dict[str, Any]:
    group = base.need(ctx, base.GROUP, params.get("GroupId") or params.get("GroupName") or "")
    ids = list(params.get("SecurityGroupRuleIds") or ())
    for id in ids:
        if id not in group.data["rules"] or group.data["rules"][id]["egress"] != egress:
            raise AwsError(
                "InvalidSecurityGroupRuleId.NotFound",
                f"The security group rule ID '{id}' does not exist",
                400,
            )
    for rule in _rules(params, egress):
        found = find_rule(group, rule)
        if found is None:
            raise AwsError(
                "InvalidPermission.NotFound", "The specified rule does not exist in this security group.", 400
            )
        ids.append(found)
    for id in ids:
        del group.data["rules"][id]
        made = base.look_up(ctx, base.EGRESS if egress else base.INGRESS, id)
        if made is not None:
            ctx.store.remove(made)
    ctx.store.put(group)
    return {"Return": True}


@operation("ec2", "AuthorizeSecurityGroupIngress")
def authorize_ingress(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _authorize(ctx, params, egress=False)


@operation("ec2", "AuthorizeSecurityGroupEgress")
def authorize_egress(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _authorize(ctx, params, egress=True)


@operation("ec2", "RevokeSecurityGroupIngress")
def revoke_ingress(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _revoke(ctx, params, egress=False)


@operation("ec2", "RevokeSecurityGroupEgress")
def revoke_egress(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _revoke(ctx, params, egress=True)


@operation("ec2", "DeleteSecurityGroup")
def delete_security_group(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    group = base.need(ctx, base.GROUP, params.get("GroupId") or params.get("GroupName") or "")
    ctx.world.delete(ctx, group, at_once=True)
    return {"Return": True, "GroupId": group.id}
