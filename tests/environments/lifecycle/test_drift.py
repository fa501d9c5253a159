"""Drift's services: nights that are planned once, findings that are kept, acceptances and their ends, and rights."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from environments.errors import Conflict, Forbidden, Invalid
from environments.lifecycle.drift import (
    Found,
    drift_accept,
    drift_acceptances_lapse,
    drift_check_ask,
    drift_record,
    drift_reopen,
)
from environments.lifecycle.drift_fix import environment_drift_fix
from environments.lifecycle.drift_nights import drift_checks_forget, drift_night_take, drift_scopes_due
from environments.lifecycle.models import DriftCheck, Environment
from environments.lifecycle.selectors import drift_open_environments
from environments.operations.models import AuditEntry, Notice
from tests import factories

pytestmark = pytest.mark.django_db
ONE = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)


@pytest.fixture
def make(shop, account, release, lead):
    """Environments in the account."""

    def make(name="", **fields):
        return factories.environment_make(
            name, team=shop, owner=lead, account=account, release=release, **fields
        )

    return make


def found(name="Balancer", path="Attributes[http2]", actual="false", stack="app", kind="AWS::X::Y"):
    return Found("eu-west-1", stack, name, "arn", kind, path, "true", actual)


def record(environment, *rows, stacks=("app",), **more):
    with transaction.atomic():
        return drift_record(environment=environment, found=rows, stacks=stacks, **more)


def test_a_night_is_one_row_for_each_active_environment(make, settings):
    settings.DRIFT_NIGHT, settings.DRIFT_SPREAD_S = "01:00", 3600.0
    active = [make() for _ in range(3)]
    make(status="broken")
    assert drift_night_take(ONE - timedelta(minutes=1)) == 0
    assert drift_night_take(ONE + timedelta(seconds=5)) == 3
    assert drift_night_take(ONE + timedelta(seconds=6)) == 0
    rows = DriftCheck.objects.all()
    assert {row.environment_id for row in rows} == {row.pk for row in active}
    assert {row.night for row in rows} == {ONE.date()}
    dues = sorted(row.due_at for row in rows)
    assert ONE <= dues[0] < dues[-1] < ONE + timedelta(hours=1)
    assert drift_scopes_due(ONE + timedelta(hours=1)) == ["111122223333/eu-west-1"]
    assert drift_scopes_due(ONE - timedelta(hours=1)) == []


def test_a_night_that_is_long_over_is_left_out_and_the_setting_turns_nights_off(make, settings):
    make()
    settings.DRIFT_NIGHT = "01:00"
    assert drift_night_take(ONE + timedelta(hours=7)) == 0
    settings.DRIFT_NIGHT = ""
    assert drift_night_take(ONE + timedelta(seconds=1)) == 0


@pytest.mark.django_db(transaction=True)
def test_two_beats_plan_a_night_once(make, settings):
    settings.DRIFT_NIGHT = "01:00"
    for _ in range(3):
        make()
    planned = []

    def beat():
        with transaction.atomic():
            planned.append(drift_night_take(ONE + timedelta(seconds=1)))
        connection.close()

    beats = [threading.Thread(target=beat) for _ in range(2)]
    for thread in beats:
        thread.start()
    for thread in beats:
        thread.join()
    assert sorted(planned) == [0, 3] and DriftCheck.objects.count() == 3


def test_looks_are_kept_for_a_while_and_findings_for_good(make, lead):
    shop = make()
    record(shop, found())
    now = timezone.now()
    for days in (89, 91):
        DriftCheck.objects.create(
            environment=shop, scope="1/x", status="done", ended_at=now - timedelta(days=days)
        )
    drift_check_ask(environment=shop, actor=lead)
    assert drift_checks_forget() == 1
    assert DriftCheck.objects.count() == 2 and shop.drift_findings.count() == 1


def test_a_look_that_is_open_already_is_the_answer(make, lead):
    shop = make()
    first = drift_check_ask(environment=shop, actor=lead)
    DriftCheck.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert drift_check_ask(environment=shop, actor=lead) == first
    first.refresh_from_db()
    assert first.due_at <= timezone.now()
    with pytest.raises(Conflict, match="only what is active can drift"):
        drift_check_ask(environment=make(status="broken"), actor=lead)


def test_findings_come_stay_move_and_go(make):
    shop = make()
    assert record(shop, found(), found("Bucket", "Versioning", stack="storage")) == (2, 2)
    assert record(shop, found(), stacks=("app",)) == (2, 0)
    assert record(shop, found(actual="perhaps")) == (2, 1)
    shop.refresh_from_db()
    assert shop.drift_count == 2 and shop.drift_since
    assert list(drift_open_environments()) == [shop]
    operation = factories.operation_make(shop, kind="drift-fix")
    assert record(shop, fixed_by=operation) == (1, 0)
    assert record(shop, stacks=("storage",)) == (0, 0)
    shop.refresh_from_db()
    assert shop.drift_since is None
    states = dict(shop.drift_findings.values_list("stack", "status"))
    assert states == {"app": "fixed", "storage": "gone"}


def test_people_are_told_once_of_a_set(make):
    shop = make()
    record(shop, found())
    record(shop, found())
    (notice,) = Notice.objects.filter(topic="environment.drifted")
    assert notice.sentence.startswith(
        f"{shop.name} is no longer what its templates say: Balancer (AWS::X::Y)"
    )
    record(shop)
    record(shop, found())
    assert Notice.objects.filter(topic="environment.drifted").count() == 2


def test_an_acceptance_has_a_reason_a_day_and_an_end(make, lead):
    shop = make()
    record(shop, found())
    (row,) = shop.drift_findings.all()
    today = timezone.now().date()
    for why, until, field in (
        (" ", today, "why"),
        ("Meant.", today - timedelta(days=1), "until"),
        ("Meant.", today + timedelta(days=400), "until"),
    ):
        with pytest.raises(Invalid) as refusal:
            drift_accept(environment=shop, findings=[row.pk], why=why, until=until, actor=lead)
        assert refusal.value.field == field
    for findings in ([], [row.pk + 1]):
        with pytest.raises(Invalid) as refusal:
            drift_accept(environment=shop, findings=findings, why="Meant.", until=today, actor=lead)
        assert refusal.value.field == "findings"
    drift_accept(environment=shop, findings=[row.pk], why="Meant.", until=today, actor=lead)
    assert record(shop, found()) == (0, 0)
    entry = AuditEntry.objects.filter(action="environment.drift-accepted").get()
    assert entry.after["why"] == "Meant."
    assert drift_acceptances_lapse() == 0
    assert drift_acceptances_lapse(timezone.now() + timedelta(days=1)) == 1
    assert Environment.objects.get(pk=shop.pk).drift_count == 1
    drift_accept(environment=shop, findings=[row.pk], why="Meant.", until=today, actor=lead)
    assert [one.status for one in drift_reopen(environment=shop, findings=[row.pk], actor=lead)] == ["open"]


def test_a_look_keeps_what_it_could_not_read(make):
    shop = make()
    record(shop, found())
    assert record(shop, stacks=()) == (1, 0)


def test_a_fix_is_of_stacks_that_drifted_and_hold_no_database(make, lead):
    shop = make()
    for key in ("app", "data", "storage"):
        factories.stack_make(shop, key)
    with pytest.raises(Conflict, match="Check its drift first"):
        environment_drift_fix(environment=shop, actor=lead)
    record(shop, found(), found("Database", "Port", stack="data", kind="AWS::RDS::DBCluster"))
    with pytest.raises(Conflict, match="holds a database"):
        environment_drift_fix(environment=shop, stacks=["data"], actor=lead)
    with pytest.raises(Conflict, match="drifted in storage"):
        environment_drift_fix(environment=shop, stacks=["storage"], actor=lead)
    with pytest.raises(Invalid, match="no stack edge"):
        environment_drift_fix(environment=shop, stacks=["edge"], actor=lead)
    operation = environment_drift_fix(environment=shop, actor=lead)
    assert operation.parameters["stacks"] == ["app"] and operation.kind == "drift-fix"


def test_engineers_look_and_leads_decide(make, people, lead):
    shop = make()
    engineer = people["engineer"]
    assert drift_check_ask(environment=shop, actor=engineer)
    record(shop, found())
    (row,) = shop.drift_findings.all()
    day = timezone.now().date()
    with pytest.raises(Forbidden):
        drift_accept(environment=shop, findings=[row.pk], why="Meant.", until=day, actor=engineer)
    with pytest.raises(Forbidden):
        environment_drift_fix(environment=shop, actor=engineer)
    with pytest.raises(Forbidden):
        drift_check_ask(environment=shop, actor=people["auditor"])


def test_a_record_asks_the_database_a_constant_number_of_times(make, django_assert_num_queries):
    shop = make()
    rows = [found(f"R{number}") for number in range(20)]
    record(shop, *rows)
    with django_assert_num_queries(6), transaction.atomic():
        drift_record(environment=shop, found=[], stacks=())
