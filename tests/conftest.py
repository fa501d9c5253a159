"""Real servers for every test that needs them, started once per process of tests, on free ports of 127.0.0.1.

Tests of wings that know no Django (sandbox, blueprint, devtools) start no server: run alone, they are quick.
"""

import gc
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from devtools import processes, slots
from devtools.live import LiveAccount
from devtools.moments import Moments
from devtools.node import link_node, with_our_tools
from devtools.places import ROOT, STATE, tool
from devtools.sandbox import PORTAL_PRINCIPAL_ARN, Keys, Sandbox, clean_environment
from devtools.scratch import ScratchDatabase
from devtools.servers import Servers
from devtools.trouble import Trouble
from tests.conforming import live_key
from tests.recording import record_key

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from devtools.postgres import Postgres
    from devtools.valkey import Valkey

WITHOUT_DJANGO = ("sandbox", "blueprint_cdk", "devtools")

# What a test takes that uses all of these fixtures, in about as many seconds: the first row that fits.
SECONDS = (
    ({"demo"}, 25.0),
    ({"portal_env", "house"}, 12.0),
    ({"visit"}, 4.0),
    ({"sandbox", "ask"}, 3.0),
    ({"sandbox"}, 0.3),
    ({"db"}, 0.1),
    (set[str](), 0.02),
)

slot_key = pytest.StashKey[slots.Slot]()
servers_key = pytest.StashKey[Servers]()
port_key = pytest.StashKey[int]()
shared_key = pytest.StashKey[Sandbox]()


def needs_django(arguments: list[str], invoked_from: Path) -> bool:
    """Whether one of the paths that pytest was asked for can hold a test that needs the portal."""
    plain = [ROOT / "tests" / name for name in WITHOUT_DJANGO]
    for argument in arguments:
        path = (invoked_from / argument.split("::")[0]).resolve()
        if not any(path == folder or folder in path.parents for folder in plain):
            return True
    return not arguments


def hands_out(config: pytest.Config) -> bool:
    """Whether this process only hands the tests out to others (pytest-xdist), which have servers of their own each."""
    return config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")


def pytest_configure(config: pytest.Config) -> None:
    """Start the servers and set Django up before a test module is imported."""
    if live_key not in config.stash:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            del os.environ[name]
        os.environ.update(clean_environment({}))
    os.environ.update(with_our_tools(os.environ))
    link_node()
    if config.getoption("help", False) or hands_out(config):
        return
    try:
        slot = config.stash[slot_key] = slots.take_slot(STATE / "test")
    except Trouble as trouble:
        raise pytest.UsageError(str(trouble)) from None
    # For what we start: this process, and pytest's own folders with it, keeps the system's place.
    os.environ["TMPDIR"] = str(take_temporary_folder(slot))
    if not needs_django(config.args, config.invocation_params.dir):
        return
    try:
        servers = config.stash[servers_key] = Servers.at(slot.folder, durable=False)
        start_on_old_data(servers)
    except Trouble as trouble:
        raise pytest.UsageError(str(trouble)) from None
    (slot.folder / "static").mkdir(exist_ok=True)
    port = config.stash[port_key] = processes.free_port()
    os.environ.update(portal_environment(servers, slot, port))
    import django

    django.setup()


