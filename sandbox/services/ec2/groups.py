"""Security groups and their rules. All rules of a group are in its data["rules"], by rule id, whoever made them."""

from __future__ import annotations

import re
from typing import Any

from sandbox import quotas
from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType, random_hex, random_name
from sandbox.services.ec2 import base
from sandbox.store import Record

Rule = dict[str, Any]
"""egress, inline (from the group's own properties), IpProtocol, FromPort, ToPort, Description and one peer: CidrIp,
CidrIpv6, GroupId or PrefixListId."""
PEERS = ("CidrIp", "CidrIpv6", "GroupId", "PrefixListId")
ANY_PROTOCOL = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
WORDS = re.compile(r"[a-zA-Z0-9. _:/()#,@\[\]+=&;{}!$*-]{0,255}")
EVERYWHERE = {"egress": True, "inline": False, "IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


@resource_type(base.GROUP)
class SecurityGroup(ResourceType):
    """A security group with its inline rules."""

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        vpc = properties.get("VpcId")
        if not vpc:
            raise AwsError("VPCIdNotSpecified", "No default VPC for this user", 400)
        base.need(ctx, base.VPC, vpc)
        check_words("security group", properties.get("GroupDescription"))
        name = properties.get("GroupName")
        if name and any(
            g.properties.get("VpcId") == vpc and g.get("GroupName") == name
            for g in base.listed(ctx, base.GROUP)
        ):
            raise AwsError(
                "InvalidGroup.Duplicate", f"The security group '{name}' already exists for VPC '{vpc}'", 400
            )
        if str(name or "").startswith("sg-"):
            raise AwsError(
                "InvalidParameterValue",
                "Invalid value for groupName. Group names may not begin with sg-",
                400,
            )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id, "GroupId": record.id}
        if "GroupName" not in record.properties:
            stack = str(record.stack or "").split("/")[-2:-1]
            made_by = f"{stack[0]}-{record.logical_id}"[:242] if stack else "sandbox"
            record.data["GroupName"] = f"{made_by}-{random_name(12)}"
        rules = record.data.setdefault("rules", {})
        if record.data.get("default"):
            rules[_new_id()] = {"egress": False, "inline": False, "IpProtocol": "-1", "GroupId": record.id}
        if not record.properties.get("SecurityGroupEgress"):
            rules[_new_id()] = dict(EVERYWHERE)
        self._write_inline(ctx, record)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        rules = record.data["rules"]
        for id in [id for id, rule in rules.items() if rule.get("inline")]:
            del rules[id]
        if before.get("SecurityGroupEgress") and not record.properties.get("SecurityGroupEgress"):
            rules[_new_id()] = dict(EVERYWHERE)
        self._write_inline(ctx, record)

    def _write_inline(self, ctx: Context, record: Record) -> None:
        for name, egress in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
            for entry in record.properties.get(name) or ():
                add_rule(ctx, record, rule_from(entry, egress, inline=True))

    def check_delete(self, ctx: Context, record: Record) -> None:
        if record.data.get("default"):
            raise AwsError(
                "CannotDelete",
                f'the specified group: "{record.id}" name: "default" cannot be deleted by a user',
                400,
            )
        if any(record.id in (i.properties.get("GroupSet") or ()) for i in base.listed(ctx, base.INTERFACE)):
            raise base.in_use(f"resource {record.id} has a dependent object")
        for other in base.listed(ctx, base.GROUP):
            if other.id != record.id and any(
                r.get("GroupId") == record.id for r in other.data["rules"].values()
            ):
                raise base.in_use(f"resource {record.id} has a dependent object")


@resource_type(base.INGRESS, base.EGRESS)
class GroupRule(ResourceType):
    """A rule that is a resource of its own; the rule itself is kept in the group."""

    def _rule(self, properties: dict[str, Any]) -> Rule:
        return rule_from(properties, self.name == base.EGRESS)

    def _group_id(self, properties: dict[str, Any]) -> str:
        return str(properties.get("GroupId") or "")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        group = base.need(ctx, base.GROUP, self._group_id(properties))
        check_rule(ctx, group, self._rule(properties))

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id}
        add_rule(ctx, base.need(ctx, base.GROUP, self._group_id(record.properties)), self._rule(record.properties),
                 record.id)  # fmt: skip

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        group = base.need(ctx, base.GROUP, self._group_id(record.properties))
        group.data["rules"][record.id] = self._rule(record.properties)
        ctx.store.put(group)

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        group = base.look_up(ctx, base.GROUP, self._group_id(record.properties))
        if group is not None:
            group.data["rules"].pop(record.id, None)
            ctx.store.put(group)
        return None


def _new_id() -> str:
    return f"sgr-{random_hex(17)}"


