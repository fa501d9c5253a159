"""Mails, sent to a server on this machine that fails first."""

import pytest

from environments.notifications.channels import mail_test
from environments.notifications.fanout import notices_address
from environments.notifications.figures import telling_figures
from environments.notifications.models import Delivery
from environments.operations.models import Notice, Pulse
from tests.workers.telling.support import happen, in_a_while
from workers.mails import mail_server_is_due, mail_server_look
from workers.telling import deliver

pytestmark = [pytest.mark.django_db(transaction=True)]


def test_a_mail_says_what_happened_to_what_and_what_to_do(world, mail):
    operation = happen(world)
    assert deliver() == 1
    (got,) = mail.got
    assert got["Subject"] == "[Switchyard] Update shop failed"
    assert got["X-Envelope-To"] == world.lead.email
    row = Delivery.objects.get()
    assert got["Message-ID"] == f"<{row.message_id}@portal.example.org>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert "/notifications/preferences/" in got["List-Unsubscribe"]
    parts = [part.get_content() for part in got.iter_parts()]
    for part in parts:
        assert "Data: the cluster has no room." in part
        assert f"https://portal.example.org/operations/{operation.pk}/" in part
        assert "Raise the quota." in part and "Asked for by lead." in part
        assert "https://portal.example.org/notifications/preferences/" in part
    assert (row.status, row.sentence) == ("delivered", "The mail server took it.")
    assert deliver() == 0 and len(mail.got) == 1


def test_names_and_sentences_are_text_in_a_mail_whatever_they_hold(world, mail):
    happen(world, sentence="Rejected: <script>alert(1)</script>\nBcc: everybody@example.org")
    assert deliver() == 1
    text, html = (part.get_content() for part in mail.got[0].iter_parts())
    assert "<script>" in text
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert mail.got[0]["Bcc"] is None


def test_many_notices_are_one_mail(world, mail):
    for number in range(25):
        happen(world, sentence=f"Number {number}.")
    Delivery.objects.all().delete()
    Notice.objects.update(told_at=None)
    notices_address()
    assert deliver() == 1
    (got,) = mail.got
    assert got["Subject"] == "[Switchyard] 25 times: failed (shop)"
    assert "And 5 more" in next(got.iter_parts()).get_content()


def test_a_mail_server_that_refuses_for_now_is_asked_again_and_one_that_refuses_for_good_is_not(world, mail):
    mail.refusals += ["451 Greylisted, come again"]
    happen(world)
    deliver()
    row = Delivery.objects.get()
    assert (row.status, row.response_code, row.response_text) == ("failed", 451, "Greylisted, come again")
    assert deliver() == 0
    in_a_while(seconds=7)
    assert deliver() == 1
    assert [one["Message-ID"] for one in mail.got] == [f"<{row.message_id}@portal.example.org>"]
    mail.refusals += ["550 No such user"]
    happen(world)
    deliver()
    row = Delivery.objects.first()
    assert (row.status, row.response_code, row.next_try_at) == ("abandoned", 550, None)


def test_a_mail_server_that_is_away_loses_nothing(world, mail, settings):
    settings.EMAIL_PORT = 1
    for _ in range(2):
        happen(world)
        deliver()
    rows = Delivery.objects.all()
    assert {row.status for row in rows} == {"failed"}
    assert {row.sentence for row in rows} == {"The mail server could not be reached, or broke off."}
    settings.EMAIL_PORT = mail.port
    in_a_while(seconds=7)
    assert deliver() == 2
    assert len(mail.got) == 2


def test_a_mail_server_that_knows_no_sign_in_is_told_by_its_setting(world, mail, settings):
    settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "switchyard", "hush"
    happen(world)
    deliver()
    row = Delivery.objects.get()
    assert row.status == "failed" and row.sentence.startswith("The mail server does not do what")
    assert "hush" not in row.sentence


def test_health_knows_whether_the_mail_server_lets_a_worker_in(world, mail, settings):
    assert mail_server_is_due() and telling_figures().mail == "unknown"
    assert mail_server_look() and telling_figures().mail == "answers"
    assert not mail_server_is_due()
    settings.EMAIL_PORT = 1
    assert not mail_server_look() and telling_figures().mail == "silent"
    settings.EMAIL_FILE_PATH = "/tmp/mails"
    Pulse.objects.all().delete()
    assert not mail_server_is_due() and telling_figures().mail == "files"
    assert mail.got == []


def test_somebody_tries_their_own_mail(world, mail):
    delivery = mail_test(actor=world.lead)
    deliver()
    assert mail.got[0]["Subject"] == "[Switchyard] A test of notifications"
    delivery.refresh_from_db()
    assert delivery.status == "delivered"
