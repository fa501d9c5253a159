"""One module per verb: the listing is what the product does. Importing registers them all."""

from workers.workflows import (
    account_add,
    account_update,
    application_add,
    application_remove,
    application_update,
    canary,
    deploy,
    drift_fix,
    extend,
    provision,
    resync,
    teardown,
    update,
)

__all__ = [
    "account_add",
    "account_update",
    "application_add",
    "application_remove",
    "application_update",
    "canary",
    "deploy",
    "drift_fix",
    "extend",
    "provision",
    "resync",
    "teardown",
    "update",
]
