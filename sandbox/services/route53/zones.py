"""Hosted zones."""

from __future__ import annotations

import secrets
import string
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType
from sandbox.services._listing import page
from sandbox.services.ec2.base import stable_hex
from sandbox.services.route53 import names
from sandbox.services.route53.changes import change_info
from sandbox.store import GLOBAL, Record

_ALPHABET = string.ascii_uppercase + string.digits
MOST = 100


def no_zone(id: str) -> AwsError:
    return AwsError("NoSuchHostedZone", f"No hosted zone found with ID: {id}", 404)


def need(ctx: Context, id: str) -> Record:
    """The zone of an id, with or without `/hostedzone/`."""
    record = ctx.store.get(ctx.account, GLOBAL, names.ZONE, names.plain_id(id))
    if record is None:
        raise no_zone(names.plain_id(id))
    return record


def all_zones(ctx: Context) -> list[Record]:
    return ctx.store.list(ctx.account, GLOBAL, names.ZONE)


def records_of(ctx: Context, zone: str) -> list[Record]:
    """The zone's records that are resources; its NS and SOA are in the zone's data["apex"]."""
    return [r for r in ctx.store.list(ctx.account, GLOBAL, names.RECORD) if r.data["zone"] == zone]


@resource_type(names.ZONE)
class HostedZone(ResourceType):
    """A hosted zone with its NS and SOA records. A zone with further records is not deleted."""

    state_creating = state_updating = state_deleting = state_ready = "available"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = str(properties.get("Name", ""))
        if not name or not names.is_domain(name):
            raise AwsError("InvalidDomainName", f"{name} is not a valid domain name", 400)

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        return "Z" + "".join(secrets.choice(_ALPHABET) for _ in range(20))

    def created(self, ctx: Context, record: Record) -> None:
        numbers = [int(stable_hex(f"{record.id}/{i}", 6), 16) for i in range(4)]
        ends = ("com", "net", "org", "co.uk")
        servers = [f"ns-{n % 512 + 512 * i}.awsdns-{n % 64:02d}.{ends[i]}" for i, n in enumerate(numbers)]
        record.attributes = {"Id": record.id, "NameServers": servers}
        record.data.setdefault("caller_reference", str(uuid.uuid4()))
        record.data["apex"] = {
            "NS": {"TTL": 172800, "Values": [f"{s}." for s in servers]},
            "SOA": {
                "TTL": 900,
                "Values": [f"{servers[0]}. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"],
            },
        }

    def check_delete(self, ctx: Context, record: Record) -> None:
        if records_of(ctx, record.id):
            raise AwsError(
                "HostedZoneNotEmpty",
                "The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
                400,
            )


def _private(record: Record) -> bool:
    return bool(record.properties.get("VPCs"))


def shape(ctx: Context, record: Record) -> dict[str, Any]:
    config: dict[str, Any] = {"PrivateZone": _private(record)}
    comment = (record.properties.get("HostedZoneConfig") or {}).get("Comment")
    if comment:
        config["Comment"] = comment
    told = {
        "Id": f"/hostedzone/{record.id}",
        "Name": names.normal(record.properties["Name"]),
        "CallerReference": record.data["caller_reference"],
        "Config": config,
        "ResourceRecordSetCount": len(record.data["apex"]) + len(records_of(ctx, record.id)),
    }
    if not _private(record):
        told["Features"] = {"AcceleratedRecoveryStatus": record.data.get("accelerated", "DISABLED")}
    return told


@operation("route53", "CreateHostedZone")
def create_hosted_zone(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    if any(z.data["caller_reference"] == params["CallerReference"] for z in all_zones(ctx)):
        raise AwsError(
            "HostedZoneAlreadyExists",
            "A hosted zone has already been created with the specified caller reference.",
            409,
        )
    properties: dict[str, Any] = {"Name": params["Name"]}
    if (params.get("HostedZoneConfig") or {}).get("Comment"):
        properties["HostedZoneConfig"] = {"Comment": params["HostedZoneConfig"]["Comment"]}
    if params.get("VPC"):
        properties["VPCs"] = [params["VPC"]]
    data = {"caller_reference": params["CallerReference"]}
    record = ctx.world.create(ctx, names.ZONE, properties, data=data, at_once=True)
    return {
        "HostedZone": shape(ctx, record),
        "ChangeInfo": change_info(ctx),
        "DelegationSet": {"NameServers": record.attributes["NameServers"]},
        "Location": f"https://route53.amazonaws.com/2013-04-01/hostedzone/{record.id}",
    }


@operation("route53", "GetHostedZone")
def get_hosted_zone(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = need(ctx, params["Id"])
    answer: dict[str, Any] = {"HostedZone": shape(ctx, record)}
    if _private(record):
        answer["VPCs"] = record.properties["VPCs"]
    else:
        answer["DelegationSet"] = {"NameServers": record.attributes["NameServers"]}
    return answer


@operation("route53", "UpdateHostedZoneFeatures")
def update_hosted_zone_features(ctx: Context, params: dict[str, Any]) -> None:
    """Accelerated recovery of a public zone: on or off at once, where AWS takes its time."""
    record = need(ctx, params["HostedZoneId"])
    if _private(record):
        raise AwsError("InvalidInput", "Accelerated recovery is only supported for public hosted zones.", 400)
    wanted = params.get("EnableAcceleratedRecovery")
    if wanted is not None:
        record.data["accelerated"] = "ENABLED" if wanted else "DISABLED"
        ctx.store.put(record)


@operation("route53", "ListHostedZones")
def list_hosted_zones(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    most = min(int(params.get("MaxItems") or MOST), MOST)
    some, token = page(all_zones(ctx), most, params.get("Marker"), most=MOST, code="InvalidInput")
    answer = {"HostedZones": [shape(ctx, z) for z in some], "IsTruncated": bool(token), "MaxItems": str(most)}
    answer["Marker"] = params.get("Marker") or ""
    return {**answer, **({"NextMarker": token} if token else {})}


@operation("route53", "ListHostedZonesByName")
def list_hosted_zones_by_name(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """From the asked name onwards, in the order of reversed labels: the first may be another name's zone."""
    most = min(int(params.get("MaxItems") or MOST), MOST)
    zones = sorted(all_zones(ctx), key=lambda z: (names.order(z.properties["Name"]), z.id))
    answer: dict[str, Any] = {}
    if params.get("DNSName"):
        start = names.order(params["DNSName"])
        zones = [z for z in zones if names.order(z.properties["Name"]) >= start]
        answer["DNSName"] = params["DNSName"]
    if params.get("HostedZoneId"):
        first = names.plain_id(params["HostedZoneId"])
        ids = [z.id for z in zones]
        zones = zones[ids.index(first) :] if first in ids else zones
        answer["HostedZoneId"] = first
    if len(zones) > most:
        answer["NextDNSName"] = names.normal(zones[most].properties["Name"])
        answer["NextHostedZoneId"] = zones[most].id
    answer |= {"HostedZones": [shape(ctx, z) for z in zones[:most]], "IsTruncated": len(zones) > most}
    return {**answer, "MaxItems": str(most)}


@operation("route53", "GetHostedZoneCount")
def get_hosted_zone_count(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    return {"HostedZoneCount": len(all_zones(ctx))}


@operation("route53", "DeleteHostedZone")
def delete_hosted_zone(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    ctx.world.delete(ctx, need(ctx, params["Id"]), at_once=True)
    return {"ChangeInfo": change_info(ctx)}
