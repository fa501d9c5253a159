"""WAF: web ACLs, their associations and logging, IP sets. No request is ever inspected."""

from __future__ import annotations

import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tag_list, tags_from
from sandbox.services._listing import page
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
RESOURCE_TYPES = {
    "APPLICATION_LOAD_BALANCER": ":loadbalancer/app/",
    "API_GATEWAY": ":/restapis/",
    "APPSYNC": ":appsync:",
    "COGNITO_USER_POOL": ":userpool/",
}


def _missing() -> AwsError:
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
        if any(a.properties["WebACLArn"] == record.arn for a in _all(ctx, ASSOCIATION)):
            raise AwsError(
                "WAFAssociatedItemException",
                "AWS WAF couldn’t perform the operation because your resource is being used by another resource or "
                "it’s associated with another resource.",
                400,
            )

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for logging in _all(ctx, LOGGING):
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
            raise _missing()
        target = ctx.store.by_arn(properties["ResourceArn"])
        if target is None or target.account != ctx.account:
            raise AwsError(
                "WAFUnavailableEntityException",
                "AWS WAF couldn’t retrieve the resource that you requested. Retry your request.",
                400,
            )
        for other in _all(ctx, ASSOCIATION):
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
            raise _missing()
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


def _all(ctx: Context, type_name: str) -> list[Record]:
    return ctx.store.list(ctx.account, ctx.region, type_name)


def _find(ctx: Context, type_name: str, params: dict[str, Any]) -> Record:
    if params.get("ARN"):
        record = ctx.store.by_arn(params["ARN"])
        if record is None or record.account != ctx.account:
            raise _missing()
        return record
    record = ctx.store.get(
        ctx.account, ctx.region, type_name, f"{params.get('Name')}|{params.get('Id')}|{params.get('Scope')}"
    )
    if record is None:
        raise _missing()
    return record


def _locked(ctx: Context, type_name: str, params: dict[str, Any]) -> Record:
    record = _find(ctx, type_name, params)
    if record.data["lock"] != params["LockToken"]:
        raise AwsError(
            "WAFOptimisticLockException",
            "AWS WAF couldn’t save your changes because someone changed the resource after you started to edit it. "
            "Reapply your changes.",
            400,
        )
    return record


def _summary(record: Record) -> dict[str, Any]:
    name, key, _ = record.id.split("|")
    return {
        "Name": name,
        "Id": key,
        "Description": record.properties.get("Description", ""),
        "LockToken": record.data["lock"],
        "ARN": record.arn,
    }


def _body(record: Record) -> dict[str, Any]:
    left_out = ("Scope", "Name")
    shape = {k: _in_api_words(v) for k, v in record.properties.items() if k not in left_out}
    name, key, _ = record.id.split("|")
    shape |= {"Name": name, "Id": key, "ARN": record.arn}
    if record.type == ACL:
        shape |= {
            "Capacity": record.attributes["Capacity"],
            "LabelNamespace": record.attributes["LabelNamespace"],
            "ManagedByFirewallManager": False,
        }
        shape.setdefault("Rules", [])
    return shape


def _in_api_words(value: Any) -> Any:
    """CloudFormation writes `Arn` where the API writes `ARN` (references to sets and groups)."""
    if isinstance(value, dict):
        return {("ARN" if k == "Arn" else k): _in_api_words(v) for k, v in value.items()}
    return [_in_api_words(v) for v in value] if isinstance(value, list) else value


def _listed(ctx: Context, type_name: str, params: dict[str, Any], key: str) -> dict[str, Any]:
    records = [r for r in _all(ctx, type_name) if r.id.endswith(f"|{params['Scope']}")]
    some, token = page(
        records, params.get("Limit"), params.get("NextMarker"), most=100, code="WAFInvalidParameterException"
    )
    return {key: [_summary(r) for r in some], **({"NextMarker": token} if token else {})}


@operation("wafv2", "CreateWebACL")
def create_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    properties = {n: v for n, v in params.items() if n != "Tags"}
    record = ctx.world.create(ctx, ACL, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return {"Summary": _summary(record)}


@operation("wafv2", "GetWebACL")
def get_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, params)
    return {"WebACL": _body(record), "LockToken": record.data["lock"]}


