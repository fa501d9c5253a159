"""People, teams, and what they propose and decide by."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from environments.lifecycle.models import ApprovalRule, Risk
from environments.people.changes import digest_of
from environments.people.models import PortalRole, Proposal, Team, User
from tests.factories.numbers import numbers

PASSWORD = "correct-horse-battery"


def rule_make(name: str = "A rule", **fields: Any) -> ApprovalRule:
    """A rule that needs no person and covers every risk, unless said otherwise."""
    defaults = {"approvals": 0, "risks_covered": Risk.values}
    return ApprovalRule.objects.create(name=name, **defaults | fields)


def proposal_make(subject: User, *, by: User, **fields: Any) -> Proposal:
    """A proposal that the person become an auditor, which waits for somebody."""
    proposal = Proposal(
        verb="person.change",
        subject=subject,
        subject_label=str(subject),
        before={
            "portal_role": subject.portal_role,
            "teams": sorted(subject.teams.values_list("slug", flat=True)),
            "is_active": subject.is_active,
        },
        after={"portal_role": PortalRole.AUDITOR.value, "teams": [], "is_active": True},
        proposed_by=by,
        expires_at=timezone.now() + timedelta(days=7),
    )
    for name, value in fields.items():
        setattr(proposal, name, value)
    proposal.digest = digest_of(proposal)
    proposal.save()
    return proposal


def team_make(name: str = "") -> Team:
    """A team."""
    name = name or f"Team {next(numbers)}"
    return Team.objects.create(name=name, slug=name.lower().replace(" ", "-"))


def person_make(role: str = PortalRole.ENGINEER, *, teams: list[Team] | None = None, **fields: Any) -> User:
    """A person with PASSWORD and no second factor."""
    name = fields.pop("username", "") or f"{role}-{next(numbers)}"
    user = User(username=name, email=f"{name}@example.org", portal_role=role, is_staff=True, **fields)
    user.set_password(PASSWORD)
    user.save()
    user.teams.set(teams or [])
    return user
