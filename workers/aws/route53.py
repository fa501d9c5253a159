"""Route 53: hosted zones and their records."""

from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

SERVICE = "route53"


def zone_find(session: Session, name: str) -> str:
    """The id of the public hosted zone of that name, without its prefix; empty when there is none."""
    answer = session.client(SERVICE).list_hosted_zones_by_name(DNSName=f"{name}.", MaxItems="10")
    for zone in answer["HostedZones"]:
        if zone["Name"].rstrip(".") == name and not zone.get("Config", {}).get("PrivateZone"):
            return str(zone["Id"]).removeprefix("/hostedzone/")
    return ""


def accelerated_recovery(session: Session, zone_id: str) -> bool:
    """Whether the zone's records can be changed within an hour of us-east-1 going dark, or soon will be."""
    zone = session.client(SERVICE).get_hosted_zone(Id=zone_id)["HostedZone"]
    status = zone.get("Features", {}).get("AcceleratedRecoveryStatus", "")
    return status in ("ENABLED", "ENABLING", "ENABLING_HOSTED_ZONE_LOCKED")


def records_named(session: Session, zone_id: str, ending: str) -> list[dict[str, Any]]:
    """Records of a zone whose names are `ending` or lie below it, without a dot at the end."""
    pages = session.client(SERVICE).get_paginator("list_resource_record_sets").paginate(HostedZoneId=zone_id)
    found = []
    for page in pages:
        for record in page["ResourceRecordSets"]:
            name = record["Name"].rstrip(".")
            if name == ending or name.endswith(f".{ending}"):
                found.append({"name": name, "type": record["Type"]})
    return found


def alarm_checks(session: Session) -> list[tuple[str, str]]:
    """Id and alarm of every health check of the account that an alarm decides."""
    pages = session.client(SERVICE).get_paginator("list_health_checks").paginate()
    return [
        (str(entry["Id"]), str(entry["HealthCheckConfig"]["AlarmIdentifier"]["Name"]))
        for page in pages
        for entry in page["HealthChecks"]
        if "AlarmIdentifier" in entry["HealthCheckConfig"]
    ]


def record_find(session: Session, zone_id: str, name: str, kind: str) -> dict[str, Any] | None:
    """The record of that name and type as Route 53 has it; None when it, or its zone, is not there."""
    try:
        found = session.client(SERVICE).list_resource_record_sets(
            HostedZoneId=zone_id, StartRecordName=f"{name}.", StartRecordType=kind, MaxItems="1"
        )["ResourceRecordSets"]
    except ClientError as error:
        if error_code(error) == "NoSuchHostedZone":
            return None
        raise
    record: dict[str, Any]
    for record in found:
        # The list begins with the first record that does not come before the one that is asked for.
        if record["Name"].rstrip(".") == name and record["Type"] == kind:
            return record
    return None


def record_delete(session: Session, zone_id: str, record: dict[str, Any]) -> bool:
    """Delete a record as `record_find` answered it; False when it is not that any more."""
    change = {"Action": "DELETE", "ResourceRecordSet": record}
    try:
        session.client(SERVICE).change_resource_record_sets(
            HostedZoneId=zone_id, ChangeBatch={"Changes": [change]}
        )
    except ClientError as error:
        if error_code(error) == "InvalidChangeBatch":
            return False
        raise
    return True
