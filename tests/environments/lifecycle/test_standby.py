"""A standby as it is asked for: its region and range, what is refused at which field, and what is given back."""

import copy

import pytest

from environments.errors import InvalidFields
from environments.lifecycle.environments import environment_request
from environments.lifecycle.models import Environment, RegionFacts
from environments.lifecycle.pauses import environment_pause_of
from environments.lifecycle.standby import standby_settle
from environments.lifecycle.update import environment_update, fields_changeable
from environments.operations.models import Operation
from environments.operations.pauses import pause_set
from tests.environments.lifecycle.conftest import FACTS
from tests.factories import stack_make

HOME, OTHER, THIRD = "eu-west-1", "eu-central-1", "us-east-1"
TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}


@pytest.fixture
def release(release, description):
    """A release that builds standbys."""
    told = copy.deepcopy(description)
    told["schema"]["properties"] |= {
        "standby": {"type": "string", "enum": ["none", "pilot-light", "warm"], "default": "none"},
        "other_region": {**TEXT, "title": "Other region"},
        "other_cidr": {**TEXT, "title": "Other address range"},
    }
    release.description = told
    release.save()
    return release


@pytest.fixture
def account(account):
    """An account with two regions whose baseline is in place, and one where it is not."""
    account.regions = [HOME, OTHER, THIRD]
    account.baseline = {region: {"queue_url": "https://sqs"} for region in (HOME, OTHER)}
    account.save()
    for region in (OTHER, THIRD):
        RegionFacts.objects.create(account=account, region=region, version=1, facts=FACTS)
    return account


@pytest.fixture
def wide(asked):
    """Arguments of a request with a standby."""
    return asked | {"standby": "pilot-light", "other_region": OTHER}


def active(operation):
    """The environment of a request, as if it had been built."""
    Operation.objects.filter(pk=operation.pk).update(status="succeeded")
    Environment.objects.filter(pk=operation.subject_id).update(status="active")
    return Environment.objects.get(pk=operation.subject_id)


def test_a_standby_gets_a_range_of_its_own_and_the_operation_works_in_both_places(wide, asked):
    operation = environment_request(**wide)
    environment = Environment.objects.get()
    assert (environment.cidr, environment.other_cidr) == ("10.0.0.0/16", "10.1.0.0/16")
    assert environment.spec["other_region"] == OTHER and environment.spec["standby"] == "pilot-light"
    assert operation.scopes == [f"111122223333/{HOME}", f"111122223333/{OTHER}"]
    # Nobody is given either range afterwards, at home or for a standby.
    beside = environment_request(**wide | {"name": "beside"}).subject
    assert (beside.cidr, beside.other_cidr) == ("10.2.0.0/16", "10.3.0.0/16")
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"name": "third", "cidr": "10.1.16.0/20"})
    assert "overlaps with 10.1.0.0/16 of environment orders" in refusal.value.errors["cidr"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"standby": "hot"}, "standby", "Choose one of: none, pilot-light, warm"),
        ({"other_region": ""}, "other_region", "Name the region"),
        ({"other_region": HOME}, "other_region", "is its home"),
        ({"other_region": "mars-1"}, "other_region", "does not use mars-1"),
        ({"other_region": THIRD}, "other_region", "baseline of account sandbox-1 is not in place"),
        ({"other_cidr": "10.9.0.1/16"}, "other_cidr", "without host bits"),
        ({"other_cidr": "10.0.0.0/16", "cidr": "10.0.0.0/16"}, "other_cidr", "its range at home"),
        ({"other_cidr": "10.200.16.0/20"}, "other_cidr", "of environment taken"),
    ],
)
def test_what_a_standby_cannot_be_is_told_at_its_field(wide, asked, change, field, words):
    environment_request(**asked | {"name": "taken", "cidr": "10.200.0.0/16"})
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**wide | change)
    assert words in refusal.value.errors[field]
    assert Environment.objects.count() == 1


def test_a_release_of_one_region_says_so(wide, release, description):
    told = copy.deepcopy(release.description)
    told["schema"]["properties"]["standby"] = {"const": "none", "default": "none"}
    release.description = told
    release.save()
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**wide)
    assert "It builds one region only" in refusal.value.errors["standby"]
    assert "standby" not in fields_changeable(release)


def test_an_update_reserves_the_range_and_one_that_comes_to_nothing_gives_it_back(asked, lead):
    environment = active(environment_request(**asked))
    changes = {"standby": "warm", "other_region": OTHER}
    operation = environment_update(environment=environment, changes=changes, actor=lead)
    assert operation.parameters["spec"]["other_cidr"] == "10.1.0.0/16"
    assert operation.scopes == [f"111122223333/{HOME}", f"111122223333/{OTHER}"]
    environment.refresh_from_db()
    assert (environment.other_region, environment.other_cidr) == (OTHER, "10.1.0.0/16")
    assert environment.standby == "none"
    # What it left keeps region and range; nothing left gives them back.
    left = stack_make(environment, "other-network", status="ROLLBACK_COMPLETE")
    left.region = OTHER
    left.save()
    standby_settle(environment)
    assert environment.other_region == OTHER
    Operation.objects.update(status="failed")
    with pytest.raises(InvalidFields) as refusal:
        changes = {"standby": "warm", "other_region": THIRD}
        environment_update(environment=environment, changes=changes, actor=lead)
    assert refusal.value.errors["other_region"]
    left.status = "DELETE_COMPLETE"
    left.save()
    standby_settle(environment)
    environment.refresh_from_db()
    assert (environment.other_region, environment.other_cidr) == ("", None)


def test_a_standby_that_is_there_stays_where_it_is_and_goes_as_a_whole(wide, lead):
    environment = active(environment_request(**wide))
    for change in ({"other_cidr": "10.50.0.0/16"}, {"other_region": HOME}):
        with pytest.raises(InvalidFields) as refusal:
            environment_update(environment=environment, changes=change, actor=lead)
        assert set(change) == set(refusal.value.errors)
    # The side that works is not taken away, whatever becomes of home meanwhile.
    Environment.objects.filter(pk=environment.pk).update(active_region=OTHER)
    with pytest.raises(InvalidFields) as refusal:
        environment_update(environment=environment, changes={"standby": "none"}, actor=lead)
    assert f"is active in {OTHER}: switch back to {HOME}" in refusal.value.errors["standby"]
    Environment.objects.filter(pk=environment.pk).update(active_region=HOME)
    operation = environment_update(environment=environment, changes={"standby": "none"}, actor=lead)
    spec = operation.parameters["spec"]
    assert (spec["standby"], spec["other_region"], spec["other_cidr"]) == ("none", None, None)
    # What is there is taken away in its region.
    assert operation.scopes == [f"111122223333/{HOME}", f"111122223333/{OTHER}"]


def test_a_pause_of_the_standbys_region_covers_the_environment(wide, lead, people):
    environment = active(environment_request(**wide))
    assert environment_pause_of(environment) is None
    pause_set(covers=f"111122223333/{OTHER}", label=OTHER, reason="A drill.", actor=people["administrator"])
    assert environment_pause_of(environment).reason == "A drill."
