"""A spec that stands for all: what the templates of two releases are compared by."""

from typing import Any

from environments.lifecycle.models import Release

REFERENCE = {
    "name": "reference",
    "suffix": "r3f0",
    "team": "reference",
    "owner": "reference",
    "tier": "staging",
    "account_id": "000000000000",
    "other_region": None,
    "standby": "none",
    "cidr": "10.0.0.0/16",
    "zone_id": "Z0REFERENCE",
    "zone_name": "example.org",
    "domain": "reference.example.org",
    "restore_source": None,
}


def sizes_of(release: Release) -> list[str]:
    """The sizes that it makes, smallest first."""
    sizes: list[str] = release.schema.get("properties", {}).get("size", {}).get("enum", [])
    return sizes


def reference_spec(release: Release, size: str, region: str) -> dict[str, Any]:
    """The same environment in the words of any release: of the fields above, those that its schema has."""
    known = release.schema.get("properties", {})
    spec = {**REFERENCE, "size": size, "home_region": region}
    return {name: value for name, value in spec.items() if name in known}
