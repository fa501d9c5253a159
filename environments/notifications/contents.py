"""What is said: a mail in text and HTML, a line for a chat, a document for a webhook. No secret is in any of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.template.loader import render_to_string
from django.utils import timezone

from environments.display import kind_word
from environments.lifecycle.models import Account, Application, Environment
from environments.notifications.models import Channel, Delivery, Medium
from environments.notifications.topics import TOPICS
from environments.operations.models import Notice, Operation

SHOWN = 20
"""Notices that a message lists; of more, the number is told."""


@dataclass(frozen=True)
class Line:
    """One notice, ready to be shown."""

    title: str
    sentence: str
    who: str
    step: str
    url: str
    at: Any


@dataclass(frozen=True)
class Message:
    """One delivery's content. `payload` is a webhook's document; the rest is for people."""

    delivery: Delivery
    subject: str
    text: str
    html: str
    payload: dict[str, Any]


PREFERENCES = "/notifications/preferences/"


def messages_make(deliveries: Sequence[Delivery]) -> list[Message]:
    """The content of each delivery, by four queries however many there are."""
    keys = [delivery.pk for delivery in deliveries]
    through = Delivery.notices.through.objects.filter(delivery__in=keys)
    rows = through.select_related("notice__operation__requested_by").order_by("notice_id")
    notices: dict[int, list[Notice]] = {key: [] for key in keys}
    for row in rows:
        notices[row.delivery_id].append(row.notice)
    teams = _teams(notice for told in notices.values() for notice in told)
    return [_message(delivery, notices[delivery.pk], teams) for delivery in deliveries]


def _message(delivery: Delivery, notices: list[Notice], teams: dict[int, str]) -> Message:
    if delivery.is_test:
        return _test_message(delivery)
    lines = [_line(notice) for notice in notices[:SHOWN]]
    more = len(notices) - len(lines)
    subject = lines[0].title
    if len(notices) > 1:
        subject = f"{len(notices)} times: {TOPICS[delivery.topic].title} ({', '.join(_names(notices))})"
    context = {"subject": subject, "lines": lines, "more": more, "preferences": preferences_url()}
    is_mail = delivery.medium == Medium.MAIL
    return Message(
        delivery,
        subject=_one_line(subject),
        text=_text("mail" if is_mail else "chat", "txt", context),
        html=_text("mail", "html", context) if is_mail else "",
        payload=payload_of(notices[0], teams) if delivery.medium == Medium.WEBHOOK else {},
    )


def payload_of(notice: Notice, teams: dict[int, str]) -> dict[str, Any]:
    """A webhook's document (docs/webhooks.md). It tells of the moment of the notice, so every attempt says the same."""
    operation = notice.operation
    kind = ContentType.objects.get_for_id(notice.subject_type_id).model
    return {
        "type": notice.topic,
        "timestamp": notice.at.isoformat(),
        "data": {
            "notice": notice.pk,
            "sentence": notice.sentence,
            "team": teams.get(notice.pk),
            "subject": {"type": kind, "id": notice.subject_id, "name": notice.subject_label},
            "operation": _operation(operation) if operation else None,
            "url": notice_url(notice),
            "details": notice.data,
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    by = operation.requested_by
    return {
        "id": operation.pk,
        "kind": operation.kind,
        "requested_by": by.get_username() if by else None,
        "url": _absolute(f"/api/v1/operations/{operation.pk}/"),
    }


def _test_message(delivery: Delivery) -> Message:
    to = delivery.channel.name if delivery.channel else str(delivery.person)
    sentence = f"This is a test for {to}. Notifications of Switchyard arrive here."
    line = Line("Test", sentence, "", "", _absolute("/"), timezone.now())
    context = {"subject": "Test", "lines": [line], "more": 0, "preferences": preferences_url()}
    is_mail = delivery.medium == Medium.MAIL
    return Message(
        delivery,
        subject="A test of notifications",
        text=_text("mail" if is_mail else "chat", "txt", context),
        html=_text("mail", "html", context) if is_mail else "",
        payload={
            "type": "test",
            "timestamp": delivery.created_at.isoformat(),
            "data": {"sentence": sentence, "url": _absolute("/")},
        },
    )


def _line(notice: Notice) -> Line:
    topic, operation = TOPICS[notice.topic], notice.operation
    what = f"{kind_word(operation.kind)} {notice.subject_label}" if operation else notice.subject_label
    by = operation.requested_by if operation else None
    return Line(
        title=f"{what} {topic.title}",
        sentence=notice.sentence,
        who=f"Asked for by {by}." if by else "",
        step=str((notice.data or {}).get("remedy") or topic.step),
        url=notice_url(notice),
        at=notice.at,
    )


def notice_url(notice: Notice) -> str:
    """The page in the portal that tells more, as a whole address."""
    return _absolute(notice_path(notice))


def notice_path(notice: Notice) -> str:
    """The page in the portal that tells more. A notice may name it: {"path": …}."""
    if notice.operation_id:
        return f"/operations/{notice.operation_id}/"
    model = ContentType.objects.get_for_id(notice.subject_type_id).model_class()
    folders: dict[Any, str] = {
        Environment: "environments",
        Account: "cloud-accounts",
        Application: "applications",
        Channel: "channels",
    }
    if named := str(notice.data.get("path", "")):
        return named
    return f"/{folders[model]}/{notice.subject_id}/" if model in folders else "/notifications/"


def preferences_url() -> str:
    """Where people choose what they are told: the link of every mail."""
    return _absolute(PREFERENCES)


def _absolute(path: str) -> str:
    return f"{settings.PUBLIC_URL.rstrip('/')}{path}"


def _teams(notices: Iterable[Notice]) -> dict[int, str]:
    """The slug of each notice's team, by the notice's id."""
    told = list(notices)
    teams: dict[int, str] = {}
    for model in (Environment, Application):
        kind = ContentType.objects.get_for_model(model).pk
        about = {notice.pk: notice.subject_id for notice in told if notice.subject_type_id == kind}
        found = model._default_manager.filter(pk__in=set(about.values())).values_list("pk", "team__slug")
        slugs = dict(found)
        teams |= {notice: slugs[subject] for notice, subject in about.items() if subject in slugs}
    return teams


def _names(notices: Sequence[Notice]) -> list[str]:
    names = list(dict.fromkeys(notice.subject_label for notice in notices))
    return names if len(names) <= 3 else [*names[:3], "…"]


def _text(name: str, ending: str, context: dict[str, Any]) -> str:
    return render_to_string(f"notifications/{name}.{ending}", context).strip() + "\n"


def _one_line(text: str) -> str:
    """A header has one line, and a subject that is read on a telephone few words."""
    return " ".join(text.split())[:150]
