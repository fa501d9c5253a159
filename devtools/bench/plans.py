"""The plan of an environment that nothing changes in: how long the portal takes to say so."""

import statistics
from typing import Any

from devtools.bench.report import Section, verdict
from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.seed import ENDED, ENVIRONMENT, People
from devtools.postgres import DATABASE
from devtools.trouble import Trouble

ROUNDS = 5
AIM_S = 2.0
SUFFIX = "+same"
COLUMNS = "blueprint_id, digest, artifact, description, is_default, is_withdrawn, registered_at"


def measure(house: House, people: People) -> Section:
    """An update to a release with the same content, which ends as "Nothing to change", several times."""
    house.sandbox.settings(speed=0)
    name = str(ENVIRONMENT["name"])
    asking, approving = (Api(house.url, people[role].api_token) for role in ("team-lead", "approver"))
    old = str(asking.get(f"environments/{name}/")["release"])
    same = _release_again(house, old)
    operation = _ended(asking, asking.post(f"environments/{name}/update/", {"release": same}), approving)
    if operation["status"] != "succeeded":
        raise Trouble(f"{name}: {operation['status']}. {operation['sentence']}")
    seconds, calls = [], []
    for _ in range(ROUNDS):
        _told_as(house, name, old)
        before = house.sandbox.control("GET", "requests/counts")["last"]
        operation = _ended(asking, asking.post(f"environments/{name}/update/", {"release": same}), approving)
        if not operation["sentence"].startswith("Nothing to change"):
            raise Trouble(f"{name} was to be unchanged: {operation['sentence']}")
        seconds.append(_took(house, int(operation["id"])))
        counted = house.sandbox.control("GET", "requests/counts", after=before)["by_operation"]
        calls.append(sum(counted.values()))
    worst = max(seconds)
    return Section(
        title="Plan of an unchanged environment",
        how=f"`make bench ONLY=plans`. A {ENVIRONMENT['size']} environment, durations 0, {ROUNDS} times: from the "
        "request's row to the operation's end as nothing to change (facts, what runs, synthesis, every stack's "
        "deployed template against the new one, costs). The sandbox's own time is in the figure.",
        columns=("what", "median", "worst", "aim"),
        rows=[
            (
                "plan, s",
                f"{statistics.median(seconds):.2f}",
                f"{worst:.2f}",
                f"at most {AIM_S:.0f} beyond the sandbox's own: {verdict(worst, AIM_S)}",
            ),
            ("AWS calls", f"{statistics.median(calls):.0f}", f"{max(calls)}", ""),
        ],
    )


def _release_again(house: House, version: str) -> str:
    """A second release of the same content; answers its version."""
    again = f"{version}{SUFFIX}"
    with house.servers.postgres.superuser(DATABASE) as connection:
        connection.execute(
            f"INSERT INTO lifecycle_release (version, {COLUMNS}) "  # noqa: S608 - constants
            "SELECT %s, blueprint_id, digest, artifact, description, false, false, registered_at "
            "FROM lifecycle_release WHERE version = %s ON CONFLICT DO NOTHING",
            [again, version],
        )
        connection.commit()
    return again


def _told_as(house: House, name: str, version: str) -> None:
    """Let the portal's row say that the environment is of the release before; its stacks stay as they are."""
    with house.servers.postgres.superuser(DATABASE) as connection:
        connection.execute(
            "UPDATE lifecycle_environment SET release_id = (SELECT id FROM lifecycle_release WHERE version = %s) "
            "WHERE name = %s AND gone_at IS NULL",
            [version, name],
        )
        connection.commit()


def _took(house: House, operation_id: int) -> float:
    with house.servers.postgres.superuser(DATABASE) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM ended_at - requested_at) FROM operations_operation WHERE id = %s",
            [operation_id],
        ).fetchone()
    assert row is not None
    return float(row[0])


def _ended(asking: Api, operation: dict[str, Any], approving: Api) -> dict[str, Any]:
    while operation["status"] not in ENDED:
        if operation["status"] == "awaiting-approval":
            said = {"hash": operation["plan"]["hash"], "comment": ""}
            approving.post(f"operations/{operation['id']}/approve/", said)
        operation = asking.get(f"operations/{operation['id']}/", wait=5)
    return operation
