"""Who is told of what, by which way, and by how many queries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.notifications.audience import facts_gather, people_gather, reaches
from environments.notifications.fanout import notices_address
from environments.notifications.models import Channel, Delivery, Entry
from environments.notifications.preferences import matrix_of, preferences_set
from environments.operations.models import Decision, Notice
from environments.operations.notices import notice_write, operation_notice
from environments.people.models import Team, User
from environments.people.rights import RIGHTS, may
from tests import factories

pytestmark = pytest.mark.django_db


def told(topic):
    """Names of those whose inbox has it."""
    return set(Entry.objects.filter(notice__topic=topic).values_list("person__username", flat=True))


def operation(world, by="lead", **fields):
    status = fields.pop("status", "awaiting-approval")
    return factories.operation_make(
        world.environment, status=status, requested_by=world.people[by], approval_hash="a" * 64, **fields
    )


def mails_of(name):
    return Delivery.objects.filter(medium="mail", person__username=name)


# What happened; who asked; who is told.
CASES = [
    ("operation.awaiting-approval", "lead", {"lead-2", "approver", "administrator"}),
    ("operation.awaiting-approval", "engineer", {"lead", "lead-2", "approver", "administrator"}),
    ("operation.awaiting-approval", "administrator", {"lead", "lead-2", "approver"}),
    ("operation.approval-due", "engineer", {"lead", "lead-2", "approver", "administrator"}),
    ("operation.handled", "lead", {"lead", "lead-2", "approver", "administrator"}),
    ("operation.rejected", "lead", {"lead", "engineer"}),
    ("operation.expired", "lead", {"lead", "engineer"}),
    ("operation.succeeded", "lead", {"lead", "engineer"}),
    ("operation.failed", "administrator", {"administrator", "engineer", "lead", "lead-2"}),
    ("operation.errored", "engineer", {"administrator", "engineer", "lead", "lead-2"}),
    ("operation.stuck", "engineer", {"administrator", "engineer", "lead", "lead-2"}),
]


@pytest.mark.parametrize(("topic", "by", "names"), CASES, ids=[f"{c[0]} by {c[1]}" for c in CASES])
def test_who_is_told_of_an_operation(world, topic, by, names):
    operation_notice(operation(world, by), topic, "So it is.")
    assert notices_address() == 1
    assert told(topic) == names
    assert notices_address() == 0


def test_what_expires_or_drifts_concerns_its_owner_and_the_leads_of_its_team(world):
    notice_write("environment.expiring", world.environment, "It expires in 2 h.")
    notice_write("environment.drifted", world.environment, "Two properties differ.")
    notice_write("limit.reached", world.team, "Ten of ten environments.")
    notices_address()
    assert told("environment.expiring") == told("environment.drifted") == {"engineer", "lead", "lead-2"}
    assert told("limit.reached") == {"lead", "lead-2", "administrator"}


def test_accounts_wait_for_those_who_approve_accounts(world):
    canary = factories.operation_make(
        world.account, kind="canary", status="awaiting-approval", requested_by=world.people["administrator"]
    )
    operation_notice(canary, "operation.awaiting-approval", "The plan is ready.")
    operation_notice(canary, "operation.failed", "No.")
    notices_address()
    assert told("operation.awaiting-approval") == {"approver"}
    assert told("operation.failed") == {"administrator"}


def test_who_has_decided_is_not_asked_again_nor_told_that_it_was_handled(world):
    row = operation(world, "lead")
    Decision.objects.create(
        operation=row, verdict="approved", decided_by=world.people["approver"], plan_hash=row.approval_hash
    )
    operation_notice(row, "operation.approval-due", "One more approval is needed.")
    operation_notice(row, "operation.handled", "Handled by approver, who approved it.")
    notices_address()
    assert told("operation.approval-due") == {"lead-2", "administrator"}
    assert told("operation.handled") == {"lead", "lead-2", "administrator"}


def test_a_rule_that_leaves_it_to_some_roles_asks_those_and_a_last_call_administrators_too(world):
    row = operation(world, "lead", approval_terms={"roles": ["approver"]})
    operation_notice(row, "operation.awaiting-approval", "The plan is ready.")
    notices_address()
    assert told("operation.awaiting-approval") == {"approver"}
    operation_notice(row, "operation.approval-due", "It expires tomorrow.", data={"escalated": True})
    notices_address()
    assert told("operation.approval-due") == {"approver", "administrator"}


def test_a_notice_may_name_the_right_that_it_waits_for(world):
    asked = {"right": "limit.change", "asked_by": world.people["administrator"].pk}
    second = factories.person_make("administrator", username="second")
    notice_write("proposal.waiting", world.account, "Another rule.", data=asked)
    notices_address()
    assert told("proposal.waiting") == {second.username}


def test_addressing_reaches_as_the_table_of_rights_does(world):
    """The set-based copy of `may` agrees with it for every person, verb and team."""
    people = people_gather()
    for user in User.objects.filter(is_active=True):
        for verb in RIGHTS:
            for team in Team.objects.all():
                assert reaches(people[user.pk], verb, team.pk) == may(user, verb, team=team), (user, verb)


def test_a_mail_goes_to_whom_the_role_or_the_person_wants_one(world):
    lead, engineer = world.people["lead"], world.people["engineer"]
    preferences_set(user=engineer, matrix={"done": {"mail": False}}, actor=engineer)
    assert matrix_of(engineer)["done"] == {"mail": False, "chat": False}
    assert matrix_of(engineer)["failed"]["mail"] is True
    operation_notice(operation(world, "lead", status="succeeded"), "operation.succeeded", "Done.")
    notices_address()
    assert (mails_of("lead").count(), mails_of("engineer").count()) == (1, 0)
    assert told("operation.succeeded") == {lead.username, engineer.username}


def test_nobody_without_an_address_and_nothing_without_a_server_is_mailed(world, settings):
    User.objects.filter(username="lead").update(email="")
    operation_notice(operation(world, "lead", status="failed"), "operation.failed", "No.")
    notices_address()
    assert set(Delivery.objects.values_list("person__username", flat=True)) == {"lead-2", "engineer"}
    settings.MAIL_IS_ON = False
    operation_notice(operation(world, "lead", status="failed"), "operation.failed", "No.")
    notices_address()
    assert Delivery.objects.count() == 2


def channel(world, name, groups, kind="webhook", **fields):
    return Channel.objects.create(kind=kind, name=name, groups=groups, masked="x", url="https://x", **fields)


def test_channels_are_told_of_their_team_and_groups_and_webhooks_of_each_notice_by_itself(world):
    channel(world, "ours", ["failed", "drift"], team=world.team)
    channel(world, "all", ["failed"])
    channel(world, "others", ["failed"], team=world.other)
    channel(world, "done", ["done"], team=world.team)
    channel(world, "off", ["failed"], team=world.team, is_enabled=False)
    channel(world, "chat", ["failed"], kind="chat", team=world.team)
    for _ in range(3):
        operation_notice(operation(world, "lead", status="failed"), "operation.failed", "No.")
    notices_address()
    rows = Delivery.objects.filter(channel__isnull=False)
    names = sorted(rows.values_list("channel__name", flat=True))
    assert names == ["all"] * 3 + ["chat"] + ["ours"] * 3
    assert rows.get(channel__name="chat").notices.count() == 3


def test_many_of_one_topic_become_one_mail_also_when_they_come_one_after_the_other(world):
    for number in range(5):
        notice_write("environment.drifted", world.environment, f"Property {number} differs.")
    notices_address()
    notice_write("environment.drifted", world.environment, "One more.")
    notice_write("environment.expiring", world.environment, "Soon.")
    notices_address()
    rows = {row.topic: row.notices.count() for row in mails_of("lead")}
    assert rows == {"environment.drifted": 6, "environment.expiring": 1}


def test_what_a_sender_has_in_hand_takes_nothing_more(world):
    notice_write("environment.drifted", world.environment, "One.")
    notices_address()
    Delivery.objects.update(attempts=1, status="failed")
    notice_write("environment.drifted", world.environment, "Two.")
    notices_address()
    assert [row.notices.count() for row in mails_of("lead")] == [1, 1]


def test_old_notices_are_in_the_inbox_and_make_no_burst(world):
    operation_notice(operation(world, "lead", status="failed"), "operation.failed", "Long ago.")
    Notice.objects.update(at=timezone.now() - timedelta(days=2))
    assert notices_address() == 1
    assert "lead" in told("operation.failed")
    assert not Delivery.objects.exists()
    assert Notice.objects.get().told_at is not None


def test_a_topic_that_nobody_knows_is_passed_over_and_holds_nothing_up(world):
    notice_write("environment.vanished", world.environment, "?")
    notice_write("environment.expiring", world.environment, "Soon.")
    assert notices_address() == 2
    assert told("environment.expiring")
    assert not Entry.objects.filter(notice__topic="environment.vanished").exists()


def test_a_batch_takes_the_same_number_of_queries_however_large(world, django_assert_max_num_queries):
    def write(count):
        for number in range(count):
            environment = factories.environment_make(
                f"e{count}x{number}",
                team=world.team,
                owner=world.people["lead"],
                account=world.account,
                release=world.environment.release,
            )
            notice_write("environment.drifted", environment, "It differs.")
            row = factories.operation_make(environment, status="failed", requested_by=world.people["lead"])
            operation_notice(row, "operation.failed", "No.")

    channel(world, "ours", ["failed", "drift"], team=world.team)
    write(1)
    notices_address()
    for count in (2, 40):
        write(count)
        with django_assert_max_num_queries(22):
            assert notices_address() == 2 * count


def test_facts_are_gathered_of_every_kind_of_subject(world):
    made = channel(world, "ours", ["failed"], team=world.team, created_by=world.people["engineer"])
    notice_write("channel.disabled", made, "It answered 410.")
    facts = facts_gather(list(Notice.objects.all()))
    assert facts.team_of(Notice.objects.get()) == world.team.pk
    notices_address()
    assert told("channel.disabled") == {"engineer", "lead", "lead-2"}
