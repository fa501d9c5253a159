"""Resource record sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, random_name
from sandbox.services.route53 import names
from sandbox.services.route53.changes import change_info
from sandbox.services.route53.zones import all_zones, need, records_of
from sandbox.store import GLOBAL, Record

MOST = 300
PLAIN = ("Weight", "Region", "GeoLocation", "Failover", "MultiValueAnswer", "HealthCheckId")
"""Members that are the same in CloudFormation and in the API."""
ON_CHANGE: list[Callable[[Context], None]] = []
"""Called when a record was made or changed: certificates may now be proved."""


def _invalid(*messages: str) -> AwsError:
    return AwsError("InvalidChangeBatch", f"[{', '.join(messages)}]", 400)


def zone_of(ctx: Context, properties: dict[str, Any]) -> Record:
    """The zone that a record's properties name, by id or by name."""
    if properties.get("HostedZoneId"):
        return need(ctx, properties["HostedZoneId"])
    name = names.normal(properties.get("HostedZoneName", ""))
    found = [z for z in all_zones(ctx) if names.normal(z.properties["Name"]) == name]
    if len(found) != 1:
        word = "No" if not found else "More than one"
        raise AwsError("InvalidInput", f"{word} hosted zones named {name} found", 400)
    return found[0]


@resource_type(names.RECORD)
class RecordSet(ResourceType):
    """A record set. Its id is `<name>|<zone>|<type>[|<set identifier>]`, its Ref the name."""

    state_creating = state_updating = state_deleting = "PENDING"
    state_ready = "INSYNC"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return names.record_id(properties, zone_of(ctx, properties).id)

    def ref(self, record: Record) -> str:
        return str(record.properties["Name"]).rstrip(".")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        check_create(ctx, zone_of(ctx, properties), properties)

    def created(self, ctx: Context, record: Record) -> None:
        record.data["zone"] = zone_of(ctx, record.properties).id
        _tell(ctx)

    def check_update(self, ctx: Context, record: Record, properties: dict[str, Any]) -> None:
        _check_values(ctx, properties)
        zone = zone_of(ctx, properties)
        if names.record_id(properties, zone.id) != record.id:
            check_create(ctx, zone, properties, instead_of=record)

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        _tell(ctx)

    def replaces(self, record: Record, before: dict[str, Any], after: dict[str, Any]) -> list[str]:
        """Name, type and set identifier are what the record is; CloudFormation makes another one for them."""
        changed = super().replaces(record, before, after)
        own = ("Name", "Type", "SetIdentifier")
        return sorted({*changed, *(n for n in own if before.get(n) != after.get(n))})


def _tell(ctx: Context) -> None:
    for listener in ON_CHANGE:
        listener(ctx)


