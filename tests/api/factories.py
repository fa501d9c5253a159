"""Rows that API tests need, one object each; what they refer to is handed in."""

from datetime import timedelta
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from environments.lifecycle.models import Account, Environment, Plan, RegionFacts, Release, TeardownReport
from environments.lifecycle.releases import release_register
from environments.notifications.models import Channel, Delivery, Entry
from environments.operations.models import Notice, Operation
from environments.operations.notices import notice_write
from environments.people.models import ApiToken, PortalRole, Team, TokenScope, User

EVERY_SCOPE = list(TokenScope.values)
HASH = "a" * 64


def make_release(description: dict[str, Any], version: str | None = None) -> Release:
    return release_register(
        blueprint="environment",
        title="Environment",
        version=version or description["version"],
        digest=(version or "d").ljust(64, "0")[:64],
        artifact="releases/test.zip",
        description=description,
        actor=None,
    )


def make_account(name: str = "sandbox-1", account_id: str = "111122223333", **fields: Any) -> Account:
    account = Account.objects.create(
        **{
            "name": name,
            "account_id": account_id,
            "mode": "sandbox",
            "is_on_sandbox": True,
            "status": "ready",
            "regions": ["eu-west-1"],
            "zone_name": f"{name}.example.org",
            "zone_id": "Z0123456789ABC",
            "external_id": "external-id-of-the-account",
        }
        | fields
    )
    RegionFacts.objects.create(account=account, region="eu-west-1", version=1, facts={"azs": []})
    return account


def make_person(username: str, role: str = PortalRole.TEAM_LEAD, teams: tuple[Team, ...] = ()) -> User:
    user = User.objects.create(
        username=username, email=f"{username}@example.org", portal_role=role, is_staff=True
    )
    user.teams.set(teams)
    return user


def make_token(user: User, scopes: list[str] | None = None, days: float = 1.0) -> str:
    _, token = ApiToken.objects.create(
        user=user, name="tests", scopes=EVERY_SCOPE if scopes is None else scopes, expiry=timedelta(days=days)
    )
    return token


def make_environment(
    name: str, *, team: Team, owner: User, account: Account, release: Release, **fields: Any
) -> Environment:
    spec = {
        "name": name,
        "suffix": "k3x9",
        "account_id": account.account_id,
        "home_region": "eu-west-1",
        "team": team.slug,
        "owner": owner.username,
        "tier": fields.get("tier", "dev"),
        "cidr": fields.get("cidr", "10.9.0.0/16"),
        "zone_id": "Z0123456789ABC",
        "zone_name": account.zone_name,
        "size": fields.get("size", "small"),
        "domain": f"{name}.{account.zone_name}",
    }
    return Environment.objects.create(
        **{
            "name": name,
            "suffix": "k3x9",
            "team": team,
            "owner": owner,
            "tier": "dev",
            "size": "small",
            "account": account,
            "release": release,
            "home_region": "eu-west-1",
            "active_region": "eu-west-1",
            "cidr": "10.9.0.0/16",
            "spec": spec,
            "status": "active",
        }
        | fields
    )


def make_operation(subject: Any, *, by: User, kind: str = "provision", **fields: Any) -> Operation:
    return Operation.objects.create(
        **{
            "kind": kind,
            "subject_type": ContentType.objects.get_for_model(subject),
            "subject_id": subject.pk,
            "subject_label": str(subject),
            "claim_mode": "end" if kind == "teardown" else "change",
            "requested_by": by,
        }
        | fields
    )


def make_planned(subject: Any, *, by: User, kind: str = "provision", **fields: Any) -> Operation:
    """An operation that waits for one approval of the plan HASH."""
    operation = make_operation(
        subject,
        by=by,
        kind=kind,
        **{
            "status": "awaiting-approval",
            "approvals_needed": 1,
            "approval_hash": HASH,
            "approval_expires_at": timezone.now() + timedelta(days=1),
        }
        | fields,
    )
    make_plan(operation)
    return operation


def make_plan(operation: Operation) -> Plan:
    document = {
        "summary": "Five stacks are created.",
        "stacks": [
            {
                "key": "network",
                "name": "sy-shop-k3x9-network",
                "region": "eu-west-1",
                "action": "create",
                "template_hash": HASH,
                "changes": [
                    {"logical_id": "Vpc", "type": "AWS::EC2::VPC", "action": "added", "detail": ""},
                ],
            }
        ],
        "risks": [],
        "losses": [],
    }
    return Plan.objects.create(
        operation=operation, hash=HASH, document=document, cost={"total": "310.00"}, monthly_cost_after=310
    )


def make_report(environment: Environment, operation: Operation) -> TeardownReport:
    return TeardownReport.objects.create(
        environment=environment, operation=operation, kept=[{"type": "snapshot", "id": "last-copy"}]
    )


def make_channel(team: Team | None, **fields: Any) -> Channel:
    return Channel.objects.create(
        **{
            "kind": "webhook",
            "name": "ci",
            "team": team,
            "groups": ["failed"],
            "url": "https://ci.example.org/",
            "masked": "https://ci.example.org/…",
        }
        | fields
    )


def make_delivery(channel: Channel, **fields: Any) -> Delivery:
    return Delivery.objects.create(
        **{"medium": channel.kind, "topic": "operation.failed", "channel": channel} | fields
    )


def make_entry(user: User, subject: Environment) -> Entry:
    notice_write("environment.drifted", subject, "It differs.")
    return Entry.objects.create(person=user, notice=Notice.objects.latest("id"))
