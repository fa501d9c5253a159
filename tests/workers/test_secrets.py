"""Planted secrets are found in no row, log, event, page, process list or assembly; and the search finds what is there.

Real processes: web, worker, beat and synthesis, on real PostgreSQL and Valkey, before the sandbox.
"""

import base64
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import psutil
import pyotp
import pytest
from django.urls import reverse

from devtools import processes
from environments.lifecycle.models import ApprovalRule, Environment
from environments.notifications.models import Channel
from environments.operations.events import Draft, events_write
from environments.operations.models import Event, Operation
from environments.people.models import TokenScope, User
from environments.people.services import token_create
from portal.pages.environment_parts.base import all_parts
from tests import factories
from tests.factories import proposal_make
from tests.portal.test_who_sees_what import PAGES, address_of
from tests.receiving import receiving
from tests.workers import hunting
from tests.workers.houses import House
from tests.workers.hunting import Hunt
from tests.workers.support import ACCOUNT_ID, REGION, ask_teardown
from workers.secrets import secrets_round

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

PASSWORD = "planted-Password-of-a-person-7"
MISTYPED = "planted-Password-with-a-slip-8"
MAIL_PASSWORD = "planted-Password-for-mail-9"
CHAT_TOKEN = "planted-Token-of-a-chat-10"


@pytest.fixture
def house(portal_env, portal_principal, tmp_path):
    """Web, worker with beat, and a synthesis process of their own; each with a log."""
    names = ("PORTAL_AWS_ACCESS_KEY_ID", "PORTAL_AWS_SECRET_ACCESS_KEY")
    environment = {
        **portal_env,
        **{name: os.environ[name] for name in names},
        "SYNTHESIS_SOCKET": str(tmp_path / "synthesis.sock"),
    }
    environment["NOTIFY_NETWORKS"] = "127.0.0.0/8"
    environment["MAIL_URL"] = f"smtp://switchyard:{MAIL_PASSWORD}@127.0.0.1:{processes.free_port()}"
    house = House(tmp_path, environment).start()
    port = processes.free_port()
    web = [sys.executable, "-m", "gunicorn", "portal.wsgi:application", "--bind", f"127.0.0.1:{port}"]
    web += ["--access-logfile", "-", "--capture-output", "--threads", "4"]
    running = processes.start("web", web, log=tmp_path / "web.log", env=house.environment)
    house.running.append(running)
    house.url = f"http://127.0.0.1:{port}"
    processes.wait_until(running, lambda: not processes.port_is_free(port), within_s=60)
    yield house
    house.stop()


class Browser:
    """A person at the portal's pages: forms with their tokens, cookies, redirects."""

    def __init__(self, url):
        self.client = httpx.Client(base_url=url, follow_redirects=True, timeout=60, trust_env=False)

    def post(self, address, shown=None, **fields):
        """Fill the form of the page `shown`; without one, of the address itself."""
        shown = shown or self.client.get(address)
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', shown.text)
        assert token, shown.text
        fields["csrfmiddlewaretoken"] = token[1]
        return self.client.post(address, data=fields, headers={"Referer": f"{self.client.base_url}"})


@pytest.fixture
def signed_in(house, people):
    """An administrator who mistyped the password, then set a second factor up by hand. `.totp` is its secret."""
    person = people["administrator"]
    person.set_password(PASSWORD)
    person.is_staff = True
    person.save()
    browser = Browser(house.url)
    browser.post(reverse("account_login"), login=person.username, password=MISTYPED)
    browser.post(reverse("account_login"), login=person.username, password=PASSWORD)
    address = reverse("mfa_activate_totp")
    shown = browser.client.get(address)
    browser.totp = re.search(r'value="([A-Z2-7]{32})"', shown.text)[1]
    # The secret is shown and not yet proved: its session must not tell it.
    browser.pending = list(hunting.sessions_as_stored())
    browser.post(address, shown, code=pyotp.TOTP(browser.totp).now())
    assert browser.client.get("/").url.path == "/"
    yield browser
    browser.client.close()


