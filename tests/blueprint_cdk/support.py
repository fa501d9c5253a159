"""An example spec with its facts, and an assembly to look into."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SPEC: dict[str, Any] = {
    "name": "shop",
    "suffix": "k3x9",
    "team": "web",
    "owner": "ann@example.com",
    "tier": "dev",
    "size": "small",
    "account_id": "111122223333",
    "home_region": "eu-west-1",
    "cidr": "10.20.0.0/18",
    "zone_id": "Z0123456789ABCDEF",
    "zone_name": "dev.example.com",
    "permissions_boundary_arn": "arn:aws:iam::111122223333:policy/SwitchyardBoundary",
    "modules": [],
}
ALL_MODULES = ["identity", "notifications", "analytics", "proxy", "canary"]
EVERYTHING: dict[str, Any] = {
    "modules": ALL_MODULES,
    "dashboard_owner": "arn:aws:quicksight:eu-west-1:111122223333:user/default/ann",
    "push": ["apns", "apns-sandbox", "fcm"],
}
"""All modules, with what they make only where the spec names it."""
FACTS: dict[str, Any] = {
    "azs": ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
    "beanstalk_platform_arn": (
        "arn:aws:elasticbeanstalk:eu-west-1::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
    ),
    "aurora_mysql_version": "8.0.mysql_aurora.3.10.0",
}
OTHER = "eu-central-1"
STANDBY: dict[str, Any] = {"other_region": OTHER, "other_cidr": "10.20.64.0/18"}
"""What a spec says besides the kind of standby."""


def facts_of(region: str) -> dict[str, Any]:
    """The example's facts, of that region."""
    told: dict[str, Any] = json.loads(json.dumps(FACTS).replace("eu-west-1", region))
    return told


@dataclass(frozen=True)
class Assembly:
    """A cloud assembly on disk, and its templates by stack name."""

    folder: Path
    prefix: str

    @property
    def manifest(self) -> dict[str, Any]:
        return json.loads((self.folder / "manifest.json").read_text())

    def template(self, key: str) -> dict[str, Any]:
        return json.loads((self.folder / f"{self.prefix}-{key}.template.json").read_text())

    def templates(self) -> dict[str, dict[str, Any]]:
        found = sorted(self.folder.glob("*.template.json"))
        return {path.name.removesuffix(".template.json"): json.loads(path.read_text()) for path in found}

    def all(self, kind: str) -> list[dict[str, Any]]:
        """Resources of a type in all stacks, in the order of stacks and logical ids."""
        return [
            resource
            for template in self.templates().values()
            for resource in template["Resources"].values()
            if resource["Type"] == kind
        ]

    def one(self, kind: str) -> dict[str, Any]:
        """Properties of the only resource of a type."""
        [resource] = self.all(kind)
        return resource["Properties"]


Synthesise = Callable[..., Assembly]
