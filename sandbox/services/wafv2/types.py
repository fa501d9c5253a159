"""The resource types of WAF."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import resource_type
from sandbox.resource_types import ResourceType
from sandbox.store import Record

ACL = "AWS::WAFv2::WebACL"
ASSOCIATION = "AWS::WAFv2::WebACLAssociation"
LOGGING = "AWS::WAFv2::LoggingConfiguration"
IP_SET = "AWS::WAFv2::IPSet"
LOG_GROUP = "AWS::Logs::LogGroup"

# Source: WAF developer guide, "AWS Managed Rules rule groups list" (WCU of each group).
MANAGED_CAPACITY = {
    "AWSManagedRulesCommonRuleSet": 700, "AWSManagedRulesAdminProtectionRuleSet": 100,
    "AWSManagedRulesKnownBadInputsRuleSet": 200, "AWSManagedRulesSQLiRuleSet": 200,
    "AWSManagedRulesLinuxRuleSet": 200, "AWSManagedRulesUnixRuleSet": 100, "AWSManagedRulesWindowsRuleSet": 200,
    "AWSManagedRulesPHPRuleSet": 100, "AWSManagedRulesWordPressRuleSet": 100,
    "AWSManagedRulesAmazonIpReputationList": 25, "AWSManagedRulesAnonymousIpList": 50,
    "AWSManagedRulesBotControlRuleSet": 50, "AWSManagedRulesATPRuleSet": 50, "AWSManagedRulesACFPRuleSet": 50,
}  # fmt: skip


def missing() -> AwsError:
    return AwsError(
        "WAFNonexistentItemException",
        "AWS WAF couldn’t perform the operation because your resource doesn’t exist.",
        400,
    )


def _duplicate() -> AwsError:
    return AwsError(
        "WAFDuplicateItemException",
        "AWS WAF couldn’t perform the operation because some resource in your request is a duplicate of an existing "
        "one.",
        400,
    )


def _invalid(reason: str, field: str, parameter: str) -> AwsError:
    return AwsError(
        "WAFInvalidParameterException", f"Error reason: {reason}, field: {field}, parameter: {parameter}", 400
    )


class _Named(ResourceType):
    """Web ACLs and IP sets: `<name>|<id>|<scope>`, one of a name in a scope, with a lock token."""

    word = ""
    state_creating = state_updating = state_deleting = state_ready = "available"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.get("Name") or self.new_name(hint, "Name")
        return f"{name}|{uuid.uuid4()}|{properties['Scope']}"

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        name, key, scope = id.split("|")
        place = "global" if scope == "CLOUDFRONT" else "regional"
        return ctx.arn("wafv2", f"{place}/{self.word}/{name}/{key}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        scope = properties["Scope"]
        if scope == "CLOUDFRONT" and ctx.region != "us-east-1":
            raise _invalid("The scope is not valid.", "SCOPE_VALUE", "CLOUDFRONT")
        for other in ctx.store.list(ctx.account, ctx.region, self.name):
            if other.id.split("|")[0] == properties.get("Name") and other.id.split("|")[2] == scope:
                raise _duplicate()

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Arn": record.arn, "Id": record.id.split("|")[1]}
        record.data["lock"] = str(uuid.uuid4())

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.data["lock"] = str(uuid.uuid4())


@resource_type(ACL)
class WebACL(_Named):
    """A web ACL."""

    word = "webacl"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        super().check_create(ctx, properties)
        _check_rules(properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_rules(properties)

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        self._measure(record)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        super().updated(ctx, record, before)
        self._measure(record)

    @staticmethod
    def _measure(record: Record) -> None:
        record.attributes["Capacity"] = sum(
            _capacity(r["Statement"]) for r in record.properties.get("Rules") or ()
        )
        record.attributes["LabelNamespace"] = f"awswaf:{record.account}:webacl:{record.id.split('|')[0]}:"

    def check_delete(self, ctx: Context, record: Record) -> None:
        if any(a.properties["WebACLArn"] == record.arn for a in all_of(ctx, ASSOCIATION)):
            raise AwsError(
                "WAFAssociatedItemException",
                "AWS WAF couldn’t perform the operation because your resource is being used by another resource or "
                "it’s associated with another resource.",
                400,
            )

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for logging in all_of(ctx, LOGGING):
            if logging.id == record.arn:
                ctx.store.remove(logging)
        return None


def _check_rules(properties: dict[str, Any]) -> None:
    rules = properties.get("Rules") or ()
    for member in ("Priority", "Name"):
        values = [r[member] for r in rules]
        if len(set(values)) < len(values):
            raise (
                _duplicate()
                if member == "Name"
                else _invalid("You have used the same priority in more than one rule.", "RULE", str(values))
            )


def _capacity(statement: dict[str, Any]) -> int:
    """WCU as far as the sandbox knows them: managed groups and rate limits; 1 for any other statement."""
    if "ManagedRuleGroupStatement" in statement:
        return MANAGED_CAPACITY.get(statement["ManagedRuleGroupStatement"]["Name"], 100)
    if "RateBasedStatement" in statement:
        return 2
    return 1


@resource_type(IP_SET)
class IPSet(_Named):
    """A set of addresses."""

    word = "ipset"


@resource_type(ASSOCIATION)
class Association(ResourceType):
    """A web ACL in front of a resource; one per resource."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{properties['ResourceArn']}|{properties['WebACLArn']}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        acl = ctx.store.by_arn(properties["WebACLArn"])
        if acl is None or acl.type != ACL or (acl.account, acl.region) != (ctx.account, ctx.region):
            raise missing()
        target = ctx.store.by_arn(properties["ResourceArn"])
        if target is None or target.account != ctx.account:
            raise AwsError(
                "WAFUnavailableEntityException",
                "AWS WAF couldn’t retrieve the resource that you requested. Retry your request.",
                400,
            )
        for other in all_of(ctx, ASSOCIATION):
            if other.properties["ResourceArn"] == properties["ResourceArn"]:
                ctx.store.remove(other)  # the new one takes its place


@resource_type(LOGGING)
class LoggingConfiguration(ResourceType):
    """Where a web ACL's log goes."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""  # its id is the web ACL's ARN, which stays the web ACL's

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        if ctx.store.get(ctx.account, ctx.region, LOGGING, properties["ResourceArn"]):
            raise _duplicate()
        self._check(ctx, properties)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        self._check(ctx, properties)

    @staticmethod
    def _check(ctx: Context, properties: dict[str, Any]) -> None:
        acl = ctx.store.by_arn(properties["ResourceArn"])
        if acl is None or acl.type != ACL or acl.account != ctx.account:
            raise missing()
        for destination in properties["LogDestinationConfigs"]:
            name = destination.removesuffix(":*").split(":")[-1].rpartition("/")[2]
            if not name.startswith("aws-waf-logs-"):
                raise _invalid("The ARN isn't valid. A valid ARN begins with arn: and includes other information "
                               "separated by colons or slashes.", "LOG_DESTINATION", destination)  # fmt: skip
            if ":log-group:" in destination and not ctx.store.get(ctx.account, ctx.region, LOG_GROUP, name):
                raise AwsError(
                    "WAFLogDestinationPermissionIssueException",
                    "The operation failed because you don't have the permissions that your logging configuration "
                    "requires.",
                    400,
                )

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"ManagedByFirewallManager": False}


def all_of(ctx: Context, type_name: str) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, type_name)
