"""One object at a time, with what it cannot be without; related ones are given, not guessed."""

from tests.factories.lifecycle import (
    account_make,
    application_make,
    assembly_make,
    drift_make,
    environment_make,
    plan_make,
    release_make,
    revision_make,
    version_make,
)
from tests.factories.notifications import channel_make, delivery_make
from tests.factories.operations import minutes_ago, operation_make, resource_make, stack_make, step_make
from tests.factories.people import PASSWORD, person_make, proposal_make, rule_make, team_make

__all__ = [
    "PASSWORD",
    "account_make",
    "application_make",
    "assembly_make",
    "channel_make",
    "delivery_make",
    "drift_make",
    "environment_make",
    "minutes_ago",
    "operation_make",
    "person_make",
    "plan_make",
    "proposal_make",
    "release_make",
    "resource_make",
    "revision_make",
    "rule_make",
    "stack_make",
    "step_make",
    "team_make",
    "version_make",
]