def take_temporary_folder(slot: slots.Slot) -> Path:
    """A folder for the temporary files of all that this process starts, some of which is killed before it tidies up.

    What an earlier run of the slot could not remove, since it was killed itself, is removed now.
    """
    note = slot.folder / "temporary"
    if note.exists():
        shutil.rmtree(note.read_text(), ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="switchyard-tests-"))
    folder.chmod(0o1777)  # as the system's own: servers run as other users
    note.write_text(str(folder))
    return folder


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where files are handed out to processes: long ones first, so that none begins when all others are over."""
    if not hasattr(config, "workerinput"):
        return
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    items[:] = [item for file in sorted(files.values(), key=_seconds, reverse=True) for item in file]


def pytest_collection_finish(session: pytest.Session) -> None:
    """What was imported and collected stays to the end: the collector of garbage need not look at it again and again,
    nor at all that tests keep (jsii every construct) as often as it does in a process of usual size.
    """
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _seconds(file: list[pytest.Item]) -> float:
    """What the tests of a file take in all, about: enough to tell a minute from a second."""
    guessed = sum(
        next(seconds for names, seconds in SECONDS if names <= set(getattr(item, "fixturenames", ())))
        for item in file
    )
    # Who asks for more time than others takes a fifth of it, and often more than its fixtures tell.
    asked = max((mark.args[0] for item in file for mark in item.iter_markers("timeout")), default=0.0)
    return max(guessed, asked / 5)


def start_on_old_data(servers: Servers) -> None:
    """Start; when data of an earlier run is beyond repair (it is written without fsync), begin anew."""
    try:
        servers.start()
    except Trouble:
        shutil.rmtree(servers.postgres.data, ignore_errors=True)
        servers.start()


def portal_environment(servers: Servers, slot: slots.Slot, sandbox_port: int) -> dict[str, str]:
    """The settings' variables of a test run (ARCHITECTURE: the audit is out of reach in tests too)."""
    from cryptography.fernet import Fernet

    return {
        **servers.environment("test_switchyard"),
        "DJANGO_SETTINGS_MODULE": "portal.settings.test",
        "SECRET_KEY": "tests-only-" + "0123456789abcdef" * 4,
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "ARTIFACTS_DIR": str(slot.folder / "artifacts"),
        "SYNTHESIS_SOCKET": str(slot.folder / "synthesis.sock"),
        "SANDBOX_URL": f"http://127.0.0.1:{sandbox_port}",
        "STATIC_ROOT": str(slot.folder / "static"),
        "PORTAL_PRINCIPAL_ARN": PORTAL_PRINCIPAL_ARN,
        "LOG_FORMAT": "console",
        "LOG_LEVEL": "WARNING",
    }


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what was started; the data folder stays for the next run, which starts in a moment on it."""
    if servers_key in config.stash:
        config.stash[servers_key].stop()
    if slot_key in config.stash:
        slot = config.stash[slot_key]
        shutil.rmtree((slot.folder / "temporary").read_text(), ignore_errors=True)
        slot.release()


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """PostgreSQL and Valkey of this run."""
    return pytestconfig.stash[servers_key]


@pytest.fixture(scope="session")
def postgres(servers: Servers) -> "Postgres":
    """The database server: `.restart()`, `.superuser()`, `.url(role, database)`."""
    return servers.postgres


@pytest.fixture(scope="session")
def valkey(servers: Servers) -> "Valkey":
    """The broker: `.stop()`, `.start()`, `.restart()`."""
    return servers.valkey


@pytest.fixture(scope="session")
def scratch_database(servers: Servers) -> ScratchDatabase:
    """The test database; `.empty()` puts it back to what migrating left."""
    return ScratchDatabase(servers.postgres)


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, scratch_database: ScratchDatabase
) -> Iterator[None]:
    """Replaces pytest-django's: the owner migrates (`migrate --database owner`), the app's role tests."""
    from django.core.management import call_command
    from django.db import connections
    from django.test import TransactionTestCase

    def migrate(database: str) -> None:
        name_databases(database)
        call_command("migrate", database="owner", verbosity=0, interactive=False)
        connections.close_all()

    def name_databases(database: str) -> None:
        connections.close_all()
        for alias in connections:
            connections[alias].settings_dict["NAME"] = database

    with django_db_blocker.unblock():
        scratch_database.create(migrate)
        name_databases(scratch_database.name)
    patch = pytest.MonkeyPatch()
    # Django would flush as the limited role, with TRUNCATE, which it must not have.
    patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _case: scratch_database.empty())
    yield
    patch.undo()
    with django_db_blocker.unblock():
        connections.close_all()
        scratch_database.drop()


@pytest.fixture(scope="session")
def portal_env(django_db_setup: None) -> dict[str, str]:
    """The whole environment for a web, worker or beat process of ours that works on the test database.

    Without DATABASE_OWNER_URL, as in production. The test needs `transactional_db`, or the process sees no row of it.
    """
    return {name: value for name, value in os.environ.items() if name != "DATABASE_OWNER_URL"}


@pytest.fixture(scope="session")
def sandbox(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Sandbox | LiveAccount]:
    """The local AWS at speed 0: `.url`, `.account(id)` root keys, `.client(service, keys, region)`, `.control(…)`,
    `.fault(…)`, `.settings(…)`. One for the run: use account ids of your own. Faults are lifted after each test."""
    if live := pytestconfig.stash.get(live_key, None):
        yield live
        return
    port = pytestconfig.stash.get(port_key, 0) or processes.free_port()
    record = pytestconfig.stash.get(record_key, None)
    process = Sandbox(tmp_path_factory.mktemp("sandbox") / "state", port, enforce_iam=record is None)
    process.start()
    process.after_test()
    pytestconfig.stash[shared_key] = process
    yield process
    if record is not None:
        record.write_text(json.dumps(process.control("GET", "decisions")))
    process.stop()


@pytest.fixture(scope="session")
def portal_principal(sandbox: Sandbox) -> Keys:
    """Keys of the portal's own IAM user in the sandbox; settings and environment of this run carry them."""
    keys = sandbox.portal_principal()
    named = {
        "PORTAL_AWS_ACCESS_KEY_ID": keys.access_key_id,
        "PORTAL_AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
    }
    os.environ.update(named)
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        from django.conf import settings

        for name, value in named.items():
            setattr(settings, name, value)
    return keys


@pytest.fixture(autouse=True)
def _lift_faults(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing that a test armed (or made in a live account) reaches the next one."""
    process: Sandbox | LiveAccount | None = (
        request.getfixturevalue("sandbox") if "sandbox" in request.fixturenames else None
    )
    yield
    if process is not None:
        process.after_test()
    if process is not None and process is request.config.stash.get(shared_key, None):
        ahead = process.control("GET", "clock")["ahead_s"]
        assert not ahead, (
            "The clock of the run's sandbox was put forward: give this test a sandbox of its own."
        )


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium for browser tests. Missing is a failure: `.ci/run` installs it."""
    named = os.environ.get("CHROMIUM", "")
    found = (
        [named]
        if named
        else [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    )
    for path in found:
        if path and Path(path).exists():
            return path
    pytest.fail("Browser tests need Chromium: install it (Debian: apt-get install chromium) or set CHROMIUM.")


@pytest.fixture(scope="session")
def browser(chromium: str) -> "Iterator[Browser]":
    """One browser for the run."""
    # Playwright's loop runs in this thread from now on; the tests' own queries are as synchronous as ever.
    os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def kept() -> dict[str, Any]:
    """Rows that are dear to make, kept between tests: each test begins with an empty database."""
    return {}


@pytest.fixture(scope="session")
def moments(sandbox: Sandbox, scratch_database: ScratchDatabase, django_db_setup: None) -> Moments:
    """What database and local AWS held at some moment: `.once(name, come_to)` comes to it, or goes back to it."""
    return Moments(sandbox, scratch_database)


@pytest.fixture(scope="session")
def manage() -> list[str]:
    """The beginning of a `manage.py` command line."""
    return [str(tool("python")), str(ROOT / "manage.py")]
