"""What a CloudFormation type is to the sandbox: the generic handler, which a service's own classes override."""

from __future__ import annotations

import re
import secrets
import string
import uuid
from typing import TYPE_CHECKING, Any

from sandbox import schemas
from sandbox.generic_types import ARNS, ID_PREFIXES, NAME_RULES
from sandbox.schema_defaults import with_defaults
from sandbox.store import GLOBAL, Record

if TYPE_CHECKING:
    from sandbox.context import Context

_ALPHABET = string.ascii_letters + string.digits
GLOBAL_SERVICES = ("IAM", "Route53", "CloudFront")


def random_hex(length: int) -> str:
    return secrets.token_hex((length + 1) // 2)[:length]


def random_name(length: int = 12) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


class ResourceType:
    """One type. The hooks are called in this order:

    create: check_create, identify, created, (time passes), ready
    update: check_update, updated, (time passes), ready
    delete: check_delete, deleting, (time passes), deleted

    Hooks raise AwsError to refuse; CloudFormation turns that into the resource's status reason.
    """

    state_creating = "creating"
    state_updating = "modifying"
    state_deleting = "deleting"
    state_ready = "available"

    def __init__(self, name: str) -> None:
        self.name = name

    # -- where and who

    @property
    def schema(self) -> schemas.Schema:
        return schemas.load(self.name)

    @property
    def has_schema(self) -> bool:
        """False for types of the sandbox's own (a snapshot, a message), which no template can name."""
        return schemas.exists(self.name)

    @property
    def service(self) -> str:
        """The middle part of the type's name: RDS of AWS::RDS::DBCluster."""
        return self.name.split("::")[1]

    def region_of(self, ctx: Context) -> str:
        """Where the record is kept: `global` for services without regions."""
        return GLOBAL if self.service in GLOBAL_SERVICES else ctx.region

    def settle(self, properties: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Properties as they are recorded, with the schema's defaults, and the tags that were among them."""
        if not self.has_schema:
            return dict(properties), {}
        schema = self.schema
        given = {name: value for name, value in properties.items() if name != schema.tag_property}
        tags = properties.get(schema.tag_property) if schema.tag_property else None
        return with_defaults(schema, given), tags_from(tags)

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        """The physical id. hint: `<stack>-<logical id>` under CloudFormation, else "".

        Generic: the primary identifier if it is given, else an id or a name made as the type makes it.
        """
        parts = []
        for name in self.schema.primary_identifier:
            if name in properties:
                parts.append(str(properties[name]))
            elif name in self.schema.read_only or self.name in ID_PREFIXES:
                parts.append(self.new_id(ctx, properties, hint))
            else:
                parts.append(self.new_name(hint, name))
        return "|".join(parts) or self.new_name(hint, "")

    def new_id(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        if self.name in ID_PREFIXES:
            return ID_PREFIXES[self.name] + random_hex(17)
        if self.schema.primary_identifier[-1].endswith("Arn"):
            return self.arn_for(ctx, self.new_name(hint, "Name"), properties)
        return self.new_name(hint, "") if hint else str(uuid.uuid4())

    def new_name(self, hint: str, name: str) -> str:
        """A name as CloudFormation makes it: `<stack>-<logical id>-<random>`, cut to the type's length."""
        longest, lower = NAME_RULES.get(self.name, (self.schema.max_length(name) or 255, False))
        tail = random_name(12)
        made = f"{hint[: max(0, longest - 13)].rstrip('-')}-{tail}" if hint else tail
        return made.lower() if lower else made

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        """The resource's ARN; generic: by the table, else arn:aws:<service>:<region>:<account>:<kind>/<id>."""
        form = ARNS.get(self.name)
        if form is None:
            service, kind = self.name.split("::")[1:]
            return ctx.arn(service.lower(), f"{kind.lower()}/{id}")
        if form == "":
            return ""
        return form.format(region=ctx.region, account=ctx.account, id=id, uuid=uuid.uuid4())

    def ref(self, record: Record) -> str:
        """What `Ref` answers."""
        return record.id

    def attribute(self, record: Record, name: str) -> Any:
        """What `Fn::GetAtt` answers: an attribute, the Arn, or a property. Raises KeyError if there is none."""
        for source in (record.attributes, record.properties):
            if name in source:
                return source[name]
            value: Any = source
            for part in name.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                return value
        if name == "Arn" or name.endswith("Arn"):
            return record.arn or record.id
        if name in self.schema.primary_identifier or name.endswith("Id"):
            return record.id
        raise KeyError(name)

    # -- hooks

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        """Refuse what AWS would refuse, before anything is made."""

    def created(self, ctx: Context, record: Record) -> None:
        """Fill attributes and data, make what comes along. The record is stored, its time runs."""

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        """Refuse an update to `properties` (all of them, as they would be)."""

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        """record.properties are the new ones, `before` the old ones."""

    def ready(self, ctx: Context, record: Record, action: str) -> None:
        """The time of a create or update has passed; record.state is set already."""

    def check_delete(self, ctx: Context, record: Record) -> None:
        """Refuse the deletion (in use, protected, not empty)."""

    def deleting(self, ctx: Context, record: Record) -> None:
        """The deletion begins."""

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        """The deletion's time has passed. Return True to keep the record (a KMS key that waits 7 days):
        then set record.state to the service's word; CloudFormation counts it as deleted."""
        return None

    def last_copy(self, ctx: Context, record: Record) -> None:
        """DeletionPolicy Snapshot: make the final snapshot, before the deletion."""

    def replaces(self, record: Record, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        """Names of changed properties that need a new resource: the schema's create-only ones."""
        return [
            path
            for path in sorted(self.schema.create_only)
            if at_path(before, path) != at_path(after, path)
            and record.get(path.split("/")[0]) != at_path(after, path)
        ]

    def duration(self, ctx: Context, record: Record, action: str) -> float:
        """Seconds of real AWS; generic: the table in durations.py and the settings."""
        return ctx.world.duration(self.name, action)


def at_path(properties: dict[str, Any], path: str) -> Any:
    """What properties hold at a schema's path, up to the first `*`; None where there is nothing."""
    value: Any = properties
    for part in path.split("/"):
        if part == "*" or not isinstance(value, dict):
            return value
        value = value.get(part)
    return value


def tags_from(value: Any) -> dict[str, str]:
    """Tags in any of CloudFormation's forms (list of Key/Value, map) as a dict."""
    if isinstance(value, dict):
        return {str(k): str(v) for k, v in value.items()}
    return {str(t["Key"]): str(t.get("Value", "")) for t in value or ()}


def tag_list(tags: dict[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Tags as most services answer them."""
    return [{key: k, value: v} for k, v in tags.items()]


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
