"""Taking people, teams and tokens in and out. The first administrator and TOTP recovery are commands."""

import difflib
import zoneinfo
from collections.abc import Sequence
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify

from environments.errors import Conflict, Forbidden, Invalid
from environments.operations.audit import audit_record
from environments.people.models import ApiToken, Team, TokenScope, User
from environments.people.rights import may, require
from environments.people.values import value_require

MAX_TOKEN_DAYS = 365


def team_create(*, name: str, email: str = "", actor: User | None) -> Team:
    """Make a team. Its slug, made from the name, tags the team's AWS resources."""
    require(actor, "team.change")
    # Hyphens only, for blueprints name teams as AWS does.
    slug = slugify(name).replace("_", "-").strip("-")[:30]
    if not slug:
        raise Invalid("A team's name needs at least one letter or digit.", field="name")
    if Team.objects.filter(slug=slug).exists():
        raise Invalid(f"There is a team {slug} already.", field="name")
    value_require(Team, "email", email)
    with transaction.atomic():
        team = Team.objects.create(name=name, slug=slug, email=email)
        audit_record("team.created", team, actor=actor, after={"slug": slug})
    return team


def profile_change(*, user: User, time_zone: str, actor: User) -> User:
    """Set one's own time zone, an IANA name such as Europe/Dublin. Raises Forbidden, Invalid."""
    if actor.pk != user.pk:
        raise Forbidden("A profile is changed by the person it belongs to.")
    if time_zone not in zoneinfo.available_timezones():
        near = difflib.get_close_matches(time_zone, sorted(zoneinfo.available_timezones()), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Write it as Europe/Dublin or UTC."
        raise Invalid(f"{time_zone[:60] or 'Nothing'} is no time zone. {hint}", field="time_zone")
    with transaction.atomic():
        row = User.objects.select_for_update().get(pk=user.pk)
        before, row.time_zone = row.time_zone, time_zone
        if before != time_zone:
            row.save(update_fields=["time_zone"])
            audit_record(
                "person.profile-changed",
                row,
                actor=actor,
                before={"time_zone": before},
                after={"time_zone": time_zone},
            )
    return row


def token_create(
    *, user: User, name: str, scopes: Sequence[str], days: int, actor: User | None
) -> tuple[ApiToken, str]:
    """Make an API token; answers the row and the token itself, which is not kept and never shown again."""
    require(actor, "token.own")
    if actor is not None and actor.pk != user.pk:
        raise Forbidden("A token is made by the person it belongs to.")
    if not name.strip():
        raise Invalid("Say what the token is for, so that you know which to revoke.", field="name")
    unknown = sorted(set(scopes) - set(TokenScope.values))
    if unknown or not scopes:
        known = ", ".join(TokenScope.values)
        what = f"{', '.join(unknown)} is not a scope." if unknown else "Choose at least one scope."
        raise Invalid(f"{what} Scopes are: {known}.", field="scopes")
    if not 1 <= days <= MAX_TOKEN_DAYS:
        raise Invalid(f"A token lives between 1 and {MAX_TOKEN_DAYS} days.", field="days")
    with transaction.atomic():
        row, token = ApiToken.objects.create(
            user=user, expiry=timedelta(days=days), name=name.strip(), scopes=sorted(set(scopes))
        )
        audit_record("token.created", user, actor=actor, after={"name": name, "scopes": list(row.scopes)})
    return row, token


def token_revoke(*, token: ApiToken, actor: User | None) -> ApiToken:
    """End a token now: one's own, or anybody's for an administrator."""
    own = actor is not None and actor.pk == token.user_id
    if not own and not may(actor, "token.revoke-any"):
        raise Forbidden("Only its person or an administrator can revoke a token.")
    if token.revoked_at is not None:
        raise Conflict("This token is revoked already.")
    with transaction.atomic():
        token.revoked_at = timezone.now()
        token.save(update_fields=["revoked_at"])
        audit_record("token.revoked", token.user, actor=actor, after={"name": token.name})
    return token
