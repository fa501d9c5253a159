"""An application's own secrets, through the portal: named by an update, seen as not set, set by hand, seen as set, and
counted when the environment goes. No value is ever in a row.
"""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from environments.lifecycle.models import Environment, SecretState
from environments.lifecycle.secrets import secrets_of, with_secrets
from environments.lifecycle.stores import stores_of
from environments.lifecycle.teardown import environment_teardown
from environments.lifecycle.update import environment_update
from environments.operations.models import Operation
from environments.operations.scheduling import occurrence_is_taken
from tests.workers.support import ACCOUNT_ID, REGION, approve, drive
from workers.secrets import secrets_round
from workers.tasks import tick

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(240)]

VALUE = "a-value-that-nobody-may-see"


def named(people, environment, names, **more):
    operation = environment_update(
        environment=environment, changes={"secrets": names}, actor=people["team-lead"], **more
    )
    return drive(operation)


def carried_out(people, operation, by=("approver",)):
    assert operation.status == "awaiting-approval", operation.sentence
    drive(approve(operation, people, by))
    assert operation.status == "succeeded", operation.sentence


def test_a_secret_is_named_seen_set_and_counted(active, people, sandbox, keys):
    assert secrets_round() == 0 and secrets_of(active) == []
    carried_out(people, named(people, active, ["SMTP_PASSWORD", "MAPS_KEY"]))
    environment = Environment.objects.get()
    assert set(environment.spec["secrets"]) == {"MAPS_KEY", "SMTP_PASSWORD"}
    assert [secret.state for secret in secrets_of(environment)] == ["not looked at yet"] * 2

    assert secrets_round() == 1
    [maps, smtp] = secrets_of(environment)
    assert (maps.state, smtp.state, smtp.changed_at) == ("not set", "not set", None)
    assert smtp.full_name == f"sy-{environment.full_name}/app/SMTP_PASSWORD"
    assert smtp.command.endswith(f"--secret-id {smtp.full_name} --secret-string file:///dev/stdin")

    client = sandbox.client("secretsmanager", keys, REGION)
    client.put_secret_value(SecretId=smtp.full_name, SecretString=VALUE)
    assert secrets_round() == 1
    [maps, smtp] = secrets_of(environment)
    assert (maps.state, smtp.state) == ("not set", "set")
    assert timezone.now() - smtp.changed_at < timedelta(minutes=5)
    assert VALUE not in json.dumps(list(SecretState.objects.values()), default=str)

    own = {store.what: store for store in stores_of(environment) if "/app/" in store.physical_id}
    assert set(own) == {"the value of secret MAPS_KEY", "the value of secret SMTP_PASSWORD"}
    assert not any(store.can_keep for store in own.values())

    # Without a word on its value it does not go; named, it does.
    refused = named(people, environment, ["SMTP_PASSWORD"])
    assert refused.status == "failed" and refused.failure["reason"] == "data would be lost"
    lost = [loss["name"] for loss in refused.failure["losses"]]
    assert len(lost) == 1 and "MAPSKEY" in lost[0]
    away = named(people, environment, ["SMTP_PASSWORD"], replace=lost)
    carried_out(people, away, by=("approver", "administrator"))
    environment.refresh_from_db()
    assert secrets_round() == 1
    assert [secret.name for secret in secrets_of(environment)] == ["SMTP_PASSWORD"]
    assert SecretState.objects.get().is_set


def test_a_region_that_does_not_answer_keeps_what_was_seen(active, people, sandbox):
    Environment.objects.update(spec=active.spec | {"secrets": ["SMTP_PASSWORD"]})
    assert secrets_round() == 1
    before = SecretState.objects.get().seen_at
    sandbox.fault("dark", account=ACCOUNT_ID, region=REGION, mode="refuse")
    assert secrets_round() == 0
    assert SecretState.objects.get().seen_at == before


def test_the_tick_has_them_looked_at_once_a_minute_and_only_where_there_are_some(active, monkeypatch):
    sent = []
    monkeypatch.setattr("workers.tasks._send", lambda name, *rest, **more: sent.append(name))
    tick()
    assert "workers.secrets" not in sent and not with_secrets().exists()
    Environment.objects.update(spec=active.spec | {"secrets": ["SMTP_PASSWORD"]})
    tick()
    tick()
    minute = timezone.now().replace(second=0, microsecond=0)
    assert sent.count("workers.secrets") in (1, 2)
    assert occurrence_is_taken("secrets", minute)


def test_a_teardown_counts_each_secret_and_says_whether_it_has_a_value(active, people, sandbox, keys):
    carried_out(people, named(people, active, ["SMTP_PASSWORD"]))
    name = f"sy-{active.full_name}/app/SMTP_PASSWORD"
    client = sandbox.client("secretsmanager", keys, REGION)
    client.put_secret_value(SecretId=name, SecretString=VALUE)
    environment = Environment.objects.get()
    copies = {store.key: False for store in stores_of(environment)}
    operation = drive(
        environment_teardown(
            environment=environment, confirm=environment.name, copies=copies, actor=people["team-lead"]
        ),
        until=lambda row: row.status in ("awaiting-approval", "succeeded", "failed"),
    )
    losses = Operation.objects.get(pk=operation.pk).plan.document["losses"]
    [told] = [loss for loss in losses if "SMTP_PASSWORD" in loss["store"]]
    assert told["store"] == "The value of secret SMTP_PASSWORD"
    assert told["what"] == "a value, which nobody can read again afterwards" and told["count"] == 1
