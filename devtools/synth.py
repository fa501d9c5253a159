"""`make synth`: the templates of an example environment in every size and with every kind of standby.

Into cdk.out/<size>-<standby>/, for reading and for `cdk deploy -a cdk.out/<size>-<standby>`.
"""

import itertools
import sys

from devtools.asked import described, synthesised
from devtools.places import ROOT, shown

SIZES = ("small", "medium", "large")
STANDBYS = ("none", "pilot-light", "warm")
REGIONS = ("eu-west-1", "eu-central-1")
SPEC = {
    "name": "shop",
    "suffix": "k3x9",
    "team": "web",
    "owner": "ann@example.com",
    "tier": "prod",
    "account_id": "111122223333",
    "home_region": REGIONS[0],
    "other_region": None,
    "other_cidr": None,
    "cidr": "10.20.0.0/18",
    "zone_id": "Z0123456789ABCDEF",
    "zone_name": "example.com",
    "deletion_protection": True,
    # As the portal asks for production: with less, no log would be old enough to be archived.
    "log_retention_days": 365,
}


def main() -> int:
    """Write them all; 1 when one was refused."""
    failed = 0
    for size, standby in itertools.product(SIZES, STANDBYS):
        out = ROOT / "cdk.out" / f"{size}-{standby}"
        request = {"app": "environment", "spec": spec(size, standby), "facts": facts(), "out": str(out)}
        answer = synthesised(request)
        failed += not answer["ok"]
        print(f"{shown(out)}: {answer['seconds']} s" if answer["ok"] else f"{shown(out)}: {answer['error']}")
    return 1 if failed else 0


def spec(size: str, standby: str) -> dict[str, object]:
    """The example in that size, with that standby in the second region."""
    there = {} if standby == "none" else {"other_region": REGIONS[1], "other_cidr": "10.20.64.0/18"}
    modules = described()["tiers"][SPEC["tier"]]["required_modules"]
    return {**SPEC, **there, "size": size, "standby": standby, "modules": modules}


def facts() -> dict[str, dict[str, object]]:
    """What is known about both regions."""
    platform = "platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
    return {
        region: {
            "azs": [f"{region}{letter}" for letter in "abc"],
            "beanstalk_platform_arn": f"arn:aws:elasticbeanstalk:{region}::{platform}",
            "aurora_mysql_version": "8.0.mysql_aurora.3.10.0",
        }
        for region in REGIONS
    }


if __name__ == "__main__":
    sys.exit(main())
