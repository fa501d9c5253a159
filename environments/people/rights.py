"""Who may do what in the portal: one table, asked by every service, the same for admin, API and commands.

A row names a verb and, per portal role, how far it reaches: everywhere, own teams, or own requests. What is
not in the table is forbidden. `is_superuser` plays no part.
"""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from django.db.models import QuerySet

from environments.errors import Forbidden
from environments.people.models import PortalRole, Team, User

R = PortalRole


class Reach(Enum):
    """How far a right goes."""

    ALL = "all"
    TEAM = "own teams"
    OWN = "own requests"


ALL, TEAM, OWN = Reach.ALL, Reach.TEAM, Reach.OWN

EVERYONE = dict.fromkeys(R, ALL)

RIGHTS: Mapping[str, Mapping[PortalRole, Reach]] = {
    "environment.view": EVERYONE,
    "environment.request": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "environment.protect": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "environment.extend": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: OWN},
    "environment.teardown": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "environment.deploy": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "environment.pause": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "environment.export": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "environment.resync": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "environment.forget": {R.ADMINISTRATOR: ALL},
    "environment.drift-check": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "environment.drift-accept": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "environment.drift-fix": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "operation.view": EVERYONE,
    "operation.approve": {R.ADMINISTRATOR: ALL, R.APPROVER: ALL, R.TEAM_LEAD: TEAM},
    "operation.reject": {R.ADMINISTRATOR: ALL, R.APPROVER: ALL, R.TEAM_LEAD: TEAM},
    "operation.cancel": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: OWN},
    "operation.retry": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: OWN},
    "operation.skip": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "operation.force-cancel": {R.ADMINISTRATOR: ALL},
    "operation.extend-time": {R.ADMINISTRATOR: ALL},
    "operation.prioritise": {R.ADMINISTRATOR: ALL},
    "operation.shorten-notice": {R.ADMINISTRATOR: ALL},
    "account.view": EVERYONE,
    "account.add": {R.ADMINISTRATOR: ALL},
    "account.change": {R.ADMINISTRATOR: ALL},
    "account.approve": {R.ADMINISTRATOR: ALL, R.APPROVER: ALL},
    "application.view": EVERYONE,
    "application.add": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "application.update": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.ENGINEER: TEAM},
    "application.remove": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "release.view": EVERYONE,
    "release.change": {R.ADMINISTRATOR: ALL},
    "rule.view": EVERYONE,
    "rule.change": {R.ADMINISTRATOR: ALL},
    "proposal.view": EVERYONE,
    "proposal.decide": {R.ADMINISTRATOR: ALL, R.APPROVER: ALL},
    "expiry.change": {R.ADMINISTRATOR: ALL},
    "limit.change": {R.ADMINISTRATOR: ALL},
    "pause.change": {R.ADMINISTRATOR: ALL},
    "team.view": EVERYONE,
    "team.change": {R.ADMINISTRATOR: ALL},
    "person.view": EVERYONE,
    "person.change": {R.ADMINISTRATOR: ALL},
    "channel.view": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM, R.AUDITOR: ALL},
    "channel.change": {R.ADMINISTRATOR: ALL, R.TEAM_LEAD: TEAM},
    "notification.own": EVERYONE,
    "token.own": EVERYONE,
    "token.revoke-any": {R.ADMINISTRATOR: ALL},
    "audit.view": {R.ADMINISTRATOR: ALL, R.AUDITOR: ALL},
    "health.view": {R.ADMINISTRATOR: ALL, R.AUDITOR: ALL},
    "sandbox.change": {R.ADMINISTRATOR: ALL},
}

DEEDS: Mapping[str, str] = {
    "expiry.change": "change how long environments live",
    "environment.deploy": "deploy to this environment",
    "environment.teardown": "tear down this environment",
    "environment.resync": "have this environment read anew",
    "environment.forget": "have this environment forgotten",
    "environment.drift-check": "check the drift of this environment",
    "environment.drift-accept": "accept drift of this environment",
    "environment.drift-fix": "have the drift of this environment put back",
    "application.add": "add an application of this team",
    "application.update": "change this application",
    "operation.force-cancel": "force this operation to end",
    "operation.shorten-notice": "shorten the notice of this operation",
    "operation.skip": "skip a step of this operation",
    "operation.extend-time": "give a step of this operation more time",
    "rule.change": "change the rules of approval",
    "proposal.decide": "decide about this proposal",
    "token.revoke-any": "revoke tokens of others",
    "sandbox.change": "change the sandbox",
}
"""Verbs that do not read as "<action> this <noun>"."""


def may(actor: User | None, verb: str, *, team: Team | None = None, owner_id: int | None = None) -> bool:
    """Whether the actor may do this. None is the portal itself, which may.

    `team` is the subject's team, `owner_id` the user id of who asked for the subject. With neither given,
    it answers whether the actor may do it anywhere at all (for buttons and menus).
    """
    if actor is None:
        return True
    if not getattr(actor, "is_active", False):
        return False
    reach = RIGHTS[verb].get(PortalRole(actor.portal_role))
    if reach is None or reach is Reach.ALL:
        return reach is not None
    if team is None and owner_id is None:
        return True
    if reach is Reach.OWN:
        return owner_id is not None and owner_id == actor.pk
    return team is not None and actor.teams.filter(pk=team.pk).exists()


def others_who_may(verb: str, *, besides: Iterable[int]) -> QuerySet[User]:
    """Active people, besides those with these ids, who may do this everywhere."""
    roles = [role for role, reach in RIGHTS[verb].items() if reach is Reach.ALL]
    return User.objects.filter(is_active=True, portal_role__in=roles).exclude(pk__in=list(besides))


def require(actor: User | None, verb: str, **subject: Any) -> None:
    """Raise Forbidden, with a sentence that says who may, unless the actor may do this."""
    if may(actor, verb, **subject):
        return
    noun, _, action = verb.partition(".")
    who = ", ".join(
        PortalRole(role).label.lower() + ("" if reach is Reach.ALL else f" ({reach.value})")
        for role, reach in RIGHTS[verb].items()
    )
    role = PortalRole(actor.portal_role).label.lower() if actor else ""
    deed = DEEDS.get(verb, f"{action} this {noun}")
    raise Forbidden(f"As {role} you may not {deed}. Ask one of these roles: {who}.")
