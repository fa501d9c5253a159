"""The ARNs of operations whose parameters do not tell them by themselves, by service."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.iam.actions import STEPS
from sandbox.iam.resource_forms import Arns, Params, any_arn, filled
from sandbox.iam.resource_rows import OF_USER, ROWS
from sandbox.store import GLOBAL

if TYPE_CHECKING:
    from sandbox.context import Context


def _s3(_ctx: Context, _operation: str, params: Params, action: str) -> Arns:
    bucket = params.get("Bucket")
    if not bucket:
        return ["*"]
    arn = f"arn:aws:s3:::{bucket}"
    if params.get("Delete"):
        versions = action.endswith("Version")
        return [
            f"{arn}/{o['Key']}"
            for o in params["Delete"].get("Objects", ())
            if bool(o.get("VersionId")) is versions
        ]
    return [f"{arn}/{params['Key']}" if params.get("Key") else arn]


def _sqs(ctx: Context, _operation: str, params: Params, _action: str) -> Arns | None:
    url = str(params.get("QueueUrl") or "").rstrip("/")
    if not url:
        owner = params.get("QueueOwnerAWSAccountId")
        return [ctx.arn("sqs", str(params["QueueName"]), account=owner)] if owner else None
    account, _, name = url.rpartition("/")
    account = account.rpartition("/")[2]
    return [ctx.arn("sqs", name, account=account if account.isdigit() else ctx.account)]


_WITHOUT_STACK = {
    "DescribeAccountLimits",
    "DescribeStackDriftDetectionStatus",
    "EstimateTemplateCost",
    "ListExports",
    "ListImports",
    "ListStacks",
    "ListTypes",
    "ValidateTemplate",
}


def _cloudformation(ctx: Context, operation: str, params: Params, _action: str) -> Arns:
    name = params.get("StackName") or ""
    if name.startswith("arn:"):
        return [str(name)]
    change_set = params.get("ChangeSetName") or ""
    if not name and change_set.startswith("arn:"):
        record = ctx.store.by_arn(change_set)
        return [str(record.stack) if record is not None and record.stack else change_set]
    if operation in _WITHOUT_STACK or (operation == "GetTemplateSummary" and not name):
        return ["*"]
    if not name:
        return any_arn(params) or [ctx.arn("cloudformation", "stack/*/*")]
    for record in ctx.store.list(ctx.account, ctx.region, "AWS::CloudFormation::Stack"):
        if record.data["name"] == name and record.state != "DELETE_COMPLETE":
            return [record.arn]
    return [ctx.arn("cloudformation", f"stack/{name}/*")]


def _dynamodb(ctx: Context, operation: str, params: Params, action: str) -> Arns | None:
    if not operation.startswith(("Batch", "Transact")):
        return None
    steps = [
        (word, step) for entry in params.get("TransactItems") or () for word, step in entry.items() if step
    ]
    names = {str(step["TableName"]) for word, step in steps if action.endswith(f":{STEPS[word]}")}
    names |= set(params.get("RequestItems") or ())
    return [arn for name in sorted(names) for arn in filled(ctx, "dynamodb", "table/{v}", {"v": name})]


_EC2_KINDS = {
    "vpc": "vpc",
    "subnet": "subnet",
    "rtb": "route-table",
    "igw": "internet-gateway",
    "eipalloc": "elastic-ip",
    "nat": "natgateway",
    "sg": "security-group",
    "vpce": "vpc-endpoint",
    "i": "instance",
    "vol": "volume",
    "eni": "network-interface",
    "fl": "vpc-flow-log",
    "lt": "launch-template",
    "snap": "snapshot",
}


def _ec2(ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    if operation not in ("CreateTags", "DeleteTags"):
        return None
    ids = [str(id) for id in params.get("Resources") or ()]
    return [ctx.arn("ec2", f"{_EC2_KINDS.get(id.rpartition('-')[0], '*')}/{id}") for id in ids] or ["*"]


def _elasticbeanstalk(ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    """Environments are named by name or id, and their ARNs have their application too."""
    if operation.endswith(("ConfigurationSettings", "ConfigurationOptions")) and not params.get(
        "EnvironmentName"
    ):
        return filled(
            ctx, "elasticbeanstalk", "configurationtemplate/{ApplicationName}/{TemplateName}", params
        )
    if ROWS["elasticbeanstalk"].get(operation) != ("environment",):
        return None
    names = [
        str(value)
        for key in ("EnvironmentName", "EnvironmentId", "EnvironmentNames", "EnvironmentIds")
        for prefix in ("", "Source", "Destination")
        if params.get(prefix + key)
        for value in (
            params[prefix + key] if isinstance(params[prefix + key], list) else [params[prefix + key]]
        )
    ]
    application = params.get("ApplicationName") or "*"
    found = []
    for name in names or ["*"]:
        records = ctx.store.list(ctx.account, ctx.region, "AWS::ElasticBeanstalk::Environment")
        known = [r for r in records if name in (r.id, r.data.get("name"), r.data.get("id"))]
        arn = ctx.arn("elasticbeanstalk", f"environment/{application}/{name}")
        found.append(str(known[-1].data.get("arn") or known[-1].arn) if known else arn)
    return found


def _iam(ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    """What a user asks about itself, it may ask without its name; an access key is its user's."""
    if ROWS["iam"].get(operation) != (OF_USER,) or params.get("UserName"):
        return None
    key = ctx.store.get(ctx.account, GLOBAL, "AWS::IAM::AccessKey", str(params.get("AccessKeyId")))
    name = str(key.data.get("user")) if key is not None else ""
    if not name and ctx.principal.kind == "user" and ctx.principal.entity is not None:
        return [ctx.principal.entity.arn]
    return filled(ctx, "iam", OF_USER, {"UserName": name})