def rule_from(entry: dict[str, Any], egress: bool, *, inline: bool = False) -> Rule:
    """A rule from CloudFormation's members."""
    protocol = str(entry["IpProtocol"]).lower()
    rule: Rule = {"egress": egress, "inline": inline, "IpProtocol": ANY_PROTOCOL.get(protocol, protocol)}
    side = "Destination" if egress else "Source"
    peers = {
        "CidrIp": entry.get("CidrIp"),
        "CidrIpv6": entry.get("CidrIpv6"),
        "GroupId": entry.get(f"{side}SecurityGroupId"),
        "PrefixListId": entry.get(f"{side}PrefixListId"),
    }
    rule |= {name: value for name, value in peers.items() if value}
    rule |= {n: entry[n] for n in ("Description",) if entry.get(n)}
    if rule["IpProtocol"] != "-1":
        rule |= {n: int(entry[n]) for n in ("FromPort", "ToPort") if entry.get(n) is not None}
    return rule


def _same(one: Rule, other: Rule) -> bool:
    members = ("egress", "IpProtocol", "FromPort", "ToPort", *PEERS)
    return all(one.get(n) == other.get(n) for n in members)


def find_rule(group: Record, rule: Rule) -> str | None:
    """The id of the group's rule that says the same."""
    return next((id for id, other in group.data["rules"].items() if _same(rule, other)), None)


def check_words(what: str, text: Any) -> None:
    """Refuse a description with other letters than EC2 takes, apostrophes among them."""
    if not WORDS.fullmatch(str(text or "")):
        said = (
            f"Invalid {what} description. Valid descriptions are strings less than 256 characters from the following "
            "set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
        )
        raise AwsError("InvalidParameterValue", said, 400)


def check_rule(ctx: Context, group: Record, rule: Rule) -> None:
    """Refuse a rule without a peer, with an unknown group, with strange letters, or that is there already."""
    check_words("rule", rule.get("Description"))
    peer = next((str(rule[n]) for n in PEERS if n in rule), None)
    if peer is None:
        raise AwsError("InvalidParameterValue", "The request must specify a source or destination.", 400)
    if "GroupId" in rule:
        base.need(ctx, base.GROUP, rule["GroupId"])
    if find_rule(group, rule) is not None:
        ports = f", from port: {rule['FromPort']}, to port: {rule['ToPort']}" if "FromPort" in rule else ""
        protocol = "ALL" if rule["IpProtocol"] == "-1" else rule["IpProtocol"].upper()
        raise AwsError(
            "InvalidPermission.Duplicate",
            f'the specified rule "peer: {peer}, {protocol}{ports}, ALLOW" already exists',
            400,
        )


def add_rule(ctx: Context, group: Record, rule: Rule, id: str | None = None) -> str:
    """Put a rule into a group; its id."""
    check_rule(ctx, group, rule)
    # Inbound and outbound rules are counted apart, and IPv6 ones by themselves (VPC user guide, quotas).
    alike = [
        r for r in group.data["rules"].values()
        if r["egress"] == rule["egress"] and ("CidrIpv6" in r) == ("CidrIpv6" in rule)
    ]  # fmt: skip
    most = quotas.value(ctx.world, group.account, group.region, quotas.RULES)
    if len(alike) >= most:
        text = "The maximum number of rules per security group has been reached."
        raise AwsError("RulesPerSecurityGroupLimitExceeded", text, 400)
    id = id or _new_id()
    group.data["rules"][id] = rule
    ctx.store.put(group)
    return id


def permissions(record: Record, egress: bool) -> list[dict[str, Any]]:
    """The group's rules as EC2 lists them: one entry per protocol and ports, with all its peers."""
    entries: dict[tuple[Any, ...], dict[str, Any]] = {}
    for rule in record.data["rules"].values():
        if rule["egress"] != egress:
            continue
        key = (rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"))
        entry = entries.get(key)
        if entry is None:
            entry = {"IpProtocol": rule["IpProtocol"]}
            entry |= {n: rule[n] for n in ("FromPort", "ToPort") if n in rule}
            entry |= {"IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": [], "UserIdGroupPairs": []}
            entries[key] = entry
        text = {"Description": rule["Description"]} if "Description" in rule else {}
        if "CidrIp" in rule:
            entry["IpRanges"].append({"CidrIp": rule["CidrIp"], **text})
        elif "CidrIpv6" in rule:
            entry["Ipv6Ranges"].append({"CidrIpv6": rule["CidrIpv6"], **text})
        elif "PrefixListId" in rule:
            entry["PrefixListIds"].append({"PrefixListId": rule["PrefixListId"], **text})
        else:
            entry["UserIdGroupPairs"].append({"GroupId": rule["GroupId"], "UserId": record.account, **text})
    return list(entries.values())
