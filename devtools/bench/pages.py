"""Lists and pages, by browser and by API, with many rows: 95th percentile and number of queries."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import httpx

from devtools.bench.browser import signed_in
from devtools.bench.multiply import multiply
from devtools.bench.report import Section, percentile_95, verdict
from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.seed import ENVIRONMENT, People
from devtools.postgres import DATABASE

ENVIRONMENTS, EVENTS = 10_000, 100_000
AIM_MS = 150
LOOKS = 60
PATHS = {
    "page: start": "/",
    "page: environments": "/lifecycle/environment/",
    "page: environments, searched": "/lifecycle/environment/?q=shop",
    "page: environment": "/lifecycle/environment/{environment}/change/",
    "page: operations": "/operations/operation/",
    "page: operation": "/operations/operation/{operation}/change/",
    "API: environments": "/api/v1/environments/",
    "API: environments, searched": "/api/v1/environments/?search=shop",
    "API: environment": "/api/v1/environments/{name}/",
    "API: operations": "/api/v1/operations/",
    "API: operation": "/api/v1/operations/{operation}/",
    "API: events": "/api/v1/operations/{operation}/events/?after=0",
}


@dataclass
class Subject:
    """The environment that is copied, and its operation."""

    environment: int
    operation: int
    name: str


def measure(house: House, people: People) -> Section:
    """Queries with few rows, then queries and times with many."""
    subject = _subject(house, people)
    browser = signed_in(house.url, people["team-lead"])
    headers = {"Authorization": f"Bearer {people['team-lead'].api_token}"}
    script = httpx.Client(base_url=house.url, headers=headers, timeout=60, trust_env=False)

    def get(path: str) -> None:
        client = script if path.startswith("/api/") else browser
        answer = client.get(path)
        answer.raise_for_status()

    paths = {title: path.format(**vars(subject)) for title, path in PATHS.items()}
    few = {title: _queries(house, partial(get, path)) for title, path in paths.items()}
    _fill(house, subject)
    section = Section(
        title=f"Pages and API with {ENVIRONMENTS:,} environments and {EVENTS:,} events",
        how=f"`make bench ONLY=pages`. {LOOKS} requests each, one after the other, two gunicorn processes; the aim is "
        f"a 95th percentile of {AIM_MS} ms and a number of queries that does not grow.",
        columns=("what", "p95 ms", "median ms", "aim", "queries with 1", f"queries with {ENVIRONMENTS:,}"),
    )
    for title, path in paths.items():
        times = _times(partial(get, path))
        many = _queries(house, partial(get, path))
        p95 = percentile_95(times)
        median = sorted(times)[len(times) // 2]
        row = (title, f"{p95:.0f}", f"{median:.0f}", verdict(p95, AIM_MS), str(few[title]), str(many))
        section.rows.append(row)
    return section


def _subject(house: House, people: People) -> Subject:
    api = Api(house.url, people["team-lead"].api_token)
    name = ENVIRONMENT["name"]
    environment = api.get(f"environments/{name}/")
    operation = api.all("operations/", subject=name)[0]
    return Subject(environment["id"], operation["id"], name)


def _fill(house: House, subject: Subject) -> None:
    earlier = "now() - n * interval '1 min'"
    with house.servers.postgres.superuser(DATABASE) as connection:
        multiply(
            connection,
            "lifecycle_environment",
            subject.environment,
            ENVIRONMENTS,
            {
                "name": "'copy-' || n",
                "suffix": "lpad(to_hex(n), 4, '0')",
                "created_at": earlier,
            },
        )
        multiply(
            connection,
            "operations_operation",
            subject.operation,
            ENVIRONMENTS,
            {
                "subject_label": "'copy-' || n",
                "requested_at": earlier,
                "subject_id": f"(SELECT max(id) FROM lifecycle_environment) - {ENVIRONMENTS} + n",  # noqa: S608 - a number
            },
        )
        row = connection.execute(
            "SELECT min(id), max(number) FROM operations_event WHERE operation_id = %s", [subject.operation]
        ).fetchone()
        assert row is not None
        multiply(
            connection,
            "operations_event",
            row[0],
            EVENTS,
            {
                "number": f"{row[1]} + n / 20",
                "operation_id": f"(SELECT max(id) FROM operations_operation) - n % {ENVIRONMENTS}",  # noqa: S608 - a number
            },
        )
        connection.execute("ANALYZE")


def _times(call: Callable[[], None]) -> list[float]:
    for _ in range(5):
        call()
    times = []
    for _ in range(LOOKS):
        begun = time.perf_counter()
        call()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def _queries(house: House, call: Callable[[], None]) -> int:
    """Statements that the web's role sends for one request, as PostgreSQL's own log tells."""
    call()
    log = house.servers.postgres.log
    with house.servers.postgres.superuser() as connection:
        connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        connection.execute("ALTER SYSTEM SET log_line_prefix = '%m [%p] %a '")
        connection.execute("SELECT pg_reload_conf()")
        time.sleep(0.3)
        begun = log.stat().st_size
        call()
        time.sleep(0.1)
        ended = log.stat().st_size
        connection.execute("ALTER SYSTEM RESET log_statement")
        connection.execute("SELECT pg_reload_conf()")
    with log.open("rb") as stream:
        stream.seek(begun)
        text = stream.read(ended - begun).decode(errors="replace")
    lines = [line for line in text.splitlines() if "LOG:  statement:" in line or "LOG:  execute" in line]
    return len([line for line in lines if "BEGIN" not in line and "COMMIT" not in line])
