"""Changes of the portal's own settings, by two people: one proposes, another approves, and then it is done.

The act (environments/people/changes.py) is rehearsed when it is proposed, so whoever proposes is told at once, and at
its field, what would be refused.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from environments.errors import Conflict, DomainError, Forbidden, Invalid
from environments.operations.audit import audit_record
from environments.operations.notices import notice_write
from environments.people.changes import Change, change_get, digest_of, moved_from, title_of
from environments.people.models import Proposal, User
from environments.people.rights import require
from environments.people.selectors import DECIDE, deciders, proposal_of

EXPIRES_AFTER = timedelta(days=7)


def proposal_open(
    *,
    verb: str,
    subject: Model | None,
    label: str,
    after: dict[str, Any] | None,
    sealed: dict[str, Any] | None = None,
    reason: str = "",
    actor: User,
) -> Proposal:
    """Propose that the subject (None: a new one) become `after` (None: go). Answers the proposal.

    It is done at once, and the proposal is approved already, when there is nobody else who could decide about it; the
    audit says so. Raises Forbidden, Conflict (like that already, or another proposal is open), and whatever the act
    would refuse.
    """
    change = change_get(verb)
    require(actor, change.right)
    now = timezone.now()
    with transaction.atomic():
        row = _lock(subject)
        before = change.state(row)
        if before == after:
            raise Conflict(f"Nothing would change: all of this holds for {label} already.")
        proposal = Proposal(
            verb=verb,
            subject=row,
            subject_label=label[:120],
            before=before,
            after=after,
            sealed=sealed or {},
            reason=reason.strip(),
            proposed_by=actor,
            proposed_at=now,
            expires_at=now + EXPIRES_AFTER,
        )
        proposal.digest = digest_of(proposal)
        _refuse_second(row)
        _rehearse(change, proposal, actor)
        if not deciders(proposal).exists():
            proposal.is_alone = True
            _carry_out(change, proposal)
            _close(proposal, Proposal.Status.APPROVED, actor=None)
            _audit(proposal, "done-alone", actor)
            return proposal
        proposal.save()
        notice_write(
            "proposal.waiting",
            proposal,
            f"{actor} proposes: {title_of(proposal)}. Another person has to approve it.",
            key=f"proposal/{proposal.pk}",
            data={**_notice_data(proposal), "verb": verb},
        )
        _audit(proposal, "opened", actor)
    return proposal


def proposal_approve(*, proposal_id: int, digest: str, comment: str = "", actor: User) -> Proposal:
    """Approve what the digest stands for; it is done in the same transaction, in the name of who proposed it.

    Raises Forbidden (no right, one's own, or about oneself), Conflict (another digest, decided already, expired, or the
    subject has moved since it was proposed).
    """
    with transaction.atomic():
        proposal = _deciding(proposal_id, actor)
        if digest != proposal.digest:
            raise Conflict(
                "This is not the proposal that you saw. Look at it again, then decide.", field="digest"
            )
        if actor.pk == proposal.proposed_by_id:
            raise Forbidden("You proposed this yourself: another person has to approve it.")
        if not deciders(proposal).filter(pk=actor.pk).exists():
            raise Forbidden("This is about yourself: another person has to decide.")
        change = change_get(proposal.verb)
        moved = moved_from(proposal, _lock(proposal.subject))
        if moved:
            raise Conflict(f"{moved} It can be rejected or withdrawn, and proposed anew.")
        _carry_out(change, proposal)
        _close(proposal, Proposal.Status.APPROVED, actor=actor, comment=comment)
        _audit(proposal, "approved", actor)
    return proposal


def proposal_reject(*, proposal_id: int, comment: str, actor: User) -> Proposal:
    """Say no, with a reason. Raises Forbidden, Conflict, Invalid (no comment)."""
    if not comment.strip():
        raise Invalid("Say why, so that who proposed it knows what to change.", field="comment")
    with transaction.atomic():
        proposal = _deciding(proposal_id, actor)
        if actor.pk == proposal.proposed_by_id:
            raise Forbidden("You proposed this yourself: withdraw it, if it is not wanted any more.")
        _close(proposal, Proposal.Status.REJECTED, actor=actor, comment=comment)
        _audit(proposal, "rejected", actor)
    return proposal


def proposal_withdraw(*, proposal_id: int, actor: User) -> Proposal:
    """Take one's own proposal back. Raises Forbidden, Conflict."""
    with transaction.atomic():
        proposal = _open(proposal_id)
        if actor.pk != proposal.proposed_by_id or not actor.is_active:
            raise Forbidden(f"Only {proposal.proposed_by}, who proposed it, can withdraw it.")
        _close(proposal, Proposal.Status.WITHDRAWN, actor=actor)
        _audit(proposal, "withdrawn", actor)
    return proposal


