"""Mails, by Django's backend: one connection for all that a look has taken, each mail with an id that stays."""

import smtplib
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from environments.notifications.contents import Message, preferences_url
from environments.notifications.deliveries import Outcome
from environments.notifications.figures import MAIL_ANSWERED, MAIL_ASKED
from environments.notifications.models import Delivery
from environments.operations.models import Pulse
from environments.operations.scheduling import pulse_record

log = structlog.get_logger(__name__)

LOOK_EVERY = timedelta(minutes=5)
LONGEST_S = 60.0
"""A server that is slow gets no more mails of this look after so long: a claim must outlast them."""


def mails_send(messages: Sequence[Message]) -> Iterator[tuple[Delivery, Outcome]]:
    """Send them one after the other; once the server cannot be reached, the rest is not tried."""
    begun = time.monotonic()
    connection: BaseEmailBackend = get_connection()
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        for message in messages:
            yield message.delivery, _failed(error, begun)
        return
    away: Outcome | None = None
    try:
        for message in messages:
            if away is None and time.monotonic() - begun > LONGEST_S:
                away = Outcome(False, "The mail server is slow: it is asked again later.")
            if away is None:
                outcome, away = _send(connection, message)
            else:
                outcome = away
            yield message.delivery, outcome
    finally:
        _close(connection)


def mail_server_look() -> bool:
    """Ask the mail server whether it lets us in, without a mail; keep when it was asked and when it answered."""
    pulse_record(MAIL_ASKED)
    connection: BaseEmailBackend = get_connection()
    try:
        connection.open()
    except (smtplib.SMTPException, OSError) as error:
        log.warning("mail.silent", reason=str(error))
        return False
    _close(connection)
    pulse_record(MAIL_ANSWERED)
    return True


def mail_server_is_due() -> bool:
    """Whether it is time for another look."""
    if not settings.MAIL_IS_ON or settings.EMAIL_FILE_PATH:
        return False
    since = timezone.now() - LOOK_EVERY
    return not Pulse.objects.filter(name=MAIL_ASKED, at__gt=since).exists()


def _send(connection: BaseEmailBackend, message: Message) -> tuple[Outcome, Outcome | None]:
    """How it went; and, when the connection is lost with it, what holds for all others."""
    begun = time.monotonic()
    try:
        connection.send_messages([_mail(message)])
    except smtplib.SMTPServerDisconnected as error:
        return (lost := _failed(error, begun)), lost
    except smtplib.SMTPException as error:
        return _failed(error, begun), None
    except OSError as error:
        return (lost := _failed(error, begun)), lost
    return Outcome(True, "The mail server took it.", duration_ms=_ms(begun)), None


def _mail(message: Message) -> EmailMultiAlternatives:
    assert message.delivery.person is not None
    host = urlsplit(settings.PUBLIC_URL).hostname or "switchyard"
    mail = EmailMultiAlternatives(
        subject=f"[Switchyard] {message.subject}",
        body=message.text,
        to=[message.delivery.person.email],
        headers={
            "Message-ID": f"<{message.delivery.message_id}@{host}>",
            # Out-of-office answers and mailing lists leave such mails alone (RFC 3834).
            "Auto-Submitted": "auto-generated",
            "List-Unsubscribe": f"<{preferences_url()}>",
        },
    )
    mail.attach_alternative(message.html, "text/html")
    return mail


def _failed(error: Exception, begun: float) -> Outcome:
    """A refusal for good (5xx of SMTP) is lasting; what a server, or nobody, says for now is tried again."""
    code, said = _said(error)
    if code is None:
        sentence = "The mail server could not be reached, or broke off."
        if isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected):
            sentence = f"The mail server does not do what its address (MAIL_URL) asks for: {error}"
        return Outcome(False, sentence, duration_ms=_ms(begun))
    is_ours = isinstance(
        error, smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError
    )
    return Outcome(
        False,
        f"The mail server refused it with {code}.",
        duration_ms=_ms(begun),
        code=code,
        text=said,
        # That it does not know us is no fault of this mail.
        lasting=code >= 500 and not is_ours,
    )


def _said(error: Exception) -> tuple[int | None, str]:
    code: int
    text: str | bytes
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return None, ""
    # -1 is smtplib's own word for a connection that was closed.
    if code <= 0:
        return None, ""
    return code, text.decode(errors="replace") if isinstance(text, bytes) else str(text)


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (smtplib.SMTPException, OSError):
        # All mails have had their answer; a goodbye that fails changes none of them.
        return


def _ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
