"""The table of sizes and standbys through the portal: built, a standby added, taken away, all torn down.

Of the small size all three kinds are in tests/workers/test_standby.py as well, which every run of the tests has.
"""

import pytest

from blueprint_cdk.data import load
from tests.workers.test_standby import (  # noqa: F401
    HOME,
    OTHER,
    ask,
    carry_out,
    change,
    stacks,
    tear_down,
    wide,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.torture, pytest.mark.timeout(1800)]


@pytest.mark.parametrize("standby", ["pilot-light", "warm"])
@pytest.mark.parametrize("size", load("sizes"))
def test_a_standby_of_any_size_is_built_at_once_or_added_and_taken_away(
    ask,  # noqa: F811
    people,
    stacks,  # noqa: F811
    size,
    standby,
):
    at_once = ask(f"once-{size}", size=size, standby=standby, other_region=OTHER)
    home, other = stacks(at_once, HOME), stacks(at_once, OTHER)
    assert home and other

    later = ask(f"later-{size}", size=size)
    before = stacks(later, HOME)
    carry_out(people, change(people, later, {"standby": standby, "other_region": OTHER}))
    later.refresh_from_db()
    # However it came to it, it has the same.
    assert (stacks(later, HOME), stacks(later, OTHER)) == (home, other)

    refusal = change(people, later, {"standby": "none"})
    named = [loss["name"] for loss in refusal.failure["losses"]]
    carry_out(
        people, change(people, later, {"standby": "none"}, replace=named), by=("approver", "administrator")
    )
    later.refresh_from_db()
    assert (stacks(later, HOME), stacks(later, OTHER)) == (before, set())

    for environment in (at_once, later):
        torn_down = tear_down(people, environment)
        assert torn_down.status == "succeeded", torn_down.sentence
        assert torn_down.teardown_report.left_over == []
        assert stacks(environment, HOME) == stacks(environment, OTHER) == set()