@pytest.fixture
def receiver():
    """Where webhooks and chats of the story lead."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def script(house, people, receiver):
    """A token that was made over the API, by another one, with an idempotency key; a webhook and a chat by it."""
    _, first = token_create(
        user=people["team-lead"], name="first", scopes=TokenScope.values, days=1, actor=people["team-lead"]
    )
    client = httpx.Client(base_url=f"{house.url}/api/v1/", timeout=60, trust_env=False)
    client.headers["Authorization"] = f"Bearer {first}"
    body = {"name": "planted", "scopes": TokenScope.values}
    made = client.post("tokens/", json=body, headers={"Idempotency-Key": "planted"})
    assert made.status_code == 201, made.text
    client.headers["Authorization"] = f"Bearer {made.json()['token']}"
    client.planted = {"first API token": first, "API token": made.json()["token"]}
    told = {"name": "ci", "team": "shop", "groups": ["failed", "done"]}
    hook = client.post(
        "webhooks/", json={**told, "url": receiver.url}, headers={"Idempotency-Key": "planted hook"}
    )
    old = hook.json()["secret"]
    new = client.post(f"webhooks/{hook.json()['id']}/rotate/", json={}).json()["secret"]
    client.planted |= {"a webhook's secret": new[6:], "a webhook's secret before": old[6:]}
    chat = f"json://127.0.0.1:{receiver.port}/{CHAT_TOKEN}"
    assert client.post("chats/", json={**told, "address": chat}).status_code == 201
    yield client
    client.close()


@pytest.fixture
def story(house, signed_in, script, ask, account, sandbox, keys, people):
    """An environment comes and goes, with a failure on its way; what was seen of processes meanwhile."""
    seen = []

    def through(operation):
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            operation.refresh_from_db()
            seen.extend(hunting.command_lines(process.popen.pid for process in house.running))
            if operation.is_ended:
                return operation
            time.sleep(0.3)
        raise AssertionError(operation.sentence)

    sandbox.fault(
        "failing-type", type="AWS::RDS::DBCluster", action="create", account=ACCOUNT_ID, message="No room."
    )
    asked = script.post(
        "environments/",
        json={
            "name": "planted",
            "team": "shop",
            "tier": "dev",
            "size": "small",
            "account": account.name,
            "home_region": REGION,
            "secrets": ["SMTP_PASSWORD"],
        },
        headers={"Idempotency-Key": "asked"},
    )
    assert asked.status_code == 202, asked.text
    operation = Operation.objects.get(pk=asked.json()["id"])
    assert through(operation).status == "failed"
    sandbox.lift_faults()
    assert script.post(f"operations/{operation.pk}/retry/", json={}).status_code == 200
    assert through(operation).status == "succeeded", operation.sentence
    environment = Environment.objects.get()
    manager = sandbox.client("secretsmanager", keys, REGION)
    stored = manager.get_secret_value(SecretId=f"sy-{environment.full_name}/database")["SecretString"]
    # What a person sets by the command on the page, and a worker sees as set.
    own = "an-applications-own-" + os.urandom(9).hex()
    manager.put_secret_value(SecretId=f"sy-{environment.full_name}/app/SMTP_PASSWORD", SecretString=own)
    assert secrets_round() == 1
    synthesis = int((house.folder / "synthesis.pid").read_text())
    assert psutil.Process(synthesis).is_running()
    seen += hunting.command_lines([synthesis])
    yield {
        "environment": environment,
        "operation": operation,
        "channel": Channel.objects.get(kind="webhook"),
        "password": json.loads(stored)["password"],
        "own": own,
        "command lines": seen,
        "synthesis": list(hunting.environment_of(synthesis)),
        "end": lambda: through(ask_teardown(people, environment)),
    }


def secrets_of(house, signed_in, script, story, sandbox, portal_principal):
    """Everything that is a secret in this story, by name."""
    own = house.environment
    database = urlsplit(own["DATABASE_URL"]).password
    sessions = hunting.session_secrets(sandbox, ACCOUNT_ID)
    assert any(name.startswith("session token") for name in sessions)
    return {
        "the generated database password": story["password"],
        "a secret of the application's own": story["own"],
        "the portal's AWS secret key": portal_principal.secret_access_key,
        "a person's password": PASSWORD,
        "a mistyped password": MISTYPED,
        "the mail server's password": MAIL_PASSWORD,
        "a chat's token": CHAT_TOKEN,
        "a TOTP secret": signed_in.totp,
        "SECRET_KEY": own["SECRET_KEY"],
        "FIELD_ENCRYPTION_KEYS": own["FIELD_ENCRYPTION_KEYS"],
        "the portal's database password": database,
        **script.planted,
        **sessions,
    }


def pages(browser, story, account):
    """(address, content) of every page that opens by GET, and of the API's lists and things."""
    environment, operation, channel = story["environment"], story["operation"], story["channel"]
    application = factories.application_make(
        "till",
        team=environment.team,
        owner=environment.owner,
        account=account,
        release=environment.release,
    )
    things = {
        "admin:environment": environment.pk,
        "admin:environment-deploy": environment.pk,
        "admin:environment-compare": environment.pk,
        "admin:environment-rollback": [environment.pk, 1],
        "admin:environment-teardown": environment.pk,
        "admin:environment-update": environment.pk,
        "admin:environment-extend": environment.pk,
        "admin:environment-forget": environment.pk,
        "admin:operation": operation.pk,
        "admin:operation-live": operation.pk,
        "admin:account": account.pk,
        "admin:application": application.pk,
        "admin:application-update": application.pk,
        "admin:application-remove": application.pk,
        "admin:release": environment.release_id,
        "admin:release-compare": environment.release_id,
        "admin:person": environment.owner_id,
        "admin:channel": channel.pk,
        "admin:proposal": proposal_make(environment.owner, by=User.objects.get(username="approver")).pk,
        "admin:rule": ApprovalRule.objects.earliest("id").pk,
        "admin:delivery": channel.deliveries.earliest("id").pk,
    }
    addresses = [address_of(name, things) for _, name, _, _ in PAGES]
    tabs = [part.key for part in all_parts() if part.place == "tab"]
    addresses += [f"{reverse('admin:environment', args=[environment.pk])}?tab={tab}" for tab in tabs]
    lists = browser.client.get("/api/v1/").json()
    addresses += [urlsplit(address).path for address in lists.values()]
    addresses += [
        f"/api/v1/environments/{environment.pk}/",
        f"/api/v1/environments/{environment.pk}/resources/",
        f"/api/v1/environments/{environment.pk}/revisions/",
        f"/api/v1/environments/{environment.pk}/diff/",
        f"/api/v1/operations/{operation.pk}/",
        f"/api/v1/operations/{operation.pk}/events/?after=0",
        f"/api/v1/plans/{operation.pk}/",
        f"/api/v1/accounts/{account.name}/",
        "/metrics",
        "/readyz",
        "/static/no-such-page",
    ]
    for address in addresses:
        answer = browser.client.get(address)
        assert answer.status_code in (200, 204) or "no-such" in address, (address, answer.text[:400])
        yield address, answer.content


