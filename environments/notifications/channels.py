"""Chats and webhooks of teams, and chats of one's own: making, changing, rotating, disabling, testing."""

import base64
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments.errors import Conflict, Forbidden, Invalid
from environments.notifications.addresses import chat_check, masked, url_check
from environments.notifications.deliveries import DELIVER, deliveries_give_up
from environments.notifications.models import Channel, Delivery, Medium
from environments.notifications.signing import seal
from environments.notifications.topics import Group
from environments.operations.audit import audit_record
from environments.operations.queue import ring
from environments.people.models import PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach, require

Kind = Channel.Kind
ROTATION = timedelta(hours=24)
"""How long the secret before signs too, so that a receiver can change over without missing anything."""
MOST_PER_TEAM = 50


@dataclass(frozen=True)
class Secret:
    """A signing secret that was just made. It is told this once."""

    channel: Channel
    secret: str


def channel_create(
    *, kind: str, name: str, team: Team | None, groups: Sequence[str], address: str, actor: User | None
) -> Secret:
    """Make a chat or a webhook for a team, or for everything (team None: administrators).

    The answer's secret is empty for a chat. Raises Forbidden, Invalid, Conflict.
    """
    _require(actor, "channel.change", team)
    if kind not in Kind.values:
        raise Invalid(f"A channel is one of: {', '.join(Kind.values)}.", field="kind")
    channel = Channel(kind=kind, name=_name(name), team=team, groups=_groups(groups), created_by=actor)
    _address_set(channel, address)
    secret = _secret_make(channel) if kind == Kind.WEBHOOK else ""
    with transaction.atomic():
        if team is not None:
            Team.objects.select_for_update().get(pk=team.pk)
        if Channel.objects.filter(team=team, person=None).count() >= MOST_PER_TEAM:
            raise Conflict(f"There are {MOST_PER_TEAM} channels already: remove one first.")
        channel.save()
        audit_record("channel.created", channel, actor=actor, after=_told(channel))
    return Secret(channel, secret)


def channel_change(
    *, channel: Channel, name: str, groups: Sequence[str], address: str = "", actor: User | None
) -> Channel:
    """Another name, other groups, or (when given) another address. Raises Forbidden, Invalid."""
    _require(actor, "channel.change", channel.team, channel)
    with transaction.atomic():
        channel = _locked(channel)
        before = _told(channel)
        channel.name, channel.groups = _name(name), _groups(groups)
        if address.strip() and address.strip() != channel.url:
            _address_set(channel, address)
            before["address"], after_address = "before", "another"
        else:
            after_address = None
        channel.save(update_fields=["name", "groups", "url", "address", "masked"])
        after = _told(channel) | ({"address": after_address} if after_address else {})
        audit_record("channel.changed", channel, actor=actor, before=before, after=after)
    return channel


def channel_rotate(*, channel: Channel, actor: User | None) -> Secret:
    """A new signing secret for a webhook. For a day the one before signs too. Raises Forbidden, Conflict."""
    _require(actor, "channel.change", channel.team, channel)
    if channel.kind != Kind.WEBHOOK:
        raise Conflict("Only webhooks are signed.")
    with transaction.atomic():
        channel = _locked(channel)
        channel.old_secret, channel.old_secret_until = channel.secret, timezone.now() + ROTATION
        secret = _secret_make(channel)
        channel.save(update_fields=["secret", "old_secret", "old_secret_until"])
        audit_record("channel.rotated", channel, actor=actor)
    return Secret(channel, secret)


def channel_enable(*, channel: Channel, is_enabled: bool, actor: User | None) -> Channel:
    """Turn it on again, with a clean slate, or off: what is open is given up then. Raises Forbidden."""
    _require(actor, "channel.change", channel.team, channel)
    with transaction.atomic():
        channel = _locked(channel)
        if channel.is_enabled != is_enabled:
            channel.is_enabled = is_enabled
            channel.disabled_why = "" if is_enabled else f"{actor or 'The portal'} turned it off."
            channel.failures, channel.failing_since, channel.hold_until = 0, None, None
            channel.save()
            if not is_enabled:
                deliveries_give_up(channel, "The channel was disabled.")
            audit_record("channel.enabled" if is_enabled else "channel.disabled", channel, actor=actor)
    return channel


def channel_remove(*, channel: Channel, actor: User | None) -> None:
    """Forget it, with its deliveries. Raises Forbidden."""
    _require(actor, "channel.change", channel.team, channel)
    with transaction.atomic():
        audit_record("channel.removed", channel, actor=actor, before=_told(channel))
        channel.delete()


def channel_test(*, channel: Channel, actor: User) -> Delivery:
    """Send a test at once, also to one that is disabled; the delivery tells how it went. Raises Forbidden."""
    _require(actor, "channel.change", channel.team, channel)
    with transaction.atomic():
        delivery = _test(Delivery(medium=channel.kind, channel=channel))
        audit_record("channel.tested", channel, actor=actor)
    return delivery


