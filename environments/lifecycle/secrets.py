"""The application's own secrets: named in the spec, set by a person in AWS, and seen here as set or not.

A worker looks once a minute whether each has a value (workers.secrets); no page and no request asks AWS.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from environments.lifecycle.models import Environment, SecretState
from environments.lifecycle.naming import names_derive
from environments.lifecycle.states import GONE

SCHEDULE = "secrets"
RULE = "app-secrets"


@dataclass(frozen=True)
class Secret:
    """One secret of an environment. `is_set` and `seen_at` are None until a worker has looked; `full_name` is what
    Secrets Manager calls it, `variable` tells the application its ARN, and `command` sets it.
    """

    name: str
    full_name: str
    variable: str
    is_set: bool | None
    changed_at: datetime | None
    seen_at: datetime | None
    command: str

    @property
    def state(self) -> str:
        return "not looked at yet" if self.is_set is None else "set" if self.is_set else "not set"


def secrets_named(environment: Environment) -> dict[str, str]:
    """What Secrets Manager calls each secret of its spec, by name; by one rule of its release."""
    names = sorted(environment.spec.get("secrets") or ())
    if not names:
        return {}
    derived = {row["key"]: row["value"] for row in names_derive(environment.release.naming, environment.spec)}
    return {name: f"{derived[RULE]}{name}" for name in names}


def secrets_of(environment: Environment) -> list[Secret]:
    """Its secrets by name, by one query."""
    named = secrets_named(environment)
    seen = {row.name: row for row in environment.secret_states.all()} if named else {}
    return [_secret(environment, name, full, seen.get(name)) for name, full in named.items()]


def _secret(environment: Environment, name: str, full_name: str, seen: SecretState | None) -> Secret:
    # From the keyboard or a pipe: what stands on a command line is in the shell's history and in the process list.
    command = (
        f"aws secretsmanager put-secret-value --region {environment.home_region} --secret-id {full_name} "
        "--secret-string file:///dev/stdin"
    )
    return Secret(
        name=name,
        full_name=full_name,
        variable=f"{name}_SECRET_ARN",
        is_set=seen.is_set if seen else None,
        changed_at=seen.changed_at if seen else None,
        seen_at=seen.seen_at if seen else None,
        command=command,
    )


def with_secrets() -> QuerySet[Environment]:
    """Environments that are in AWS, or may be, and whose spec names secrets."""
    found = Environment.objects.exclude(status__in=GONE).filter(spec__secrets__0__isnull=False)
    return found.select_related("account", "release").order_by("id")


def secrets_seen(
    environment: Environment, found: Mapping[str, datetime | None], now: datetime | None = None
) -> None:
    """Keep what was found in AWS, by the names that Secrets Manager has for them: when the value was set, or None for
    one without. One that is not there at all is not set either; one that the spec no longer names is forgotten.
    """
    now = now or timezone.now()
    named = secrets_named(environment)
    with transaction.atomic():
        SecretState.objects.filter(environment=environment).exclude(name__in=named).delete()
        SecretState.objects.bulk_create(
            [
                SecretState(
                    environment=environment,
                    name=name,
                    is_set=found.get(full_name) is not None,
                    changed_at=found.get(full_name),
                    seen_at=now,
                )
                for name, full_name in named.items()
            ],
            update_conflicts=True,
            unique_fields=["environment", "name"],
            update_fields=["is_set", "changed_at", "seen_at"],
        )