def test_planted_secrets_are_found_nowhere(
    house, signed_in, script, story, account, sandbox, portal_principal, settings, receiver
):
    until = time.monotonic() + 30
    while len({got.path for got in receiver.got}) < 2:
        assert time.monotonic() < until, "Neither the webhook nor the chat was told."
        time.sleep(0.1)
    shown = list(pages(signed_in, story, account))
    assert len(shown) > 40
    assert story["end"]().status == "succeeded"
    hunt = Hunt(secrets_of(house, signed_in, script, story, sandbox, portal_principal))
    artifacts = Path(settings.ARTIFACTS_DIR)
    assembly = artifacts / story["operation"].state["assembly"]
    assert assembly.exists() and (house.folder / "synthesis.log").exists()
    logs = list(house.folder.glob("*.log"))
    assert {log.name for log in logs} >= {"worker-0.log", "web.log", "synthesis.log"}
    assert b"POST /api/v1/environments/" in (house.folder / "web.log").read_bytes()
    found = {
        "rows": hunt.rows(),
        "sessions": hunt.texts([*hunting.sessions_as_stored(), *signed_in.pending]),
        "logs": hunt.texts((log.name, log.read_bytes()) for log in logs),
        "pages": hunt.texts(shown),
        "command lines": hunt.texts(story["command lines"]),
        "synthesis": hunt.texts(story["synthesis"]),
        "assemblies": hunt.texts(hunting.files(artifacts)),
    }
    assert {place: sights for place, sights in found.items() if sights} == {}
    # The external id is no secret in the account's own row and page; elsewhere nobody needs it.
    external = Hunt({"the external id": account.external_id})
    assert {sight.where for sight in external.rows()} == {"lifecycle_account.external_id"}
    assert external.texts((log.name, log.read_bytes()) for log in logs) == []
    assert external.texts([*story["command lines"], *story["synthesis"]]) == []
    assert external.texts(hunting.files(artifacts / "assemblies")) == []
    environment = b"".join(content for _, content in story["synthesis"])
    assert b"PATH=" in environment and b"DATABASE" not in environment and b"AWS_" not in environment


