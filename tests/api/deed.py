"""What a row of the API's table of deeds is, which roles there are, and what deeds send."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.people.models import PortalRole
from tests.api import factories

ADMINISTRATOR, APPROVER, LEAD, ENGINEER, AUDITOR = PortalRole.values
EVERYONE = set(PortalRole.values)
ADMIN = {ADMINISTRATOR}
APPROVERS = {ADMINISTRATOR, APPROVER}
LEADS = {ADMINISTRATOR, LEAD}
ASKERS = {ADMINISTRATOR, LEAD, ENGINEER}
SEERS = {ADMINISTRATOR, LEAD, AUDITOR}

NEW_ACCOUNT = {
    "name": "second",
    "account_id": "222233334444",
    "mode": "sandbox",
    "regions": ["eu-west-1"],
    "zone_name": "second.example.org",
}
TEARDOWN = {"confirm": "shop", "copies": {"database": False, "uploads": False, "logs": False}}
REQUEST = {
    "name": "orders",
    "team": "shop",
    "tier": "dev",
    "size": "small",
    "account": "sandbox-1",
    "home_region": "eu-west-1",
}
NEW_APPLICATION = {"name": "orders", "team": "shop", "account": "sandbox-1"}
NEW_WEBHOOK = {"name": "ci", "team": "shop", "groups": ["failed"], "url": "https://ci.example.org/hook"}
NEW_CHAT = {"name": "room", "team": "shop", "groups": ["failed"], "address": "slack://TokenA/TokenB/TokenC"}
PREFERENCES = {"groups": {"drift": {"mail": False}}}
EXPIRY = {"tier": "staging", "default_days": 7, "maximum_days": None, "approves_teardown": False}
TEAM_LIMIT = {"team": "shop", "max_environments": 9}
SOON = (timezone.now() + timedelta(hours=1)).isoformat()
APPROVE, REJECT = {"hash": factories.HASH}, {"comment": "No."}
FORGET = {"confirm": "shop", "reason": "The account was given away."}
FINDING = 1_000_017
ACCEPT = {"findings": [FINDING], "why": "Meant.", "until": f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"}
WHY = {"reason": "A look."}
SKIP = WHY | {"step": "look"}
SHORTEN = {"not_before": SOON, "reason": "Agreed."}


@dataclass(frozen=True)
class Deed:
    """One row: method and path, body, status when it works, and which roles it works for: on things of their own
    team, and on another team's. Everybody else is answered `refused`."""

    name: str
    right: str
    line: str
    body: Any
    success: int
    own: set[str]
    others: set[str]
    refused: int = 403
