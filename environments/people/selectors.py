"""Reading proposals: what waits, and for whom."""

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet

from environments.people.models import Proposal, User
from environments.people.rights import may, others_who_may

DECIDE = "proposal.decide"


def deciders(proposal: Proposal) -> QuerySet[User]:
    """Who could decide about it: not who proposed it; and not who it is about, unless that is the only other person.

    So no one person can send everybody else away and be alone then: the last of them is asked.
    """
    others = others_who_may(DECIDE, besides=[proposal.proposed_by_id])
    if proposal.subject_type_id != ContentType.objects.get_for_model(User).pk:
        return others
    not_about = others.exclude(pk=proposal.subject_id or 0)
    return not_about if not_about.exists() else others


def proposals_waiting() -> QuerySet[Proposal]:
    """What waits for a second person, oldest first."""
    return Proposal.objects.select_related("proposed_by").filter(status=Proposal.Status.OPEN).order_by("id")


def proposal_of(subject: Model) -> Proposal | None:
    """The open proposal about this object, if there is one."""
    kind = ContentType.objects.get_for_model(subject)
    return proposals_waiting().filter(subject_type=kind, subject_id=subject.pk).first()


def proposals_for(user: User) -> QuerySet[Proposal]:
    """What this person can decide about, oldest first: not their own, nor about themselves while another person can."""
    if not may(user, DECIDE):
        return Proposal.objects.none()
    waiting = proposals_waiting().exclude(proposed_by=user)
    about_me = proposal_of(user)
    if about_me is not None and not deciders(about_me).filter(pk=user.pk).exists():
        waiting = waiting.exclude(pk=about_me.pk)
    return waiting