@operation("wafv2", "ListWebACLs")
def list_web_acls(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _listed(ctx, ACL, params, "WebACLs")


@operation("wafv2", "UpdateWebACL")
def update_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _locked(ctx, ACL, params)
    ctx.world.update(
        ctx, record, {n: v for n, v in params.items() if n not in ("Id", "LockToken")}, at_once=True
    )
    return {"NextLockToken": record.data["lock"]}


@operation("wafv2", "DeleteWebACL")
def delete_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    ctx.world.delete(ctx, _locked(ctx, ACL, params), at_once=True)


@operation("wafv2", "AssociateWebACL")
def associate_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    if ctx.store.get(ctx.account, ctx.region, ASSOCIATION, f"{params['ResourceArn']}|{params['WebACLArn']}"):
        return
    properties = {n: params[n] for n in ("WebACLArn", "ResourceArn")}
    ctx.world.create(ctx, ASSOCIATION, properties, at_once=True)


@operation("wafv2", "DisassociateWebACL")
def disassociate_web_acl(ctx: Context, params: dict[str, Any]) -> None:
    for association in _all(ctx, ASSOCIATION):
        if association.properties["ResourceArn"] == params["ResourceArn"]:
            ctx.world.delete(ctx, association, at_once=True)


@operation("wafv2", "GetWebACLForResource")
def get_web_acl_for_resource(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    for association in _all(ctx, ASSOCIATION):
        acl = ctx.store.by_arn(association.properties["WebACLArn"])
        if association.properties["ResourceArn"] == params["ResourceArn"] and acl is not None:
            return {"WebACL": _body(acl)}
    return {}


@operation("wafv2", "ListResourcesForWebACL")
def list_resources_for_web_acl(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, {"ARN": params["WebACLArn"]})
    part = RESOURCE_TYPES.get(params.get("ResourceType", "APPLICATION_LOAD_BALANCER"), "\0")
    arns = [
        a.properties["ResourceArn"] for a in _all(ctx, ASSOCIATION) if a.properties["WebACLArn"] == record.arn
    ]
    return {"ResourceArns": [arn for arn in arns if part in arn]}


@operation("wafv2", "PutLoggingConfiguration")
def put_logging_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    given = params["LoggingConfiguration"]
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, given["ResourceArn"])
    if record is None:
        record = ctx.world.create(ctx, LOGGING, given, at_once=True)
    else:
        ctx.world.update(ctx, record, given, at_once=True)
    return {"LoggingConfiguration": record.properties}


@operation("wafv2", "GetLoggingConfiguration")
def get_logging_configuration(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, params["ResourceArn"])
    if record is None:
        raise _missing()
    return {"LoggingConfiguration": {**record.properties, "ManagedByFirewallManager": False}}


@operation("wafv2", "ListLoggingConfigurations")
def list_logging_configurations(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"LoggingConfigurations": [r.properties for r in _all(ctx, LOGGING)]}


@operation("wafv2", "DeleteLoggingConfiguration")
def delete_logging_configuration(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, LOGGING, params["ResourceArn"])
    if record is None:
        raise _missing()
    ctx.world.delete(ctx, record, at_once=True)


@operation("wafv2", "ListIPSets")
def list_ip_sets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return _listed(ctx, IP_SET, params, "IPSets")


@operation("wafv2", "GetIPSet")
def get_ip_set(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, IP_SET, params)
    return {"IPSet": _body(record), "LockToken": record.data["lock"]}


@operation("wafv2", "ListTagsForResource")
def list_tags(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    return {"TagInfoForResource": {"ResourceARN": record.arn, "TagList": tag_list(record.tags)}}


@operation("wafv2", "TagResource")
def tag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    record.tags.update(tags_from(params["Tags"]))
    ctx.store.put(record)


@operation("wafv2", "UntagResource")
def untag_resource(ctx: Context, params: dict[str, Any]) -> None:
    record = _find(ctx, ACL, {"ARN": params["ResourceARN"]})
    for key in params["TagKeys"]:
        record.tags.pop(key, None)
    ctx.store.put(record)
