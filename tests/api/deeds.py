"""The API's table of deeds: what each sends, whom it works for, and which right it asks for."""

from tests.api.deeds_of_environments import ENVIRONMENTS
from tests.api.deeds_of_ones_own import OWN
from tests.api.deeds_of_operations import OPERATIONS
from tests.api.deeds_of_rules import RULES

DEEDS = [*ENVIRONMENTS, *OPERATIONS, *RULES, *OWN]

ONLY_PAGES = {
    "person.change": "people are taken in and changed on the portal's pages, where a password can be typed",
    "health.view": "the health page; machines ask /healthz, /readyz and /metrics",
    "sandbox.change": "faults are set on the sandbox's own page, and by its control path",
}
"""Rights that the API has nothing for, and why."""
