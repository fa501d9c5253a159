"""The form of a request as it is typed, and what it refers to."""

from dataclasses import dataclass, field
from typing import Any

from environments.errors import Invalid
from environments.lifecycle.expiry import BY_RULE, Wanted
from environments.lifecycle.models import Account, Release
from environments.lifecycle.selectors import accounts_ready, releases_offered
from environments.lifecycle.stacks import NO_STANDBY
from environments.lifecycle.standby import FIELDS as STANDBY_FIELDS
from environments.lifecycle.states import Tier
from environments.people.models import PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach
from portal.pages.moments import moment_typed

FIELDS = [
    "release",
    "name",
    "team",
    "owner",
    "tier",
    "size",
    "account",
    "home_region",
    "cidr",
    "standby",
    "other_region",
    "other_cidr",
    "domain",
    "restore_kind",
    "restore_id",
    "is_protected",
    "expires_at",
    "modules",
    "secrets",
]
MOST_SECRETS_TEXT = 2000
# What a service or the schema calls a field, where the form calls it otherwise.
SAME = {"restore_source": "restore_id"}


@dataclass
class Request:
    """The form as typed, and what it refers to; None where nothing (or nothing known) is chosen."""

    typed: dict[str, str]
    modules: list[str] | None = None
    modules_shown_for: str = ""
    release: Release | None = None
    account: Account | None = None
    team: Team | None = None
    owner: User | None = None
    expires_at: Wanted = BY_RULE
    problems: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, data: Any, user: User) -> "Request":
        """Look up what was chosen; something unknown is a problem at its field."""
        typed = {name: str(data.get(name, "")).strip()[:200] for name in FIELDS}
        # Twenty names may be longer than any other field.
        typed["secrets"] = str(data.get("secrets", "")).strip()[:MOST_SECRETS_TEXT]
        form = cls(typed, modules_shown_for=str(data.get("modules_told", ""))[:200])
        # What was ticked was ticked for a tier and a release: others come with modules of their own.
        if form.modules_shown_for.split("/")[:2] == form.modules_for.split("/")[:2]:
            form.modules = modules_typed(data)
        form.release = _chosen(releases_offered(), typed["release"])
        form.account = _chosen(accounts_ready(), typed["account"])
        form.team = _chosen(Team.objects.filter(pk__in=[t.pk for t in teams_for(user)]), typed["team"])
        form.owner = User.objects.filter(username=typed["owner"]).first() if typed["owner"] else None
        missing = {
            "release": form.release is None and "Choose a release.",
            "account": form.account is None and "Choose an account that is ready.",
            "team": form.team is None and "Choose one of your teams.",
            "owner": bool(typed["owner"])
            and form.owner is None
            and f"There is no person {typed['owner'][:80]}.",
            "name": not typed["name"] and "Give it a name.",
            "tier": typed["tier"] not in Tier.values and "Choose a tier.",
            "size": not typed["size"] and "Choose a size.",
            "home_region": not typed["home_region"] and "Choose a region.",
            # Half a source would else be no source: an empty database.
            "restore_id": bool(typed["restore_kind"]) and not typed["restore_id"] and "Name what to restore.",
            "restore_kind": bool(typed["restore_id"])
            and not typed["restore_kind"]
            and "Say what it is, a snapshot or a running cluster.",
        }
        form.problems = {name: sentence for name, sentence in missing.items() if sentence}
        if typed["expires_at"]:
            try:
                form.expires_at = moment_typed(typed["expires_at"], field="expires_at")
            except Invalid as error:
                form.problems["expires_at"] = error.message
        return form

    @property
    def standby(self) -> dict[str, Any]:
        """The standby as the services take it."""
        kind = self.typed["standby"] or NO_STANDBY
        if kind == NO_STANDBY:
            return {"standby": NO_STANDBY}
        return {name: self.typed[name] for name in STANDBY_FIELDS}

    @property
    def secrets(self) -> list[str]:
        """Names, with commas or spaces between them, as the update's form takes them."""
        return self.typed["secrets"].replace(",", " ").split()

    @property
    def modules_for(self) -> str:
        """What the modules that are shown, and their prices, depend on."""
        return "/".join(self.typed[name] for name in ("release", "tier", "size", "home_region"))

    @property
    def restore_source(self) -> dict[str, str] | None:
        """The copy whose data it begins with, if one was named."""
        kind, name = self.typed["restore_kind"], self.typed["restore_id"]
        return {"kind": kind, "id": name} if kind and name else None


def modules_typed(data: Any) -> list[str] | None:
    """What was ticked, as the form sends it; None where nothing was said of modules: the tier's own."""
    return [str(name)[:80] for name in data.getlist("modules")[:50]] if data.get("modules_told") else None


def teams_for(user: User) -> list[Team]:
    """Teams that the person may request for."""
    reach = RIGHTS["environment.request"].get(PortalRole(user.portal_role))
    return list(Team.objects.all() if reach is Reach.ALL else user.teams.all())


def _chosen(rows: Any, key: str) -> Any:
    return rows.filter(pk=key).first() if key.isdecimal() and len(key) < 18 else None
