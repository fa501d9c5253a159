"""The tasks of telling people. They carry nothing: rows say what is to be told and to be sent."""

import structlog
from celery import current_app, shared_task
from django.utils import timezone
from kombu.exceptions import OperationalError

from environments.notifications.deliveries import DELIVER, deliveries_are_due
from environments.notifications.log import notifications_forget
from environments.operations.scheduling import occurrence_take
from workers.mails import mail_server_is_due, mail_server_look
from workers.telling import address, deliver

log = structlog.get_logger(__name__)


@shared_task(name="workers.tell", ignore_result=True)
def tell() -> None:
    """With each tick: address the outbox, and have sent what is due; now and then, look at the mail server and forget
    what is old."""
    address()
    now = timezone.now()
    if deliveries_are_due(now):
        _ring()
    if mail_server_is_due():
        mail_server_look()
    if occurrence_take("notifications", now.replace(minute=0, second=0, microsecond=0)):
        log.info("notifications.forgotten", rows=notifications_forget(now))


@shared_task(name=DELIVER, ignore_result=True)
def send_due() -> None:
    """Send what is due; come again at once while that was something and more is due."""
    if deliver() and deliveries_are_due():
        _ring()


def _ring() -> None:
    try:
        current_app.send_task(DELIVER, retry=False)
    except (OperationalError, OSError) as error:
        # The next tick tries again.
        log.warning("queue.unreachable", task=DELIVER, reason=str(error))
