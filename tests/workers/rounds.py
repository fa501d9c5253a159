"""Looks for drift in this process."""

from django.utils import timezone

from environments.lifecycle.drift import drift_check_ask
from environments.lifecycle.models import Account, DriftCheck
from tests.workers.support import ACCOUNT_ID, REGION
from workers.drift_rounds import drift_round, right_of
from workers.models import Watch
from workers.observer import watch_take


def rounds(within=30):
    """What the tick and the worker do until no look is open."""
    account = Account.objects.get(account_id=ACCOUNT_ID)
    scope = right_of(f"{ACCOUNT_ID}/{REGION}")
    for _ in range(within):
        Watch.objects.filter(scope=scope).update(token=None, until=None)
        DriftCheck.objects.filter(status__in=("waiting", "detecting")).update(due_at=timezone.now())
        if drift_round(account, REGION, watch_take(scope)) is None:
            return
    raise AssertionError(list(DriftCheck.objects.values_list("status", "sentence")))


def check(environment, people):
    """A look that somebody asks for, to its end."""
    row = drift_check_ask(environment=environment, actor=people["engineer"])
    rounds()
    row.refresh_from_db()
    return row