def proposals_expire(now: datetime, *, most: int = 200) -> int:
    """End what nobody decided in time; answers how many that were."""
    due = Proposal.objects.filter(status=Proposal.Status.OPEN, expires_at__lte=now).values_list(
        "pk", flat=True
    )
    ended = 0
    for proposal_id in due[:most]:
        with transaction.atomic():
            proposal = (
                Proposal.objects.select_for_update(of=("self",))
                .filter(pk=proposal_id, status=Proposal.Status.OPEN)
                .first()
            )
            if proposal is not None:
                _close(proposal, Proposal.Status.EXPIRED, actor=None)
                _audit(proposal, "expired", None)
                ended += 1
    return ended


class _Rehearsed(Exception):
    """Takes back what a rehearsal did."""


def _rehearse(change: Change, proposal: Proposal, actor: User) -> None:
    try:
        with transaction.atomic():
            change.act(proposal, proposal.subject, actor)
            raise _Rehearsed
    except _Rehearsed:
        # The act has changed this object in memory too.
        proposal.subject = _lock(proposal.subject)


def _carry_out(change: Change, proposal: Proposal) -> None:
    """Act in the name of who proposed it. What the act refuses now is a conflict: nobody can mend it here."""
    try:
        subject = change.act(proposal, proposal.subject, proposal.proposed_by)
    except DomainError as error:
        raise Conflict(f"It cannot be done any more: {error.message}") from error
    if subject is not None:
        proposal.subject = subject


def _close(proposal: Proposal, status: str, *, actor: User | None, comment: str = "") -> None:
    proposal.status, proposal.decided_by, proposal.comment = status, actor, comment.strip()
    proposal.decided_at, proposal.sealed = timezone.now(), {}
    proposal.save()
    if proposal.is_alone:
        return
    by = f"Handled by {actor}, who {status} it" if actor is not None else "Nobody decided in time"
    notice_write(
        "proposal.handled",
        proposal,
        f"{by}: {title_of(proposal)}.",
        key=f"proposal-handled/{proposal.pk}",
        data={
            **_notice_data(proposal),
            "verdict": str(status),
            "decided_by": actor.pk if actor is not None else None,
        },
    )


def _notice_data(proposal: Proposal) -> dict[str, Any]:
    """Who is told, and where it leads."""
    return {"right": DECIDE, "asked_by": proposal.proposed_by_id, "path": f"/proposals/{proposal.pk}/"}


def _open(proposal_id: int) -> Proposal:
    proposal = (
        Proposal.objects.select_for_update(of=("self",))
        .select_related("proposed_by", "decided_by")
        .get(pk=proposal_id)
    )
    if not proposal.is_open:
        by = f" Handled by {proposal.decided_by}." if proposal.decided_by else ""
        raise Conflict(f"Proposal {proposal.pk} is {proposal.status} already.{by}")
    if proposal.expires_at <= timezone.now():
        raise Conflict("The time to decide this has passed. Propose it again.")
    return proposal


def _deciding(proposal_id: int, actor: User) -> Proposal:
    require(actor, DECIDE)
    return _open(proposal_id)


def _refuse_second(subject: Model | None) -> None:
    other = proposal_of(subject) if subject is not None else None
    if other is not None:
        raise Conflict(
            f"Proposal {other.pk} of {other.proposed_by} already wants to change it: decide about that one first."
        )


def _lock(subject: Model | None) -> Any:
    """The subject as it is now, locked until the transaction ends; None when it is not there."""
    if subject is None:
        return None
    return type(subject)._default_manager.select_for_update().filter(pk=subject.pk).first()


def _audit(proposal: Proposal, what: str, actor: User | None) -> None:
    told: dict[str, Any] = {
        "verb": proposal.verb,
        "subject": proposal.subject_label,
        "digest": proposal.digest,
    }
    if proposal.comment or proposal.reason:
        told["comment"] = proposal.comment or proposal.reason
    if proposal.is_alone:
        told["why"] = "Nobody else could decide about it."
    if what in ("approved", "done-alone"):
        told["proposed_by"] = proposal.proposed_by.get_username()
    audit_record(f"proposal.{what}", f"proposal:{proposal.pk}", actor=actor, before=proposal.before, after={
        **told, "after": proposal.after,
    })  # fmt: skip
