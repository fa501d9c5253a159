"""Proposing what changes who may do what. Each is done once a second person agrees (proposals.py)."""

from collections.abc import Sequence
from typing import Any

from environments.errors import Conflict, Invalid
from environments.people.acts import password_seal, person_change, person_create, totp_reset
from environments.people.changes import Change, change_register
from environments.people.models import Proposal, Team, User
from environments.people.proposals import proposal_open

ABOUT_PERSON = ("username", "email", "first_name", "last_name")


def person_create_propose(
    *,
    username: str,
    email: str,
    portal_role: str,
    teams: Sequence[Team] = (),
    password: str,
    first_name: str = "",
    last_name: str = "",
    actor: User,
) -> Proposal:
    """Propose to take a person in. Of the first password only a hash is kept until then. Raises as person_create."""
    told = {"username": username, "email": email, "first_name": first_name, "last_name": last_name}
    return proposal_open(
        verb="person.create",
        subject=None,
        label=username,
        after={**told, "portal_role": portal_role, "teams": sorted(team.slug for team in teams)},
        sealed={"password": password_seal(password, User(**told))},
        actor=actor,
    )


def person_change_propose(
    *, user: User, portal_role: str, teams: Sequence[Team], is_active: bool, actor: User
) -> Proposal:
    """Propose another role, other teams, or whether the person may sign in. Raises as person_change."""
    return proposal_open(
        verb="person.change",
        subject=user,
        label=str(user),
        after={
            "portal_role": portal_role,
            "teams": sorted(team.slug for team in teams),
            "is_active": is_active,
        },
        actor=actor,
    )


def totp_reset_propose(*, user: User, reason: str, actor: User) -> Proposal:
    """Propose to take a lost second factor away: whoever knows the password could then be that person."""
    if not reason.strip():
        raise Invalid("Say how you know that it is really them; it is kept in the audit.", field="reason")
    return proposal_open(
        verb="person.reset-totp",
        subject=user,
        label=str(user),
        after={"second_factor": "set up anew at the next sign-in"},
        reason=reason,
        actor=actor,
    )


def _state(user: User | None) -> dict[str, Any] | None:
    if user is None:
        return None
    return {
        "portal_role": user.portal_role,
        "teams": sorted(user.teams.values_list("slug", flat=True)),
        "is_active": user.is_active,
    }


def _teams(slugs: Sequence[str]) -> list[Team]:
    found = list(Team.objects.filter(slug__in=slugs))
    missing = sorted(set(slugs) - {team.slug for team in found})
    if missing:
        raise Conflict(f"There is no team {', '.join(missing)} any more.")
    return found


def _create(proposal: Proposal, _none: None, actor: User) -> User:
    after = proposal.after or {}
    return person_create(
        **{name: after[name] for name in ABOUT_PERSON},
        portal_role=after["portal_role"],
        teams=_teams(after["teams"]),
        password_hash=proposal.sealed["password"],
        actor=actor,
    )


def _change(proposal: Proposal, user: User, actor: User) -> User:
    after = proposal.after or {}
    return person_change(
        user=user,
        portal_role=after["portal_role"],
        teams=_teams(after["teams"]),
        is_active=after["is_active"],
        actor=actor,
    )


def _reset_totp(proposal: Proposal, user: User, actor: User) -> User:
    totp_reset(user=user, reason=proposal.reason, actor=actor)
    return user


CHANGES = (
    Change("person.create", "take {} in", "person.change", _state, _create),
    Change("person.change", "change what {} may do", "person.change", _state, _change),
    Change(
        "person.reset-totp",
        "take the second factor of {} away",
        "person.change",
        lambda user: {"second_factor": "as it is"},
        _reset_totp,
    ),
)


def register() -> None:
    """Make the changes of people known."""
    for change in CHANGES:
        change_register(change)
