"""Usage events and notifications while the home region is dark: the application of the other region takes and sends
them, with what had followed from home; and what it took is at home afterwards.
"""

import pytest

from tests.workers.test_engagement import SERVICE_ACCOUNT, asked, notified, soon
from tests.workers.test_standby import (  # noqa: F401 - fixtures
    ACCOUNT,
    ENGAGING,
    HOME,
    OTHER,
    WITHIN_S,
    ask,
    carry_out,
    change,
    home_withdrawn,
    wide,
)
from workers.names import names_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(900)]


@pytest.fixture
def keys(sandbox):
    return sandbox.account(ACCOUNT)


@pytest.fixture
def there(sandbox, keys):
    """Clients by service and region."""
    return lambda service, region: sandbox.client(service, keys, region)


def test_the_other_region_takes_events_and_sends_while_home_is_dark(ask, people, sandbox, keys, there):  # noqa: F811
    environment = ask("meets", standby="warm", other_region=OTHER, modules=ENGAGING)
    names = names_of(environment)
    there("secretsmanager", HOME).put_secret_value(
        SecretId=names["push-fcm-secret"], SecretString=SERVICE_ACCOUNT
    )
    carry_out(people, change(people, environment, {"push": ["fcm"]}))

    # At home somebody uses the application, on a device that is known.
    event = {"name": "opened", "user_sub": "ann", "platform": "ios"}
    assert asked(sandbox, environment, "POST", "/events", [event]).status_code == 202
    device = {"user_sub": "ann", "token": "phone-of-ann", "channel": "GCM"}
    there("dynamodb", HOME).put_item(
        TableName=names["devices-table"], Item={name: {"S": value} for name, value in device.items()}
    )

    def files(region):
        bucket = names["events-bucket"].replace(HOME, region)
        found = there("s3", region).list_objects_v2(Bucket=bucket, Prefix="events/day=")
        return {row["Key"] for row in found.get("Contents", ())}

    before = soon(lambda: files(OTHER))

    home_withdrawn(sandbox, environment)
    soon(lambda: OTHER in asked(sandbox, environment, "GET", "/").text)
    sandbox.fault("dark", region=HOME, account=ACCOUNT)
    try:
        event["user_sub"] = "bob"
        answer = asked(sandbox, environment, "POST", "/events", [event])
        assert (answer.status_code, answer.json()) == (202, {"taken": 1})
        soon(lambda: files(OTHER) - before)

        def both():
            note = notified(sandbox, keys, environment, region=OTHER, segment="active-7-days")
            return note if note["people"] == 2 else None

        # Of both regions' users, who was told of at home and who came here; on the device that home knew.
        note = soon(both)
        assert (note["devices"], note["sent"], note.get("failed", 0)) == (1, 1, 0)
        assert notified(sandbox, keys, environment, region=OTHER, mails=["ann@example.com"])["sent"] == 1
        sent = sandbox.control("GET", "sent", account=ACCOUNT, region=OTHER)
        assert "phone-of-ann" in {one.get("token") for one in sent}
    finally:
        sandbox.lift_faults()
    # What was taken there is at home, once that answers.
    soon(lambda: files(OTHER) <= files(HOME))