def check_create(
    ctx: Context, zone: Record, properties: dict[str, Any], instead_of: Record | None = None
) -> None:
    """Refuse what Route 53 refuses of a new record. Raises AwsError InvalidChangeBatch."""
    name, kind, top = (
        names.normal(properties["Name"]),
        properties["Type"],
        names.normal(zone.properties["Name"]),
    )
    if not names.is_domain(name):
        raise _invalid(f"Invalid Resource Record: FATAL problem: InvalidDomainName encountered with '{name}'")
    if not names.within(name, top):
        raise _invalid(f"RRSet with DNS name {names.shown(name)} is not permitted in zone {top}")
    if kind == "CNAME" and name == top:
        raise _invalid(f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {top}")
    others = [
        r
        for r in records_of(ctx, zone.id)
        if names.normal(r.properties["Name"]) == name and r is not instead_of
    ]
    wanted = names.record_id(properties, zone.id)
    if any(r.id == wanted for r in others) or (name == top and kind in zone.data["apex"]):
        raise _invalid(
            f"Tried to create resource record set [name='{names.shown(name)}', type='{kind}'] but it already exists"
        )
    if any((r.properties["Type"] == "CNAME") != (kind == "CNAME") for r in others):
        raise _invalid(
            f"RRSet of type {kind} with DNS name {names.shown(name)} is not permitted as it conflicts with other "
            f"records with the same DNS name in zone {top}"
        )
    _check_values(ctx, properties)


def _check_values(ctx: Context, properties: dict[str, Any]) -> None:
    check = properties.get("HealthCheckId")
    if check and ctx.store.get(ctx.account, GLOBAL, names.HEALTH_CHECK, check) is None:
        raise AwsError("NoSuchHealthCheck", f"No health check exists with the specified ID: {check}", 404)
    if not properties.get("AliasTarget") and not properties.get("ResourceRecords"):
        raise AwsError(
            "InvalidInput",
            "Invalid XML ; Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or "
            "TrafficPolicyInstanceId], but found none in Change with "
            f"[Action=CREATE, Name={properties['Name']}, Type={properties['Type']}, SetIdentifier=null]",
            400,
        )


def shape(record: Record) -> dict[str, Any]:
    """A record as the API shows it."""
    given = record.properties
    answer: dict[str, Any] = {"Name": names.shown(given["Name"]), "Type": given["Type"]}
    if given.get("SetIdentifier"):
        answer["SetIdentifier"] = given["SetIdentifier"]
    answer |= {n: given[n] for n in PLAIN if given.get(n) is not None}
    if given.get("AliasTarget"):
        target = given["AliasTarget"]
        answer["AliasTarget"] = {
            "HostedZoneId": target["HostedZoneId"],
            "DNSName": names.normal(target["DNSName"]),
            "EvaluateTargetHealth": bool(target.get("EvaluateTargetHealth", False)),
        }
    else:
        answer["TTL"] = int(given.get("TTL", 0))
        answer["ResourceRecords"] = [{"Value": v} for v in given["ResourceRecords"]]
    return answer


def properties_from(entry: dict[str, Any], zone: Record) -> dict[str, Any]:
    """CloudFormation's properties of the API's record set."""
    properties: dict[str, Any] = {"HostedZoneId": zone.id, "Name": names.normal(entry["Name"])}
    properties |= {
        n: entry[n] for n in ("Type", "SetIdentifier", "AliasTarget", *PLAIN) if entry.get(n) is not None
    }
    if entry.get("ResourceRecords"):
        properties["ResourceRecords"] = [r["Value"] for r in entry["ResourceRecords"]]
    if entry.get("TTL") is not None:
        properties["TTL"] = str(entry["TTL"])
    return properties


def all_shapes(ctx: Context, zone: Record) -> list[dict[str, Any]]:
    """All records of a zone in Route 53's order, NS and SOA included."""
    top = names.normal(zone.properties["Name"])
    rows = [
        {
            "Name": top,
            "Type": kind,
            "TTL": apex["TTL"],
            "ResourceRecords": [{"Value": v} for v in apex["Values"]],
        }
        for kind, apex in zone.data["apex"].items()
    ]
    rows += [shape(r) for r in records_of(ctx, zone.id)]
    return sorted(rows, key=lambda r: (names.order(r["Name"]), r["Type"], r.get("SetIdentifier", "")))


@operation("route53", "ListResourceRecordSets")
def list_resource_record_sets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    zone = need(ctx, params["HostedZoneId"])
    rows = all_shapes(ctx, zone)
    if params.get("StartRecordName"):
        start = (
            names.order(params["StartRecordName"]),
            params.get("StartRecordType") or "",
            params.get("StartRecordIdentifier") or "",
        )
        rows = [r for r in rows if (names.order(r["Name"]), r["Type"], r.get("SetIdentifier", "")) >= start]
    elif params.get("StartRecordType"):
        raise AwsError("InvalidInput", "The input is not valid: a type was specified without a name.", 400)
    most = min(int(params.get("MaxItems") or MOST), MOST)
    answer: dict[str, Any] = {"ResourceRecordSets": rows[:most], "IsTruncated": len(rows) > most}
    if len(rows) > most:
        answer["NextRecordName"], answer["NextRecordType"] = rows[most]["Name"], rows[most]["Type"]
        if rows[most].get("SetIdentifier"):
            answer["NextRecordIdentifier"] = rows[most]["SetIdentifier"]
    return {**answer, "MaxItems": str(most)}


@operation("route53", "ChangeResourceRecordSets")
def change_resource_record_sets(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """All changes or none: what was done before a refused one is put back."""
    zone = need(ctx, params["HostedZoneId"])
    batch = params["ChangeBatch"]
    before = {r.id: dict(r.properties) for r in records_of(ctx, zone.id)}
    apex = {kind: dict(value) for kind, value in zone.data["apex"].items()}
    try:
        for change in batch["Changes"]:
            _apply(ctx, zone, change["Action"], change["ResourceRecordSet"])
    except AwsError:
        zone.data["apex"] = apex
        _put_back(ctx, zone, before)
        raise
    return {"ChangeInfo": change_info(ctx, batch.get("Comment"))}


def _put_back(ctx: Context, zone: Record, before: dict[str, dict[str, Any]]) -> None:
    now = {r.id: r for r in records_of(ctx, zone.id)}
    for id, record in now.items():
        if id not in before:
            ctx.store.remove(record)
        else:
            record.properties = before[id]
            ctx.store.put(record)
    for id, properties in before.items():
        if id not in now:
            ctx.world.create(ctx, names.RECORD, properties, at_once=True)


def _apply(ctx: Context, zone: Record, action: str, entry: dict[str, Any]) -> None:
    properties = properties_from(entry, zone)
    if names.normal(entry["Name"]) == names.normal(zone.properties["Name"]) and entry["Type"] in (
        "NS",
        "SOA",
    ):
        _apply_apex(ctx, zone, action, entry)
        return
    id = names.record_id(properties, zone.id)
    record = ctx.store.get(ctx.account, GLOBAL, names.RECORD, id)
    if action == "DELETE":
        what = f"Tried to delete resource record set [name='{names.shown(entry['Name'])}', type='{entry['Type']}'] but"
        if record is None:
            raise _invalid(f"{what} it was not found")
        if shape(record) != _normal_shape(properties):
            raise _invalid(f"{what} the values provided do not match the current values")
        ctx.world.delete(ctx, record, at_once=True)
    elif action == "UPSERT" and record is not None:
        ctx.world.update(ctx, record, properties, at_once=True)
    else:
        ctx.world.create(ctx, names.RECORD, properties, at_once=True)


def _normal_shape(properties: dict[str, Any]) -> dict[str, Any]:
    return shape(Record("", "", names.RECORD, "", properties=properties))


def _apply_apex(ctx: Context, zone: Record, action: str, entry: dict[str, Any]) -> None:
    if action == "DELETE":
        word = (
            "exactly one SOA record"
            if entry["Type"] == "SOA"
            else "at least one NS record for the zone itself"
        )
        raise _invalid(f"A HostedZone must contain {word}.")
    if action == "CREATE":
        raise _invalid(
            f"Tried to create resource record set [name='{names.shown(entry['Name'])}', type='{entry['Type']}'] but "
            "it already exists"
        )
    values = [r["Value"] for r in entry["ResourceRecords"]]
    zone.data["apex"][entry["Type"]] = {"TTL": int(entry["TTL"]), "Values": values}
    ctx.store.put(zone)


@resource_type(names.GROUP)
class RecordSetGroup(ResourceType):
    """Several records as one resource."""

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return f"{hint}-{random_name(12)}" if hint else random_name(12)

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ""

    def _full(self, properties: dict[str, Any]) -> list[dict[str, Any]]:
        own = {n: properties[n] for n in ("HostedZoneId", "HostedZoneName") if properties.get(n)}
        return [{**own, **entry} for entry in properties.get("RecordSets") or ()]

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        for entry in self._full(properties):
            check_create(ctx, zone_of(ctx, entry), entry)

    def created(self, ctx: Context, record: Record) -> None:
        record.attributes = {"Id": record.id}
        record.data["records"] = [
            ctx.world.create(ctx, names.RECORD, entry, at_once=True).id
            for entry in self._full(record.properties)
        ]

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        self.deleted(ctx, record)
        self.created(ctx, record)

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        for id in record.data.get("records", ()):
            part = ctx.store.get(record.account, GLOBAL, names.RECORD, id)
            if part is not None:
                ctx.store.remove(part)
        return None
