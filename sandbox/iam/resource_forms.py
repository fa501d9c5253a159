"""ARNs from the form of a row (`cluster:{DBClusterIdentifier}`) and the parameters of a request."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from sandbox.store import GLOBAL

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.store import Record

Params = dict[str, Any]
Arns = list[str]
_FIELD = re.compile(r"\{([^}]+)\}")
_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "pinpoint": "mobiletargeting",
    "s3control": "s3",
    "service-quotas": "servicequotas",
    "sesv2": "ses",
}
_ENTITIES = {
    "RoleName": "AWS::IAM::Role",
    "UserName": "AWS::IAM::User",
    "GroupName": "AWS::IAM::Group",
    "InstanceProfileName": "AWS::IAM::InstanceProfile",
}


def any_arn(params: Params) -> Arns:
    """The first parameter that is an ARN, or a list of them."""
    for value in params.values():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, str) and first.startswith("arn:"):
            return list(value) if isinstance(value, list) else [value]
    return []


def filled(ctx: Context, service: str, form: str, params: Params) -> Arns:
    """The ARNs of a form, which is an ARN or what follows its account (`cluster:{DBClusterIdentifier}`).

    `{X|Y}`: X, else Y; `{X=y}`: X, else the text; `?a/{X}`: only with X; `{A.B}`: a member; `{@a}`: the account.
    A value that is an ARN stands for itself, a list gives several ARNs.
    """
    fields = [field.partition("=") for field in _FIELD.findall(form)]
    values = [_values(ctx, service, params, names) for names, _, _ in fields]
    if form.startswith("?") and not all(values):
        return []
    form = form.removeprefix("?")
    usual = [[default if equals else "*"] for _, equals, default in fields]
    found = []
    for choice in itertools.product(*(value or other for value, other in zip(values, usual, strict=True))):
        whole = next((v for v in choice if v.startswith("arn:")), None)
        found.append(whole or _arn(ctx, service, _FIELD.sub("{}", form).format(*choice)))
    return found


def _arn(ctx: Context, service: str, text: str) -> str:
    if text == "*" or text.startswith("arn:"):
        return text
    return ctx.arn(_PREFIXES.get(service, service), text)


def _values(ctx: Context, service: str, params: Params, names: str) -> list[str]:
    if names in ("@a", "@r"):
        return [ctx.account if names == "@a" else ctx.region]
    for name in names.split("|"):
        value: Any = params
        for member in name.split("."):
            values = value if isinstance(value, list) else [value]
            value = [v.get(member) for v in values if isinstance(v, dict)]
            value = [w for v in value for w in (v if isinstance(v, list) else [v]) if w not in (None, "")]
        if value:
            return [_clean(ctx, service, name, str(v)) for v in value]
    return []


def _clean(ctx: Context, service: str, name: str, value: str) -> str:
    """A value as ARNs have it; where a record is known, its ARN."""
    if value.startswith("arn:"):
        return value
    record: Record | None = None
    if service == "iam" and name in _ENTITIES:
        record = ctx.store.get(ctx.account, GLOBAL, _ENTITIES[name], value)
    elif service == "secretsmanager":
        secrets = ctx.store.list(ctx.account, ctx.region, "AWS::SecretsManager::Secret")
        record = next((s for s in secrets if s.get("Name") == value), None)
    elif service == "rds" and name == "DBProxyName":
        record = ctx.store.get(ctx.account, ctx.region, "AWS::RDS::DBProxy", value)
    if record is not None:
        return record.arn
    if service == "ssm":
        return value.lstrip("/")
    if service == "route53":
        return value.rpartition("/")[2]
    if service == "events":
        return value.removeprefix("default/")
    if service == "codebuild" and name in ("id", "ids"):
        # Rights on builds are rights on their project.
        return value.rpartition("build/")[2].partition(":")[0]
    if service == "iam" and name == "Path":
        return value.strip("/") + "/" if value.strip("/") else ""
    return value