def _kms(ctx: Context, operation: str, params: Params, action: str) -> Arns | None:
    """An alias in the place of a key stands for its key; a ciphertext names its key."""
    if operation in ("Decrypt", "ReEncrypt") and action != "kms:ReEncryptTo":
        return [_key_of_ciphertext(ctx, params.get("CiphertextBlob"))]
    if operation == "RetireGrant":
        return [str(params["KeyId"] if params.get("KeyId") else ctx.arn("kms", "key/*"))]
    names = [params[n] for n in ("KeyId", "TargetKeyId", "DestinationKeyId") if params.get(n)]
    alias = params.get("AliasName") and f"alias/{str(params['AliasName']).removeprefix('alias/')}"
    if alias:
        record = ctx.store.get(ctx.account, ctx.region, "AWS::KMS::Alias", str(alias))
        if operation != "CreateAlias":
            names.append(str(record.data["key"]) if record is not None else "*")
    if not names:
        return None
    return [*([ctx.arn("kms", str(alias))] if alias else []), *(_key(ctx, str(name)) for name in names)]


def _key(ctx: Context, name: str) -> str:
    """A key by id, ARN, alias or alias' ARN."""
    parts = name.split(":", 5)
    account, plain = (parts[4], parts[5]) if len(parts) == 6 else (ctx.account, name)
    if plain.startswith("alias/"):
        alias = ctx.store.get(account, ctx.region, "AWS::KMS::Alias", plain)
        return ctx.arn("kms", f"key/{alias.data['key']}" if alias else plain, account=account)
    return name if len(parts) == 6 else ctx.arn("kms", f"key/{plain}")


def _key_of_ciphertext(ctx: Context, blob: Any) -> str:
    text = blob.encode() if isinstance(blob, str) else bytes(blob or b"")
    id = text.partition(b"\0")[0].decode("ascii", "replace")
    for type_name in ("AWS::KMS::Key", "AWS::KMS::ReplicaKey"):
        for record in ctx.store.everywhere(type_name):
            if record.id == id and record.region == ctx.region:
                return record.arn
    return ctx.arn("kms", "key/*")


def _route53(_ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    """Tags are of a hosted zone or a health check, by ResourceType."""
    ids = params.get("ResourceIds") or ([params["ResourceId"]] if params.get("ResourceId") else [])
    return [f"arn:aws:route53:::{params.get('ResourceType')}/{id}" for id in ids] or None


def _wafv2(ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    """By name, id and scope where there is no ARN."""
    if not params.get("Scope") or operation.startswith("List"):
        return None
    kind = "ipset" if operation.endswith("IPSet") else "webacl"
    scope = "global" if params["Scope"] == "CLOUDFRONT" else "regional"
    return [ctx.arn("wafv2", f"{scope}/{kind}/{params.get('Name') or '*'}/{params.get('Id') or '*'}")]


def _athena(ctx: Context, _operation: str, params: Params, _action: str) -> Arns:
    """Queries, run or named, are of a workgroup."""
    ids = [*(params.get("NamedQueryIds") or ()), params.get("NamedQueryId"), params.get("QueryExecutionId")]
    named = [str(id) for id in ids if id]
    if not named:
        return [ctx.arn("athena", f"workgroup/{params.get('WorkGroup') or 'primary'}")]
    found = []
    for id in named:
        run = ctx.store.get(ctx.account, ctx.region, "Sandbox::Athena::QueryExecution", id)
        query = ctx.store.get(ctx.account, ctx.region, "AWS::Athena::NamedQuery", id)
        group = run.data["workgroup"] if run else query.get("WorkGroup", "primary") if query else "*"
        found.append(ctx.arn("athena", f"workgroup/{group}"))
    return sorted(set(found))


def _sesv2(ctx: Context, operation: str, params: Params, _action: str) -> Arns | None:
    """Mail is sent from an identity: the address, or the domain of it that is verified."""
    if operation != "SendEmail":
        return None
    address = str(params.get("FromEmailAddress") or "*").rpartition("<")[2].rstrip(">")
    domain = address.rpartition("@")[2]
    known = ctx.store.get(ctx.account, ctx.region, "AWS::SES::EmailIdentity", address)
    found = [ctx.arn("ses", f"identity/{address if known else domain}")]
    if params.get("ConfigurationSetName"):
        found.append(ctx.arn("ses", f"configuration-set/{params['ConfigurationSetName']}"))
    return found


BY_SERVICE: dict[str, Callable[[Context, str, Params, str], Arns | None]] = {
    "athena": _athena,
    "s3": _s3,
    "sesv2": _sesv2,
    "sqs": _sqs,
    "cloudformation": _cloudformation,
    "dynamodb": _dynamodb,
    "ec2": _ec2,
    "elasticbeanstalk": _elasticbeanstalk,
    "iam": _iam,
    "kms": _kms,
    "route53": _route53,
    "wafv2": _wafv2,
}
"""Each takes the context, the operation, its parameters and the action; None: as for any other service."""
