"""Domain names and ids as Route 53 writes them."""

from __future__ import annotations

import re
from typing import Any

ZONE = "AWS::Route53::HostedZone"
RECORD = "AWS::Route53::RecordSet"
GROUP = "AWS::Route53::RecordSetGroup"
HEALTH_CHECK = "AWS::Route53::HealthCheck"

_LABEL = re.compile(r"[a-z0-9_*\-!\"#$%&'()+,/:;<=>?@\[\\\]^`{|}~]{1,63}")


def normal(name: str) -> str:
    r"""Lower case, with the last dot, `*` for `\052`."""
    plain = str(name).lower().replace("\\052", "*")
    return plain if plain.endswith(".") else f"{plain}."


def shown(name: str) -> str:
    r"""As answers show it: `\052` for `*`."""
    return normal(name).replace("*", "\\052")


def normalized(name: str) -> str:
    r"""As IAM's condition keys have it: lower case, no last dot, `\052` for `*` and its like."""
    plain = normal(name).rstrip(".")
    return re.sub(r"[^a-z0-9_.\\-]", lambda match: f"\\{ord(match[0]):03o}", plain)


def order(name: str) -> list[str]:
    """The key that Route 53 sorts by: labels from the right."""
    return normal(name).rstrip(".").split(".")[::-1]


def is_domain(name: str) -> bool:
    labels = normal(name).rstrip(".").split(".")
    return len(name) <= 255 and all(_LABEL.fullmatch(label) for label in labels)


def within(name: str, zone: str) -> bool:
    """Whether a name is the zone's own or below it."""
    return normal(name) == normal(zone) or normal(name).endswith(f".{normal(zone)}")


def plain_id(id: str) -> str:
    """`Z123` for `/hostedzone/Z123`."""
    return id.rpartition("/")[2]


def record_id(properties: dict[str, Any], zone: str) -> str:
    """The id of a record: `<name>|<zone>|<type>`, and the set identifier where there is one."""
    parts = [normal(properties["Name"]), zone, properties["Type"]]
    if properties.get("SetIdentifier"):
        parts.append(str(properties["SetIdentifier"]))
    return "|".join(parts)
