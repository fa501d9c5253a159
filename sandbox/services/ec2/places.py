"""Regions and availability zones."""

from __future__ import annotations

import functools
from typing import Any

import botocore.session

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation
from sandbox.services._listing import matches

# Zones that accounts of today see. Source: AWS global infrastructure, regions and availability zones.
_LETTERS = {
    "us-east-1": "abcdef",
    "us-west-1": "ac",
    "us-west-2": "abcd",
    "ca-central-1": "abd",
    "ap-northeast-1": "acd",
    "ap-northeast-2": "abcd",
}
_OPTED_IN = "opt-in-not-required"
# Regions that an account must switch on first. Source: AWS General Reference, "Manage AWS Regions".
_OPT_IN = (
    "af-south-1", "ap-east-1", "ap-east-2", "ap-south-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
    "ap-southeast-6", "ap-southeast-7", "ca-west-1", "eu-central-2", "eu-south-1", "eu-south-2", "il-central-1",
    "me-central-1", "me-south-1", "mx-central-1",
)  # fmt: skip
_DIRECTIONS = {
    "northeast": "ne", "northwest": "nw", "southeast": "se", "southwest": "sw", "north": "n", "south": "s",
    "east": "e", "west": "w", "central": "c",
}  # fmt: skip


@functools.cache
def regions() -> tuple[str, ...]:
    """The names of the public partition's regions."""
    return tuple(botocore.session.get_session().get_available_regions("ec2"))


def zone_names(region: str) -> list[str]:
    """`["eu-west-1a", "eu-west-1b", "eu-west-1c"]`"""
    return [region + letter for letter in _LETTERS.get(region, "abc")]


def zone_id(region: str, name: str) -> str:
    """`euw1-az1` for `eu-west-1a` (in AWS the letter differs between accounts; here it is the same in all)."""
    area, direction, number = region.split("-")[0], region.split("-")[-2], region.split("-")[-1]
    index = zone_names(region).index(name) + 1 if name in zone_names(region) else 0
    return f"{area}{_DIRECTIONS.get(direction, direction[:1])}{number}-az{index}"


@operation("ec2", "DescribeAvailabilityZones")
def describe_availability_zones(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    zones = [
        {
            "ZoneName": name,
            "ZoneId": zone_id(ctx.region, name),
            "RegionName": ctx.region,
            "State": "available",
            "OptInStatus": _OPTED_IN,
            "ZoneType": "availability-zone",
            "GroupName": ctx.region,
            "NetworkBorderGroup": ctx.region,
            "Messages": [],
        }
        for name in zone_names(ctx.region)
    ]
    for name in params.get("ZoneNames") or ():
        if name not in zone_names(ctx.region):
            raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{name}]", 400)
    members = {
        "zone-name": "ZoneName", "zone-id": "ZoneId", "region-name": "RegionName", "state": "State",
        "opt-in-status": "OptInStatus", "zone-type": "ZoneType", "group-name": "GroupName",
    }  # fmt: skip
    for member, wanted in (("ZoneName", params.get("ZoneNames")), ("ZoneId", params.get("ZoneIds"))):
        if wanted:
            zones = [z for z in zones if z[member] in wanted]
    return {"AvailabilityZones": _keep(zones, params, members)}


@operation("ec2", "DescribeRegions")
def describe_regions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found: list[dict[str, Any]] = [
        {
            "RegionName": name,
            "Endpoint": f"ec2.{name}.amazonaws.com",
            "OptInStatus": "not-opted-in" if name in _OPT_IN else _OPTED_IN,
        }
        for name in regions()
    ]
    names = params.get("RegionNames")
    for name in names or ():
        if name not in regions():
            raise AwsError("InvalidParameterValue", f"Invalid region name: {name}", 400)
    if names:
        found = [r for r in found if r["RegionName"] in names]
    elif not params.get("AllRegions"):
        found = [r for r in found if r["OptInStatus"] == _OPTED_IN]
    members = {"region-name": "RegionName", "opt-in-status": "OptInStatus", "endpoint": "Endpoint"}
    return {"Regions": _keep(found, params, members)}


def _keep(
    rows: list[dict[str, Any]], params: dict[str, Any], members: dict[str, str]
) -> list[dict[str, Any]]:
    for rule in params.get("Filters") or ():
        if rule["Name"] not in members:
            raise AwsError("InvalidParameterValue", f"The filter '{rule['Name']}' is invalid", 400)
        member = members[rule["Name"]]
        rows = [r for r in rows if matches(r[member], rule.get("Values") or ())]
    return rows
