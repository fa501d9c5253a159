"""What the deeds of pages post; a text in braces is filled in with what the world has."""

from datetime import timedelta

from django.utils import timezone

from tests import factories
from tests.portal.things import FINDING_ID

REQUEST = {
    "release": "{release}",
    "name": "orders",
    "team": "{team_id}",
    "tier": "dev",
    "size": "small",
    "account": "{account}",
    "home_region": "eu-west-1",
}
NEW_APPLICATION = {"name": "orders", "team": "{team}", "account": "{account}"}
SOON = (timezone.now() + timedelta(days=1)).isoformat()
TIER_RULE = {"tier": "dev", "default_days": "7", "maximum_days": "21", "approves_teardown": "on"}
TEAM_LIMIT = {"team": "{team}", "max_environments": "5", "at_limit": "stop-new"}
MANY = {"ids": "{subject}"}
FINDING = {"findings": [str(FINDING_ID)]}
ACCEPT = {**FINDING, "why": "Meant.", "until": f"{timezone.now() + timedelta(days=1):%Y-%m-%d}"}
TEARDOWN = {"confirm": "web", "copy_database": "no", "copy_uploads": "yes", "copy_logs": "no"}
NEW_ACCOUNT = {
    "name": "second",
    "account_id": "222233334444",
    "mode": "sandbox",
    "regions": ["eu-west-1"],
    "zone_name": "second.example.org",
}
NEW_PERSON = {
    "username": "new.person",
    "email": "new@example.org",
    "portal_role": "engineer",
    "password": factories.PASSWORD,
}
NEW_WEBHOOK = {
    "kind": "webhook",
    "name": "ci",
    "team": "{team}",
    "groups": ["failed"],
    "address": "https://ci.example.org/hook",
}
RULE = {"name": "Small changes", "approvals": "1", "expires_after_h": "24", "is_enabled": "on"}
APPROVE, REJECT = {"plan_hash": "a" * 64}, {"comment": "Too large."}
WHY = {"reason": "A look."}
FORGET = {"confirm": "web", "reason": "The account was given away."}
LIMIT = {"scope": "111122223333/eu-west-1"}
SKIP = WHY | {"step": "look"}
SHORTEN = {
    "when": "at",
    "not_before": f"{timezone.now() + timedelta(days=1):%Y-%m-%dT%H:%M}",
    "reason": "Agreed.",
}
