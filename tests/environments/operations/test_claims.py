"""Who may hold a subject together with whom, and who goes first."""

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from environments.operations.claims import claim_release, claim_take, scope_rooms
from environments.operations.models import Claim, Operation, OperationLimit
from environments.operations.places import queues
from environments.operations.selectors import scopes_moving
from environments.operations.starting import operation_try_start
from environments.operations.states import OperationStatus

pytestmark = pytest.mark.django_db

# (held, wanted): may both hold the subject?
TOGETHER = {
    ("keep", "keep"): True,
    ("keep", "change"): True,
    ("keep", "end"): False,
    ("change", "keep"): True,
    ("change", "change"): False,
    ("change", "end"): False,
    ("end", "keep"): False,
    ("end", "change"): False,
    ("end", "end"): False,
    ("end", "recover"): False,
    ("recover", "keep"): False,
    ("recover", "change"): False,
    ("recover", "end"): False,
    ("recover", "recover"): False,
}


@pytest.mark.parametrize(("held", "wanted"), TOGETHER)
def test_claims_exclude_each_other_as_the_design_says(make_operation, held, wanted):
    holder = make_operation(held, OperationStatus.RUNNING)
    assert claim_take(holder) is None
    asker = make_operation(wanted, OperationStatus.QUEUED)
    blocker = claim_take(asker)
    assert (blocker is None) is TOGETHER[held, wanted]
    assert blocker is None or blocker.pk == holder.pk


def test_recovery_breaks_a_keep_and_pauses_a_change(make_operation):
    keeper, changer = (make_operation(mode, OperationStatus.RUNNING) for mode in ("keep", "change"))
    for operation in (keeper, changer):
        assert claim_take(operation) is None
    recovery = make_operation("recover", OperationStatus.QUEUED)
    assert operation_try_start(recovery)
    assert list(Claim.objects.values_list("operation_id", flat=True)) == [recovery.pk]
    changer.refresh_from_db()
    assert changer.status == OperationStatus.PAUSED
    assert f"operation {recovery.pk}" in changer.sentence
    assert changer.events.get().kind == "operation.paused"


def test_recovery_leaves_alone_what_has_just_ended(make_operation):
    """Its claim is still there for a moment when the recovery looks: the end it had stays."""
    changer = make_operation("change", OperationStatus.RUNNING)
    claim_take(changer)
    Operation.objects.filter(pk=changer.pk).update(status=OperationStatus.SUCCEEDED)
    assert operation_try_start(make_operation("recover", OperationStatus.QUEUED))
    changer.refresh_from_db()
    assert changer.status == OperationStatus.SUCCEEDED


def test_recovery_overtakes_what_is_queued(make_operation):
    first = make_operation("change", OperationStatus.QUEUED)
    recovery = make_operation("recover", OperationStatus.QUEUED)
    assert claim_take(first).pk == recovery.pk
    assert claim_take(recovery) is None


def test_older_and_higher_priority_go_first(make_operation):
    older = make_operation("change", OperationStatus.QUEUED)
    newer = make_operation("change", OperationStatus.QUEUED)
    urgent = make_operation("change", OperationStatus.QUEUED, priority=5)
    assert claim_take(newer).pk == urgent.pk
    assert claim_take(older).pk == urgent.pk
    assert claim_take(urgent) is None


def test_a_running_notice_blocks_nobody(make_operation):
    make_operation("end", OperationStatus.QUEUED, not_before=timezone.now())
    assert claim_take(make_operation("change", OperationStatus.QUEUED)) is None


def test_the_database_refuses_a_second_exclusive_claim(make_operation):
    first, second = make_operation(), make_operation()
    fields = {"subject_type_id": first.subject_type_id, "subject_id": first.subject_id, "mode": "change"}
    Claim.objects.create(operation=first, **fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Claim.objects.create(operation=second, **fields)


def test_release_names_those_that_waited(make_operation):
    holder = make_operation("change", OperationStatus.RUNNING, scope="1/eu")
    claim_take(holder)
    same_subject = make_operation("change", OperationStatus.QUEUED)
    make_operation("change", OperationStatus.RUNNING)
    assert claim_release(holder) == [same_subject.pk]
    assert not Claim.objects.exists()


def test_limits_are_data_per_scope(make_operation):
    OperationLimit.objects.all().delete()
    OperationLimit.objects.create(scope="*", max_running=1)
    OperationLimit.objects.create(scope="1/us", max_running=2)
    for scope in ("1/eu", "1/us"):
        make_operation("change", OperationStatus.RUNNING, scope=scope)
    assert scope_rooms(Operation(scope="1/eu", claim_mode="change")) == {"1/eu": (1, 1)}
    assert scope_rooms(Operation(scope="1/us", claim_mode="change")) == {"1/us": (2, 1)}
    assert scope_rooms(Operation(scope="1/eu", claim_mode="recover")) == {}


def test_what_works_in_two_regions_takes_a_place_in_each_and_waits_for_both(make_operation):
    OperationLimit.objects.all().delete()
    OperationLimit.objects.create(scope="*", max_running=1)
    both = make_operation("change", OperationStatus.QUEUED, scope="1/eu", more_scopes=["1/us"])
    assert scope_rooms(both) == {"1/eu": (1, 0), "1/us": (1, 0)}
    elsewhere = make_operation("change", OperationStatus.RUNNING, scope="1/us")
    assert scope_rooms(both) == {"1/eu": (1, 0), "1/us": (1, 1)}
    assert not operation_try_start(both)
    assert "1 operations already run in 1/us" in both.sentence
    assert both.pk in claim_release(elsewhere)
    elsewhere.status = OperationStatus.SUCCEEDED
    elsewhere.save()
    both.status = OperationStatus.RUNNING
    both.save()
    later = make_operation("change", OperationStatus.QUEUED, scope="1/us")
    assert scope_rooms(later) == {"1/us": (1, 1)}
    assert [(row.scope, row.running, row.waiting) for row in queues()] == [
        ("1/us", [both], [later]),
        ("1/eu", [both], []),
    ]
    assert scopes_moving() == [{"scope": "1/eu", "running": 1}, {"scope": "1/us", "running": 1}]