def mail_test(*, actor: User) -> Delivery:
    """Send oneself a test by mail. Raises Invalid without an address, Conflict where no mail is sent."""
    require(actor, "notification.own")
    if not settings.MAIL_IS_ON:
        raise Conflict("No mail server is set: an administrator sets MAIL_URL.")
    if not actor.email:
        raise Invalid("You have no e-mail address here: ask an administrator to set one.", field="email")
    with transaction.atomic():
        delivery = _test(Delivery(medium=Medium.MAIL, person=actor))
        audit_record("notifications.tested", actor, actor=actor)
    return delivery


def own_chat_set(*, address: str, actor: User) -> Channel:
    """A chat of one's own; what it is told stands in one's preferences. Raises Invalid."""
    require(actor, "notification.own")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=actor.pk)
        channel = Channel.objects.filter(person=actor).first() or Channel(
            kind=Kind.CHAT, person=actor, name=f"Chat of {actor}"[:60], created_by=actor
        )
        _address_set(channel, address)
        channel.is_enabled, channel.disabled_why = True, ""
        channel.failures, channel.failing_since, channel.hold_until = 0, None, None
        channel.save()
        audit_record("channel.own-set", channel, actor=actor, after=_told(channel))
    return channel


def own_chat_remove(*, actor: User) -> None:
    """Forget the chat of one's own, if there is one."""
    require(actor, "notification.own")
    channel = Channel.objects.filter(person=actor).first()
    if channel is not None:
        channel_remove(channel=channel, actor=actor)


def channels_seen_by(user: User) -> QuerySet[Channel]:
    """The channels that a person may see: everybody's for administrators and auditors, else one's teams'; and one's
    own. Secrets are not read."""
    rows = Channel.objects.select_related("team", "created_by").defer("address", "secret", "old_secret")
    reach = RIGHTS["channel.view"].get(PortalRole(user.portal_role))
    own = rows.filter(person=user)
    if reach is Reach.ALL:
        return rows.filter(person__isnull=True) | own
    if reach is Reach.TEAM:
        return rows.filter(team__in=user.teams.all()) | own
    return own


def may_change(actor: User, channel: Channel) -> bool:
    """Whether the actor may change, test and remove it."""
    try:
        _require(actor, "channel.change", channel.team, channel)
    except Forbidden:
        return False
    return True


def _require(actor: User | None, verb: str, team: Team | None, channel: Channel | None = None) -> None:
    if channel is not None and channel.person_id is not None:
        if actor is not None and actor.pk == channel.person_id:
            return
        raise Forbidden("A chat of somebody's own is theirs alone.")
    require(actor, verb, team=team)
    if team is None and not _reaches_all(actor, verb):
        raise Forbidden("Only an administrator has channels for everything: choose a team.", field="team")


def _reaches_all(actor: User | None, verb: str) -> bool:
    return actor is None or RIGHTS[verb].get(PortalRole(actor.portal_role)) is Reach.ALL


def _locked(channel: Channel) -> Channel:
    return Channel.objects.select_for_update(of=("self",)).select_related("team", "person").get(pk=channel.pk)


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise Invalid("Give it a name of 1 to 60 characters.", field="name")
    return name


def _groups(groups: Sequence[str]) -> list[str]:
    unknown = sorted(set(groups) - set(Group.values))
    if unknown:
        raise Invalid(
            f"{unknown[0][:40]} is not known. Groups are: {', '.join(Group.values)}.", field="groups"
        )
    if not groups:
        raise Invalid(f"Choose at least one of: {', '.join(Group.values)}.", field="groups")
    return [group for group in Group.values if group in groups]


def _address_set(channel: Channel, address: str) -> None:
    if channel.kind == Kind.WEBHOOK:
        channel.url = url_check(address)
        channel.masked = masked(channel.url)
    else:
        address = chat_check(address)
        channel.address, channel.masked = seal(address), masked(address)


def _secret_make(channel: Channel) -> str:
    """32 random bytes, written as Standard Webhooks does."""
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    channel.secret = seal(secret)
    return secret


def _test(delivery: Delivery) -> Delivery:
    delivery.topic, delivery.is_test, delivery.next_try_at = "test", True, timezone.now()
    delivery.save()
    # It only comes sooner; the next tick would find it.
    transaction.on_commit(lambda: ring(DELIVER))
    return delivery


def _told(channel: Channel) -> dict[str, Any]:
    """What the audit keeps: nothing secret."""
    return {
        "kind": channel.kind,
        "name": channel.name,
        "team": channel.team.slug if channel.team else None,
        "groups": list(channel.groups),
        "to": channel.masked,
    }