def test_the_hunt_finds_what_is_planted(db, people, release, account, tmp_path):
    """Without this, finding nothing would prove nothing."""
    secret = "planted-for-the-hunt/to+find=it"
    hunt = Hunt({"it": secret})
    assert hunt.rows() == []
    environment = factories.environment_make(
        team=people["team-lead"].teams.get(), owner=people["team-lead"], account=account, release=release
    )
    operation = factories.operation_make(environment, status="failed", state={"deep": [{"in": secret}]})
    events_write(operation.pk, [Draft("step.failed", f"It said {secret}.")])
    assert {sight.where for sight in hunt.rows()} == {"operations_operation.state", "operations_event.text"}
    assert Event.objects.filter(text__contains=secret).exists()
    assert hunt.rows(but=[("operations_operation", "state"), ("operations_event", "text")]) == []

    log = tmp_path / "a.log"
    log.write_text(json.dumps({"event": "called", "headers": f"Authorization: {secret}"}))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("stack.template.json", json.dumps({"Value": secret}), zipfile.ZIP_DEFLATED)
    found = {Path(sight.where).name for sight in hunt.texts(hunting.files(tmp_path))}
    assert found == {"a.log", "a.zip:stack.template.json"}
    for form in (quote(secret, safe=""), base64.b64encode(f"x{secret}yz".encode()).decode()):
        assert hunt.text("page", f"<a href='/?q={form}'>")

    code = "import sys; sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code, secret], stdin=subprocess.PIPE, env={**os.environ, "PLANTED": secret}
    )
    try:
        until = time.monotonic() + 10
        while not (lines := hunt.texts(hunting.command_lines([os.getpid()]))) and time.monotonic() < until:
            time.sleep(0.05)
        assert [sight.where for sight in lines] == [f"command line of {child.pid}"]
        assert hunt.texts(hunting.environment_of(child.pid))
    finally:
        child.communicate(timeout=10)


def test_the_hunt_reads_sessions_as_a_thief_would(db, settings):
    from django.contrib.sessions.backends.db import SessionStore

    secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
    hunt = Hunt({"it": secret})

    def stored():
        session = SessionStore()
        session["mfa.totp.secret"] = secret
        session.save()
        return hunt.texts(hunting.sessions_as_stored())

    assert stored() == []
    settings.SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
    assert stored()
