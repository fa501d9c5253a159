"""What an environment, an account and a release can be, and the moves between."""

from django.db import models


class EnvironmentStatus(models.TextChoices):
    REQUESTED = "requested"
    PROVISIONING = "provisioning"
    ACTIVE = "active"
    STOPPED = "stopped"
    RECOVERING = "recovering"
    TEARING_DOWN = "tearing-down"
    TORN_DOWN = "torn-down"
    WITHDRAWN = "withdrawn"
    BROKEN = "broken"


class Tier(models.TextChoices):
    DEV = "dev", "Development"
    STAGING = "staging", "Staging"
    PROD = "prod", "Production"


class AccountMode(models.TextChoices):
    SANDBOX = "sandbox", "Sandbox"
    PLAN_ONLY = "plan-only", "Plan only"
    LIVE = "live", "Live"


class AccountStatus(models.TextChoices):
    ADDING = "adding"
    READY = "ready"
    BROKEN = "broken"


class ApplicationStatus(models.TextChoices):
    ADDING = "adding"
    READY = "ready"
    BROKEN = "broken"
    REMOVING = "removing"
    GONE = "gone"
    WITHDRAWN = "withdrawn"


class AtLimit(models.TextChoices):
    """What happens when a team has reached its limit. Each does what those above it do."""

    TELL = "tell", "Tell"
    STOP_NEW = "stop-new", "Stop new ones"
    TEAR_DOWN = "tear-down-expired", "Stop new ones, tear down what has expired"


E = EnvironmentStatus

ENVIRONMENT_MOVES: dict[str, frozenset[str]] = {
    E.REQUESTED: frozenset({E.PROVISIONING, E.WITHDRAWN}),
    # A failed first deployment that left stacks behind is broken: retry it, or tear it down.
    # One whose plan has moved before anything was made is requested again.
    E.PROVISIONING: frozenset({E.ACTIVE, E.BROKEN, E.WITHDRAWN, E.REQUESTED}),
    # A resync finds one healthy that was put right by hand.
    E.BROKEN: frozenset({E.PROVISIONING, E.ACTIVE, E.TEARING_DOWN, E.WITHDRAWN}),
    # What an administrator has the portal forget is withdrawn from its care, whatever it has in AWS.
    E.ACTIVE: frozenset({E.TEARING_DOWN, E.STOPPED, E.RECOVERING, E.WITHDRAWN}),
    E.STOPPED: frozenset({E.ACTIVE, E.TEARING_DOWN, E.RECOVERING, E.WITHDRAWN}),
    E.RECOVERING: frozenset({E.ACTIVE, E.WITHDRAWN}),
    # One that ends before anything irreversible has begun goes back to what it was; else it is retried.
    E.TEARING_DOWN: frozenset({E.TORN_DOWN, E.ACTIVE, E.STOPPED, E.BROKEN, E.WITHDRAWN}),
    E.TORN_DOWN: frozenset(),
    E.WITHDRAWN: frozenset(),
}

# Names of these are free again; so are domains and address ranges, but for those of the forgotten.
GONE = frozenset({E.TORN_DOWN, E.WITHDRAWN})

A = ApplicationStatus

APPLICATION_MOVES: dict[str, frozenset[str]] = {
    A.ADDING: frozenset({A.READY, A.BROKEN, A.WITHDRAWN}),
    # A retry goes on where it failed; what was half made can be removed.
    A.BROKEN: frozenset({A.READY, A.REMOVING, A.WITHDRAWN}),
    A.READY: frozenset({A.REMOVING}),
    # A removal that ends before its stack was touched leaves it as it was.
    A.REMOVING: frozenset({A.GONE, A.READY, A.BROKEN}),
    A.GONE: frozenset(),
    A.WITHDRAWN: frozenset(),
}

# Names of these are free again.
APPLICATION_GONE = frozenset({A.GONE, A.WITHDRAWN})
