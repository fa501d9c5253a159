"""A release, people, and an account in the local AWS that was added by the very operation that adds accounts.

This file is loaded before Django is set up when a path in this folder is named: what needs Django is in support.
"""

import json

import pytest

from devtools.calls import CALLS, unrecorded
from tests.recording import record_key


@pytest.fixture(scope="session")
def recorded():
    """What `make calls` has written, which the roles' policies are made from."""
    return json.loads(CALLS.read_text())


@pytest.fixture(autouse=True)
def _asks_for_nothing_unrecorded(request, kept):
    """A flow that asks AWS for something new fails here, even where a wildcard of the policies lets it pass."""
    if "sandbox" not in request.fixturenames or record_key in request.config.stash:
        yield
        return
    sandbox, known = request.getfixturevalue("sandbox"), request.getfixturevalue("recorded")
    # Tests of the sandbox itself, which share it in this process, have roles of the same names.
    decisions_since(sandbox, kept)
    yield
    new = unrecorded(decisions_since(sandbox, kept), known)
    assert not new, "\n".join(new)


def decisions_since(sandbox, kept):
    """What was decided since the last call of this."""
    decisions = sandbox.control("GET", "decisions", after=kept.get("decisions", 0))
    kept["decisions"] = max((row["n"] for row in decisions), default=kept.get("decisions", 0))
    return decisions


@pytest.fixture
def release(transactional_db, kept):
    """The working copy's blueprint, registered by the command."""
    from tests.workers import support

    return support.release(kept)


@pytest.fixture
def people(transactional_db, kept):
    """One person per portal role, by role, all in the team Shop."""
    from tests.workers import support

    return support.people(kept)


@pytest.fixture
def keys(sandbox, portal_principal, settings):
    """Root keys of the account in the sandbox, which the settings reach as the demo's do."""
    from tests.workers import support

    settings.PORTAL_PRINCIPAL_ARN = "arn:aws:iam::100000000001:user/switchyard-portal"
    return sandbox.account(support.ACCOUNT_ID)


@pytest.fixture
def account(release, people, sandbox, keys, kept):
    """An account that is ready, with bootstrap, baseline and facts."""
    from tests.workers import support

    return support.account(release, people, sandbox, keys, kept)


@pytest.fixture
def ask(release, account, people):
    """Ask for an environment, `ask(tier=…)`; dev and small is approved by rule. Answers the operation."""
    from tests.workers import support

    return support.asking(release, account, people)


@pytest.fixture
def trace(tmp_path, monkeypatch):
    """The file to which this process writes each fault point that it passes."""
    file = tmp_path / "trace"
    monkeypatch.setenv("SWITCHYARD_FAULT_TRACE", str(file))
    return file


@pytest.fixture
def build(ask, people, moments):
    """An environment that runs, `build(size=…)`: workers build one of those fields once in this process, and it is put
    back for later tests, in the database and in the local AWS. It comes first, for it takes the place of all there is.
    """
    from tests.workers import support

    return support.building(ask, people, moments)


@pytest.fixture
def active(build):
    """A small dev environment that runs."""
    return build()
