"""Route 53: hosted zones and their records."""

from typing import Any

from workers.aws.session import Session

SERVICE = "route53"


def zone_find(session: Session, name: str) -> str:
    """The id of the public hosted zone of that name, without its prefix; empty when there is none."""
    answer = session.client(SERVICE).list_hosted_zones_by_name(DNSName=f"{name}.", MaxItems="10")
    for zone in answer["HostedZones"]:
        if zone["Name"].rstrip(".") == name and not zone.get("Config", {}).get("PrivateZone"):
            return str(zone["Id"]).removeprefix("/hostedzone/")
    return ""


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
