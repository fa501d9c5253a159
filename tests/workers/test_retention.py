"""Which assemblies are kept: the last revisions, the current one however old, and whatever is still planned with."""

from datetime import timedelta

import pytest
from django.utils import timezone

from environments.lifecycle.models import Comparison, Plan
from environments.people.models import PortalRole
from tests import factories
from workers.artifacts import artifact_put, store
from workers.retention import KEPT_LAST, assemblies_drop, comparisons_forget

pytestmark = pytest.mark.django_db
LONG_AGO = timezone.now() - timedelta(days=200)


@pytest.fixture
def house(db):
    team = factories.team_make()
    return {
        "team": team,
        "owner": factories.person_make(PortalRole.TEAM_LEAD, teams=[team]),
        "account": factories.account_make(),
        "release": factories.release_make(is_default=True),
    }


def revision(environment, name, **fields):
    """A revision of long ago, whose assembly is in the store."""
    artifact_put(f"assemblies/{name}.zip", b"-")
    return factories.revision_make(
        environment, assembly=f"assemblies/{name}.zip", **{"made_at": LONG_AGO} | fields
    )


def there(*names):
    return [store().exists(f"assemblies/{name}.zip") for name in names]


def test_the_last_ones_are_kept_and_older_ones_go(house):
    environment = factories.environment_make("shop", **house)
    names = [f"kept-{number}" for number in range(KEPT_LAST + 3)]
    rows = [revision(environment, name) for name in names]
    assert assemblies_drop() == 3
    assert there(*names) == [False] * 3 + [True] * KEPT_LAST
    assert assemblies_drop() == 0
    rows[0].refresh_from_db()
    assert rows[0].assembly == "" and rows[0].spec


def test_young_ones_are_kept_however_many(house):
    environment = factories.environment_make("shop", **house)
    names = [f"young-{number}" for number in range(KEPT_LAST + 3)]
    for name in names:
        revision(environment, name, made_at=timezone.now() - timedelta(days=10))
    assert assemblies_drop() == 0 and all(there(*names))


def test_the_current_one_is_kept_behind_any_number_that_failed(house):
    environment = factories.environment_make("shop", **house)
    revision(environment, "first")
    revision(environment, "current")
    for number in range(KEPT_LAST + 1):
        revision(environment, f"failed-{number}", outcome="partial")
    assert assemblies_drop() == 1
    assert there("first", "current") == [False, True]


def test_what_is_gone_keeps_its_own_for_a_while(house):
    gone = factories.environment_make("gone", status="torn-down", **house)
    revision(gone, "long-gone")
    revision(gone, "gone-lately", made_at=timezone.now() - timedelta(days=10))
    assert assemblies_drop() == 1
    assert there("long-gone", "gone-lately") == [False, True]


def test_what_another_revision_or_an_open_operation_needs_is_kept(house):
    gone = factories.environment_make("gone", status="torn-down", **house)
    shop = factories.environment_make("shop", **house)
    revision(gone, "shared")
    revision(shop, "shared")
    revision(gone, "planned")
    operation = factories.operation_make(
        shop, kind="update", status="planning", state={"assembly": "assemblies/planned.zip"}
    )
    assert assemblies_drop() == 0 and all(there("shared", "planned"))
    operation.status = "failed"
    operation.save()
    assert assemblies_drop() == 1 and there("shared", "planned") == [True, False]


def test_plans_that_nobody_carried_out_let_theirs_go(house):
    shop = factories.environment_make("shop", **house)
    for name, status, made_at in (
        ("rejected", "rejected", LONG_AGO),
        ("waiting", "awaiting-approval", LONG_AGO),
        ("lately", "rejected", timezone.now()),
    ):
        artifact_put(f"assemblies/{name}.zip", b"-")
        operation = factories.operation_make(shop, kind="update", status=status)
        factories.plan_make(operation, assembly=f"assemblies/{name}.zip", made_at=made_at)
    assert assemblies_drop() == 1
    assert there("rejected", "waiting", "lately") == [False, True, True]
    assert sorted(Plan.objects.values_list("assembly", flat=True)) == [
        "",
        "assemblies/lately.zip",
        "assemblies/waiting.zip",
    ]


def test_old_comparisons_are_made_anew_when_somebody_asks_again():
    for key, asked_at in (("a", LONG_AGO), ("b", timezone.now())):
        Comparison.objects.create(key=key * 64, left={}, right={}, asked_at=asked_at)
    assert comparisons_forget() == 1
    assert Comparison.objects.get().key == "b" * 64
