"""Words and shapes that what the blueprint is told is made of: environments, accounts and Applications alike."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from blueprint_cdk.data import load
from blueprint_cdk.names import NAME_MAX, NAME_MIN, NAME_PATTERN

LOG_RETENTION_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1827, 3653)
"""What both CloudWatch Logs and Beanstalk's log streaming accept."""

PlaceName = Literal["home", "other"]
HOME: PlaceName = "home"
OTHER: PlaceName = "other"
"""Which of an environment's two regions: fixed for its life, whichever of them is active."""
PushChannel = Literal["apns", "apns-sandbox", "fcm"]
SignInMail = Literal["cognito", "ses"]

WITHOUT_PUSH = frozenset(row["region"] for row in load("regions") if row.get("without_push"))
"""Regions whose registry has no AWS::Pinpoint::App."""

REGIONS = tuple(row["region"] for row in load("regions"))

AccountId = Annotated[str, Field(pattern=r"^[0-9]{12}$")]
TAKEN_SECRETS = ("DATABASE",)
"""Whose variable, <NAME>_SECRET_ARN, is the blueprint's own."""
SecretName = Annotated[
    str,
    Field(
        pattern=r"^[A-Z][A-Z0-9_]{1,39}$",
        description="Capital letters, digits and underscores, and a letter first.",
        examples=["SMTP_PASSWORD"],
        json_schema_extra={"not": {"enum": list(TAKEN_SECRETS)}},
    ),
]
RANGES = load("ranges")
"""Which address ranges an environment may have. Docker's own bridge on a Beanstalk instance is 172.17.0.0/16: addresses
in it never leave the instance."""

# The common name of a certificate that Certificate Manager issues: RFC 5280 ub-common-name.
DOMAIN_MAX = 64
PLATFORM_ARN = r"^arn:aws[a-z-]*:elasticbeanstalk:[a-z0-9-]+::platform/.+/[0-9.]+$"
CIDR = r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$"
AURORA_VERSION = r"^8\.[0-9]+\.mysql_aurora\.[0-9]+\.[0-9]+\.[0-9]+$"
DNS_NAME = r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"


EMAIL = r"^$|^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$"


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Owned(Frozen):
    """What has a name of its own for ever, a team and somebody who answers for it: an environment, an Application."""

    name: str = Field(
        title="Name",
        description="Lower case letters, digits and single hyphens, beginning with a letter.",
        min_length=NAME_MIN,
        max_length=NAME_MAX,
        pattern=NAME_PATTERN,
        examples=["shop"],
    )
    suffix: str = Field(
        title="Suffix",
        description="Four characters from the portal that make physical names unique for ever.",
        pattern=r"^[a-z0-9]{4}$",
        examples=["k3x9"],
    )
    team: str = Field(
        title="Team", description="The team that owns it.", pattern=r"^[a-z0-9][a-z0-9-]{0,62}$"
    )
    owner: str = Field(
        title="Owner",
        description="Who answers for it: an e-mail address or a sign-in name.",
        min_length=1,
        max_length=128,
        pattern=r"^[A-Za-z0-9_.:/=+@-]+$",
    )


class RestoreSource(Frozen):
    """Where the database's data comes from, for an environment that is a restore or a clone."""

    kind: Literal["snapshot", "cluster"] = Field(
        title="Kind",
        description="snapshot: a cluster snapshot. cluster: a copy-on-write clone of a running cluster.",
    )
    id: str = Field(
        title="Identifier",
        description="Identifier or ARN of the cluster snapshot, or of the cluster.",
        min_length=1,
        max_length=255,
        pattern=r"^[A-Za-z0-9:._-]+$",
    )


def region_known(value: str) -> str:
    if value not in REGIONS:
        raise ValueError(f"{value} is not a region of this blueprint; choose one of {', '.join(REGIONS)}.")
    return value


def network_private(value: str) -> str:
    """A private IPv4 network of a size that the subnets fit in."""
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value} is not an IPv4 network: {error}.") from error
    shortest, longest = RANGES["prefixes"]
    if not shortest <= network.prefixlen <= longest:
        raise ValueError(f"{value} must be between /{shortest} and /{longest}.")
    if not any(network.subnet_of(ipaddress.IPv4Network(block)) for block in RANGES["within"]):
        raise ValueError(f"{value} is not a private range ({', '.join(RANGES['within'])}).")
    for taken in RANGES["taken"]:
        if network.overlaps(ipaddress.IPv4Network(taken["range"])):
            raise ValueError(f"{value} overlaps {taken['range']}, which {taken['by']}.")
    return value
