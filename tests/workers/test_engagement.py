"""An environment with usage events and notifications: built, used as people use it, and torn down to nothing."""

import json
import time

import httpx
import pytest

from environments.lifecycle.models import Environment, TeardownReport
from environments.lifecycle.stores import stores_of
from environments.lifecycle.update import environment_update
from tests.workers.support import ACCOUNT_ID, REGION, approve, ask_teardown, drive, look
from workers.names import names_of

pytestmark = pytest.mark.django_db(transaction=True)

MODULES = ["identity", "notifications", "analytics"]
SERVICE_ACCOUNT = json.dumps({"type": "service_account", "private_key": "a key"})


def asked(sandbox, environment, method, path, body=None):
    """A browser's request for the environment's address."""
    return httpx.request(
        method,
        sandbox.url + path,
        headers={"Host": environment.spec["domain"]},
        json=body,
        timeout=60,
        trust_env=False,
    )


def soon(look, within_s=60):
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError("It did not come in time.")


def notified(sandbox, keys, environment, *, region=REGION, **order):
    """What the application has noted of an order that was put into a region's queue, once it is finished."""
    name = names_of(environment)["orders-queue"]
    queue = f"https://sqs.{region}.amazonaws.com/{environment.account.account_id}/{name}"
    sent = sandbox.client("sqs", keys, region).send_message(
        QueueUrl=queue, MessageBody=json.dumps({"title": "New", "body": "Somebody answered.", **order})
    )

    def finished():
        answer = asked(sandbox, environment, "GET", f"/orders/{sent['MessageId']}")
        return answer.json() if answer.status_code == 200 and answer.json()["state"] == "finished" else None

    return soon(finished)


@pytest.mark.timeout(400)
def test_events_become_a_segment_and_the_segment_gets_a_message(ask, people, sandbox, keys):
    operation = drive(ask(modules=MODULES), within_s=180)
    assert operation.status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    bucket = names_of(environment)["events-bucket"]

    # Credentials come first, the channel after them.
    sandbox.client("secretsmanager", keys, REGION).put_secret_value(
        SecretId=names_of(environment)["push-fcm-secret"], SecretString=SERVICE_ACCOUNT
    )
    changes = {"push": ["fcm"], "sign_in_mail": "ses"}
    update = environment_update(environment=environment, changes=changes, actor=people["team-lead"])
    drive(update)
    update = drive(approve(update, people), within_s=180)
    assert update.status == "succeeded", update.sentence

    # Users get their codes from the environment's own domain, whose identity is verified by now.
    [pool] = environment.resources().filter(type="AWS::Cognito::UserPool")
    cognito = sandbox.client("cognito-idp", keys, REGION)
    mail = cognito.describe_user_pool(UserPoolId=pool.physical_id)["UserPool"]["EmailConfiguration"]
    assert mail["EmailSendingAccount"] == "DEVELOPER"
    assert mail["From"] == f"no-reply@{environment.spec['domain']}"

    # People use the application; what they do comes to the bucket as Parquet, by the day.
    events = [{"name": "opened", "user_sub": f"user-{n}", "platform": "ios"} for n in (1, 2, 3)]
    answer = asked(sandbox, environment, "POST", "/events", events)
    assert (answer.status_code, answer.json()) == (202, {"taken": 3})
    s3 = sandbox.client("s3", keys, REGION)

    def files():
        found = s3.list_objects_v2(Bucket=bucket, Prefix="events/day=")
        return [row["Key"] for row in found.get("Contents", ())]

    assert all(key.endswith(".parquet") for key in soon(files))

    # A segment of them is counted, and then notified, on the devices that are known.
    table = names_of(environment)["devices-table"]
    for number in (1, 2):
        device = {"user_sub": f"user-{number}", "token": f"phone-{number}", "channel": "GCM"}
        sandbox.client("dynamodb", keys, REGION).put_item(
            TableName=table, Item={name: {"S": value} for name, value in device.items()}
        )
    dry = soon(lambda: notified_all(sandbox, keys, environment, dry_run=True))
    assert (dry["devices"], dry.get("sent", 0)) == (2, 0)
    before = len(sandbox.control("GET", "sent", account=ACCOUNT_ID, region=REGION))
    real = notified(sandbox, keys, environment, segment="active-7-days")
    assert (real["people"], real["sent"], real.get("failed", 0)) == (3, 2, 0)
    new = sandbox.control("GET", "sent", account=ACCOUNT_ID, region=REGION)[before:]
    assert sorted(message["token"] for message in new) == ["phone-1", "phone-2"]
    mails = notified(sandbox, keys, environment, mails=["ann@example.com"])
    assert mails["sent"] == 1

    # The events stay, and the key that opens them; nothing else does.
    for _ in range(3):
        look(operation.scope)
    events = next(store.key for store in stores_of(environment) if store.physical_id == bucket)
    operation = drive(ask_teardown(people, environment, keep=(events,)), within_s=240)
    assert operation.status == "succeeded", operation.sentence
    lost = {row["key"]: row for row in operation.state["losses"]}
    assert lost[events]["copy"] is True and lost[events]["count"] > 0
    assert any(row["key"].startswith("messaging.Devices") and not row["copy"] for row in lost.values())
    report = TeardownReport.objects.get()
    assert report.left_over == []
    assert {row["type"] for row in report.kept} == {"AWS::S3::Bucket", "AWS::KMS::Key"}
    assert bucket in {row["id"] for row in report.kept}
    assert files()
    left = sandbox.control("GET", "resources", account=ACCOUNT_ID)
    name = f"sy-{environment.full_name}"
    # The stacks' own records stay for a while, as in AWS.
    gone = ("AWS::KMS::Alias", "AWS::CloudFormation::Stack")
    named = {row["id"] for row in left if name in row["id"] and row["type"] not in gone}
    assert named == {bucket}


def notified_all(sandbox, keys, environment, **order):
    """The order's note once all three events have come through; None until then."""
    note = notified(sandbox, keys, environment, segment="active-7-days", **order)
    return note if note["people"] == 3 else None
