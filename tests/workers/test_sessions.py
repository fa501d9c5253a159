"""Clients of a role: which are shared, and whose hooks their calls pass."""

import pytest

from tests.workers.support import REGION
from workers.aws import session as sessions
from workers.aws.session import Role, Session, credentials_forget
from workers.context import connection

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def session_of(account):
    """session_of(name, told) is a session of the account's reader, which tells what it calls to a list."""

    def make(name, told):
        role = Role(account.reader_role_arn, account.external_id, name, "tests")

        def hook(service, operation):
            told.append(f"{service}.{operation}")

        return Session(connection(), role, REGION, before=hook, after=hook, is_on_sandbox=True)

    credentials_forget()
    yield make
    credentials_forget()


def test_the_next_look_has_the_same_client_and_its_own_hooks(session_of):
    first, second = [], []
    client = session_of("operation-1", first).client("cloudformation")
    client.describe_stacks()
    assert session_of("operation-1", second).client("cloudformation") is client
    client.describe_stacks()
    assert second == ["cloudformation.DescribeStacks"] * 2
    assert first == ["sts.AssumeRole"] * 2 + second


def test_what_has_other_credentials_region_or_time_outs_has_another_client(session_of, settings):
    told = []
    one = session_of("operation-1", told)
    client = one.client("cloudformation")
    others = [
        session_of("operation-2", told).client("cloudformation"),
        one.client("cloudformation", region="us-east-1"),
    ]
    settings.AWS_READ_TIMEOUT_S += 1
    others.append(session_of("operation-1", told).client("cloudformation"))
    credentials_forget()
    others.append(one.client("cloudformation"))
    assert len({id(found) for found in [client, *others]}) == 5


def test_no_more_are_kept_than_it_says(session_of, monkeypatch):
    monkeypatch.setattr(sessions, "KEPT", 3)
    one = session_of("operation-1", [])
    clients = [one.client(service) for service in ("s3", "sqs", "rds")]
    assert one.client("sqs") is clients[1] and one.client("rds") is clients[2]
    assert one.client("cloudformation") and one.client("rds") is clients[2]
    assert one.client("s3") is not clients[0]


def test_without_a_key_of_its_own_the_portal_is_who_it_runs_as(session_of, settings, monkeypatch):
    """On an instance or a task boto3 finds the role's credentials: here they are in the environment."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", settings.PORTAL_AWS_ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", settings.PORTAL_AWS_SECRET_ACCESS_KEY)
    monkeypatch.setattr(sessions, "_session", None)
    settings.PORTAL_AWS_ACCESS_KEY_ID = settings.PORTAL_AWS_SECRET_ACCESS_KEY = ""
    assert session_of("operation-1", []).client("cloudformation").describe_stacks()["Stacks"]
