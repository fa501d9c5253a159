"""The fields of a Spec: what each means, what it may be by itself, and which of them may change later.

What they have to be together is checked in spec.py.
"""

from __future__ import annotations

from pydantic import Field

from blueprint_cdk.fields import (
    CIDR,
    DNS_NAME,
    DOMAIN_MAX,
    EMAIL,
    LOG_RETENTION_DAYS,
    RANGES,
    REGIONS,
    AccountId,
    Owned,
    PushChannel,
    RestoreSource,
    SecretName,
    SignInMail,
)
from blueprint_cdk.modules import BEFORE_MODULES, ModuleName
from blueprint_cdk.schedules import Schedule
from blueprint_cdk.sizes import SizeName, StandbyName, TierName


class SpecFields(Owned):
    """In the order in which forms and the schema show them."""

    tier: TierName = Field(title="Tier", description="dev, staging or prod: how long backups are kept.")
    size: SizeName = Field(
        title="Size",
        description="How much of everything it gets at the start.",
        json_schema_extra={"changeable": True},
    )
    account_id: AccountId = Field(title="Account", description="The AWS account it is built in, 12 digits.")
    home_region: str = Field(
        title="Home region", description="Fixed for its life.", json_schema_extra={"enum": list(REGIONS)}
    )
    other_region: str | None = Field(
        default=None,
        title="Other region",
        description="Where a standby lies; fixed once the first one is added.",
        json_schema_extra={"enum": [*REGIONS, None], "changeable": "once"},
    )
    standby: StandbyName = Field(
        default="none",
        title="Standby",
        description="none; pilot-light: data alone follows; warm: database and application run there as well.",
        json_schema_extra={"changeable": True},
    )
    other_cidr: str | None = Field(
        default=None,
        title="Address range of the other region",
        description="As the address range, overlapping it nowhere; fixed once the first standby is added.",
        pattern=CIDR,
        examples=["10.20.64.0/18"],
        json_schema_extra={"ranges": RANGES, "changeable": "once"},
    )
    cidr: str = Field(
        title="Address range",
        description="A private IPv4 network from /16 to /20, for example 10.20.0.0/18; fixed for its life.",
        pattern=CIDR,
        examples=["10.20.0.0/18"],
        # No keyword of JSON Schema's can say this; whoever checks before the blueprint does reads it here.
        json_schema_extra={"ranges": RANGES},
    )
    zone_id: str = Field(
        title="Hosted zone",
        description="Route 53 id of the account's delegated zone.",
        pattern=r"^Z[A-Z0-9]{1,31}$",
    )
    zone_name: str = Field(
        title="Zone name",
        description="Name of that zone, without a dot at the end.",
        max_length=200,
        pattern=DNS_NAME,
        examples=["dev.example.com"],
    )
    domain: str = Field(
        default="",
        title="Domain",
        description="Its address, below the zone; empty means <name>.<zone name>.",
        # In the schema only: _dns_name refuses the same in better words.
        json_schema_extra={
            "examples": ["shop.dev.example.com"],
            "maxLength": DOMAIN_MAX,
            "pattern": f"^$|{DNS_NAME}",
        },
    )
    restore_source: RestoreSource | None = Field(
        default=None,
        title="Restore source",
        description="Where the database's data comes from. It stays for life: without it the database is replaced.",
    )
    deletion_protection: bool = Field(
        default=False,
        title="Deletion protection",
        description="Refuse to delete the database and the stacks that hold data.",
        json_schema_extra={"changeable": True},
    )
    permissions_boundary_arn: str | None = Field(
        default=None,
        title="Permissions boundary",
        description="ARN of the policy that bounds every role the environment makes.",
        pattern=r"^arn:aws[a-z-]*:iam::([0-9]{12}|aws):policy/[A-Za-z0-9+=,.@_/-]+$",
    )
    dashboard_owner: str | None = Field(
        default=None,
        title="Owner of the dashboard",
        description="ARN of the Quick Sight user or group that the usage dashboard belongs to; none: no dashboard.",
        pattern=r"^arn:aws[a-z-]*:quicksight:[a-z0-9-]+:[0-9]{12}:(user|group)/[A-Za-z0-9_-]+/[A-Za-z0-9._/@+=-]+$",
        json_schema_extra={"changeable": True},
    )
    push: tuple[PushChannel, ...] = Field(
        default=(),
        title="Push channels",
        description="Channels whose credentials are in their secrets: apns, apns-sandbox, fcm.",
        json_schema_extra={"changeable": True, "uniqueItems": True},
    )
    sign_in_mail: SignInMail = Field(
        default="cognito",
        title="Mail to users",
        description="Who sends users codes and invitations: cognito, 50 a day for the whole account; or ses, from "
        "no-reply@ the environment's domain, once its identity there is verified.",
        json_schema_extra={"changeable": True},
    )
    log_retention_days: int = Field(
        default=30,
        title="Days that logs are kept",
        description="One of the values that CloudWatch Logs and Beanstalk accept.",
        json_schema_extra={"enum": list(LOG_RETENTION_DAYS), "changeable": True},
    )
    modules: tuple[ModuleName, ...] = Field(
        default=BEFORE_MODULES,
        title="Modules",
        description="Parts of the architecture that can be off. Turned on or off later, nothing stateful is replaced.",
        # Left out by specs from before there were modules; who asks for a new environment names them.
        json_schema_extra={"uniqueItems": True, "changeable": True},
    )
    alarm_email: str = Field(
        default="",
        title="Address for alarms",
        description="Gets a mail per alarm once it has confirmed; empty: nobody does.",
        max_length=254,
        pattern=EMAIL,
        examples=["oncall@example.com"],
        json_schema_extra={"changeable": True},
    )
    schedules: tuple[Schedule, ...] = Field(
        default=(),
        title="Scheduled scaling",
        description="How many instances there are from some time on; none: demand alone decides. A list as JSON, for "
        'example [{"name": "weekdays", "recurrence": "0 7 * * MON-FRI", "min_instances": 2, "max_instances": 6}].',
        max_length=10,
        json_schema_extra={"changeable": True},
    )
    monthly_budget_usd: int = Field(
        default=0,
        title="Budget in USD a month",
        description="Whoever gets alarms is told at 80 and 100 %, and when the forecast is above it. 0: a fifth above "
        "the estimate.",
        ge=0,
        le=10_000_000,
        json_schema_extra={"changeable": True},
    )
    secrets: tuple[SecretName, ...] = Field(
        default=(),
        title="Secrets",
        description="Names of the application's own secrets. Each is made without a value; the application is told its "
        'ARN as <NAME>_SECRET_ARN. A list as JSON, for example ["SMTP_PASSWORD"].',
        # With names of at most 40 letters: Beanstalk gives all variables of an environment 4,096 bytes.
        max_length=12,
        json_schema_extra={"uniqueItems": True, "changeable": True},
    )
