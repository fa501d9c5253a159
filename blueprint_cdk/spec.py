"""What the blueprint is told of one environment: its Spec. It is frozen and refuses unknown fields (`refusals`)."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from pydantic import field_validator, model_validator

from blueprint_cdk.fields import (
    DNS_NAME,
    DOMAIN_MAX,
    HOME,
    LOG_RETENTION_DAYS,
    OTHER,
    TAKEN_SECRETS,
    WITHOUT_PUSH,
    PlaceName,
    network_private,
    region_known,
)
from blueprint_cdk.modules import MODULES, ModuleName, modules_problem
from blueprint_cdk.names import has_rule, longest_name, name_of, naming_rules
from blueprint_cdk.refusals import SpecError
from blueprint_cdk.schedules import Schedule, refuse_overlap
from blueprint_cdk.spec_fields import SpecFields


class Spec(SpecFields):
    """One environment. Size, tier, team, owner, modules, protection, retention and standby may change later. Other
    region and its network are set once, with the first standby; the rest never changes.
    """

    @model_validator(mode="before")
    @classmethod
    def _default_domain(cls, data: Any) -> Any:
        """An empty domain is the name below the zone, filled in before anything is checked or hashed."""
        # Empty or left out: what is no text at all is refused, not filled in.
        if not isinstance(data, dict) or data.get("domain", "") != "":
            return data
        if data.get("name") and data.get("zone_name"):
            return {**data, "domain": f"{data['name']}.{data['zone_name']}"}
        return data

    @field_validator("home_region", "other_region")
    @classmethod
    def _known_region(cls, value: str | None) -> str | None:
        return None if value is None else region_known(value)

    @field_validator("cidr", "other_cidr")
    @classmethod
    def _private_network(cls, value: str | None) -> str | None:
        return None if value is None else network_private(value)

    @field_validator("modules", mode="before")
    @classmethod
    def _list_of_names(cls, value: Any) -> Any:
        """In the order of data/modules.json, so that the same modules give the same bytes."""
        if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
            raise SpecError("modules must be a list of names.", "modules")
        known = [name for name in value if name in MODULES]
        if len(known) != len(value):
            raise SpecError(modules_problem(value, "dev"), "modules")
        return sorted(known, key=MODULES.index)

    @field_validator("secrets")
    @classmethod
    def _distinct_secrets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """In the order of the alphabet, so that the same names give the same bytes."""
        for name in value:
            if name in TAKEN_SECRETS:
                raise SpecError(f"{name} is taken: {name}_SECRET_ARN names the database's.", "secrets")
            if value.count(name) > 1:
                raise SpecError(f"{name} is named twice.", "secrets")
        return tuple(sorted(value))

    @field_validator("log_retention_days")
    @classmethod
    def _known_retention(cls, value: int) -> int:
        if value not in LOG_RETENTION_DAYS:
            raise ValueError(
                f"{value} days is not a retention of CloudWatch Logs; choose one of {LOG_RETENTION_DAYS}."
            )
        return value

    @field_validator("schedules")
    @classmethod
    def _distinct_schedules(cls, value: tuple[Schedule, ...]) -> tuple[Schedule, ...]:
        refuse_overlap(value)
        return value

    @field_validator("domain")
    @classmethod
    def _dns_name(cls, value: str) -> str:
        if not re.fullmatch(DNS_NAME, value):
            raise ValueError(f"{value or 'An empty text'} is not a domain name.")
        if len(value) > DOMAIN_MAX:
            raise ValueError(
                f"{value} has {len(value)} characters; a certificate's domain may have {DOMAIN_MAX}."
            )
        return value

    @model_validator(mode="after")
    def _has_what_a_standby_needs(self) -> Spec:
        for field in ("other_region", "other_cidr"):
            if self.has_standby and getattr(self, field) is None:
                raise SpecError(f"{field} is missing: a standby needs a region and a network there.", field)
        if self.other_region == self.home_region:
            raise SpecError(
                f"{self.home_region} is the home region: a standby lies in another one.", "other_region"
            )
        if self.other_cidr and ipaddress.IPv4Network(self.other_cidr).overlaps(
            ipaddress.IPv4Network(self.cidr)
        ):
            raise SpecError(
                f"{self.other_cidr} overlaps {self.cidr}: the two networks could never be joined.",
                "other_cidr",
            )
        return self

    @model_validator(mode="after")
    def _fits_together(self) -> Spec:
        for place, field in ((HOME, "name"), (OTHER, "other_region")):
            if place == OTHER and self.other_region is None:
                continue
            limit, rule = longest_name(self._fields(place))
            if rule and len(self.name) > limit:
                raise SpecError(
                    f"The name can have at most {limit} characters in {self.region(place)}: "
                    f"{rule.label} is called {rule.pattern} and {rule.service} allows {rule.max_length}.",
                    field,
                )
        for rule in naming_rules():
            if "{name}" in rule.pattern and (wrong := rule.problem(self.model_dump())):
                raise SpecError(wrong, "name")
        if not self.domain.endswith(f".{self.zone_name}"):
            raise SpecError(f"{self.domain} is not below the zone {self.zone_name}.", "domain")
        if problem := modules_problem(self.modules, self.tier):
            raise SpecError(problem, "modules")
        self._engagement_fits()
        boundary = self.permissions_boundary_arn
        if boundary and boundary.split(":")[4] not in (self.account_id, "aws"):
            raise SpecError(
                "The permissions boundary belongs to another account.", "permissions_boundary_arn"
            )
        return self

    def _engagement_fits(self) -> None:
        """What the modules analytics and notifications ask for."""
        if self.has("notifications") and self.home_region in WITHOUT_PUSH:
            raise SpecError(f"{self.home_region} has no push messages (End User Messaging).", "modules")
        if self.push and not self.has("notifications"):
            raise SpecError("Push channels are of the module notifications, which is off.", "push")
        if self.sign_in_mail == "ses" and not (self.has("identity") and self.has("notifications")):
            raise SpecError(
                "Mail to users by ses takes the modules identity and notifications.", "sign_in_mail"
            )
        owner = self.dashboard_owner
        if owner and not self.has("analytics"):
            raise SpecError("The dashboard is of the module analytics, which is off.", "dashboard_owner")
        if owner and owner.split(":")[4] != self.account_id:
            raise SpecError("The dashboard's owner belongs to another account.", "dashboard_owner")

    @property
    def key(self) -> str:
        """<name>-<suffix>: the value of the tag switchyard:environment."""
        return f"{self.name}-{self.suffix}"

    def has(self, module: ModuleName) -> bool:
        """Whether the module is on."""
        return module in self.modules

    @property
    def has_standby(self) -> bool:
        """Whether there is anything in the other region."""
        return self.standby != "none"

    @property
    def standby_region(self) -> str | None:
        """Where the standby is; None without one."""
        return self.other_region if self.has_standby else None

    def secret_name(self, secret: str) -> str:
        """What Secrets Manager calls one of the application's secrets, in both regions."""
        return f"{self.named('app-secrets')}{secret}"

    def region(self, place: PlaceName) -> str:
        """The region that a place is in. ValueError for the other one of an environment that has none."""
        if place == HOME:
            return self.home_region
        if self.other_region is None:
            raise ValueError("The environment has no other region.")
        return self.other_region

    def network(self, place: PlaceName) -> str:
        """The address range of a place. ValueError for the other one of an environment that has none."""
        if place == HOME:
            return self.cidr
        if self.other_cidr is None:
            raise ValueError("The environment has no network in another region.")
        return self.other_cidr

    def named(self, rule: str, place: PlaceName = HOME) -> str:
        """The physical name that naming rule `rule` gives in this environment, in the region of `place`.

        Names differ between the regions only where AWS asks for it: by the region that is in them, or by a rule of
        the other region's own, `<rule>-other`.
        """
        if place == OTHER and has_rule(f"{rule}-other"):
            rule = f"{rule}-other"
        return name_of(rule, self._fields(place))

    def _fields(self, place: PlaceName) -> dict[str, Any]:
        return {**self.model_dump(), "home_region": self.region(place)}
