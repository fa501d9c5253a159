"""Whose approval an operation wants besides how many: terms that it keeps of the rule that decided about its plan.

`Operation.approval_terms`: {"roles": portal roles that alone may approve, "another_team": true when one at least of
those who approve must not be of the environment's team}. What a rule does not ask for is absent.
"""

from typing import Any, cast

from django.db.models import Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from environments.errors import Forbidden
from environments.lifecycle.models import Application, ApprovalRule, Environment
from environments.operations.approvals import approvals_given
from environments.operations.models import Decision, Operation
from environments.operations.selectors import approvals_waiting
from environments.people.models import PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach, may

ROLES, ANOTHER_TEAM = "roles", "another_team"


def terms_of(rule: ApprovalRule | None) -> dict[str, Any]:
    """What an operation keeps of the rule, so that a later change of it moves nothing that waits already."""
    if rule is None or not rule.approvals:
        return {}
    terms: dict[str, Any] = {ROLES: sorted(rule.approver_roles)} if rule.approver_roles else {}
    return terms | ({ANOTHER_TEAM: True} if rule.another_team else {})


def terms_words(terms: dict[str, Any], *, team: Team | None, people: int = 1) -> str:
    """What the terms ask for, to be said after "wants 2 people other than who asked"; empty when they ask for nothing
    more. Without a team they are told of any.
    """
    told = []
    if terms.get(ROLES):
        told.append("each " + " or ".join(PortalRole(role).label.lower() for role in terms[ROLES]))
    if terms.get(ANOTHER_TEAM):
        whose = f"the team {team}" if team else "the environment's team"
        told.append(f"{'who is' if people == 1 else 'one of them'} not of {whose}")
    return ", ".join(told)


def terms_require(operation: Operation, actor: User) -> None:
    """Raise Forbidden unless the terms leave the actor's approval room."""
    roles = operation.approval_terms.get(ROLES, [])
    if roles and actor.portal_role not in roles:
        who = " or ".join(PortalRole(role).label.lower() for role in roles)
        raise Forbidden(f"The rule “{operation.approval_rule}” wants the approval of: {who}.")
    if operation.approval_terms.get(ANOTHER_TEAM):
        _another_team_require(operation, actor)


def _another_team_require(operation: Operation, actor: User) -> None:
    team = cast(Environment, operation.subject).team
    if not actor.teams.filter(pk=team.pk).exists():
        return
    given = approvals_given(operation)
    if operation.approvals_needed - given.count() > 1 or given.exclude(decided_by__teams=team).exists():
        return
    raise Forbidden(
        f"The rule “{operation.approval_rule}” wants the approval of somebody who is not of the team {team}."
    )


def approvals_for(user: User) -> QuerySet[Operation]:
    """What the person can approve, oldest first: not their own, not approved by them already, within their reach, and
    theirs by the terms of the rule.
    """
    if not may(user, "operation.approve"):
        return Operation.objects.none()
    given = Decision.objects.filter(
        operation=OuterRef("pk"), plan_hash=OuterRef("approval_hash"), verdict=Decision.Verdict.APPROVED
    )
    decided = Decision.objects.filter(
        operation=OuterRef("pk"), decided_by=user, plan_hash=OuterRef("approval_hash")
    )
    waiting = approvals_waiting().prefetch_related(None).exclude(requested_by=user).exclude(Exists(decided))
    waiting = waiting.filter(
        Q(approval_terms__roles__isnull=True) | Q(approval_terms__roles__contains=user.portal_role)
    )
    own = Q(
        subject_type__model="environment",
        subject_id__in=Environment.objects.filter(team__in=user.teams.all()).values("pk"),
    )
    if RIGHTS["operation.approve"][PortalRole(user.portal_role)] is not Reach.ALL:
        application = Q(
            subject_type__model="application",
            subject_id__in=Application.objects.filter(team__in=user.teams.all()).values("pk"),
        )
        waiting = waiting.filter(own | application)
    team = Environment.objects.filter(pk=OuterRef("subject_id")).values("team")
    of_the_team = User.teams.through.objects.filter(
        user=OuterRef("decided_by"), team=OuterRef(OuterRef("environment_team"))
    )
    count = given.order_by().values("operation").annotate(count=Count("pk")).values("count")
    return waiting.annotate(
        given=Coalesce(Subquery(count, output_field=IntegerField()), 0),
        environment_team=Subquery(team),
        by_another=Exists(given.filter(~Exists(of_the_team))),
    ).filter(
        # A key that is not there compares to nothing, so it is asked for by name.
        Q(approval_terms__another_team__isnull=True)
        | Q(given__lt=F("approvals_needed") - 1)
        | Q(by_another=True)
        | ~own
    )
