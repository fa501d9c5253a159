"""Requesting an environment: what is derived, what is refused, and that a refusal writes nothing."""

from copy import copy
from decimal import Decimal

import jsonschema
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from environments.errors import Conflict, Forbidden, InvalidFields
from environments.lifecycle.acts import release_make_default, release_withdraw
from environments.lifecycle.costs import cost_estimate
from environments.lifecycle.environments import environment_protect, environment_request, environment_withdraw
from environments.lifecycle.models import Account, Environment
from environments.lifecycle.naming import names_derive
from environments.lifecycle.releases import release_register
from environments.lifecycle.validation import cidr_free, cidr_problem, domain_problem
from environments.operations.models import AuditEntry, Operation
from environments.operations.states import ClaimMode, OperationStatus

pytestmark = pytest.mark.django_db


def test_a_request_derives_range_domain_suffix_and_cost(asked):
    operation = environment_request(**asked)
    environment = operation.subject
    assert (operation.kind, operation.claim_mode) == ("provision", ClaimMode.CHANGE)
    assert operation.scope == "111122223333/eu-west-1"
    assert environment.cidr == "10.0.0.0/16"
    assert environment.spec["domain"] == "orders.dev.example.org"
    assert len(environment.suffix) == 4 and environment.full_name == f"orders-{environment.suffix}"
    assert environment.is_protected is False
    assert environment.monthly_cost > 100
    assert AuditEntry.objects.filter(action="provision.requested", actor=asked["actor"]).count() == 1


def test_outside_dev_an_environment_is_protected_unless_said_otherwise(asked):
    assert environment_request(**asked | {"tier": "prod"}).subject.is_protected is True
    assert (
        environment_request(**asked | {"name": "cart", "tier": "prod", "is_protected": False}).subject.spec[
            "deletion_protection"
        ]
        is False
    )


def test_the_next_free_range_is_taken(asked):
    environment_request(**asked)
    environment_request(**asked | {"name": "cart", "cidr": "10.1.0.0/17"})
    assert environment_request(**asked | {"name": "billing"}).subject.cidr == "10.2.0.0/16"


def test_the_one_free_range_of_a_full_account_is_found(asked, account):
    source = environment_request(**asked).subject
    for number in [number for number in range(1, 256) if number != 77]:
        source.pk, source.name, source.cidr = None, f"n-{number}", f"10.{number}.{number % 16 * 16}.0/20"
        source.save(force_insert=True)
    assert cidr_free(account) == "10.77.0.0/16"
    assert environment_request(**asked | {"name": "cart"}).subject.cidr == "10.77.0.0/16"
    assert cidr_free(account) == ""
    beside = environment_request(**asked | {"name": "billing", "cidr": "10.12.208.0/20"}).subject
    assert beside.cidr == "10.12.208.0/20"
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"name": "late"})
    assert refusal.value.errors["cidr"] == "No free /16 is left in 10/8."


@pytest.mark.django_db(transaction=True)
def test_ranges_and_domains_are_looked_up_by_index(asked, account, release, scratch_database):
    source = environment_request(**asked).subject
    others = [copy(source) for _ in range(1000)]
    for number, other in enumerate(others):
        other.pk, other.name, other.cidr = None, f"n-{number}", f"10.{number % 200 + 1}.0.0/20"
    Environment.objects.bulk_create(others)
    # What the planner knows of the table must not depend on when autovacuum came by; the portal's role may not say so.
    with scratch_database.postgres.superuser(scratch_database.name) as owner:
        owner.execute("ANALYZE lifecycle_environment")
    with CaptureQueriesContext(connection) as asked_for:
        assert cidr_problem("10.0.16.0/20", account, release)
        assert domain_problem("orders.dev.example.org", account, release)
    plans = []
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        for query in asked_for:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plans.append("\n".join(row[0] for row in cursor.fetchall()))
        cursor.execute("RESET enable_seqscan")
    assert "environment_block" in plans[0] and "environment_domain" in plans[1], plans


BAD = [
    ({"name": "ab"}, "name", "3 to 20 characters"),
    ({"name": "a" * 21}, "name", "this one has 21"),
    ({"name": "Orders"}, "name", "lower-case letters"),
    ({"name": "1orders"}, "name", "begins with a letter"),
    ({"name": "orders-"}, "name", "lower-case letters"),
    ({"name": "or--ders"}, "name", "single hyphens"),
    ({"name": "switchyard"}, "name", "reserved"),
    ({"name": "taken"}, "name", "There is an environment taken already (requested)"),
    ({"size": "huge"}, "size", "Choose one of: small, medium, large"),
    ({"tier": "play"}, "tier", "Choose one of"),
    ({"home_region": "mars-1"}, "home_region", "does not use mars-1"),
    ({"cidr": "10.0.0.0/33"}, "cidr", "is no address range"),
    ({"cidr": "10.0.0.1/16"}, "cidr", "without host bits"),
    ({"cidr": "10.0.0.0/24"}, "cidr", "prefix of /16 to /20"),
    ({"cidr": "8.8.0.0/16"}, "cidr", "no private range"),
    ({"cidr": "10.0.128.0/17"}, "cidr", "overlaps with 10.0.0.0/16 of environment taken"),
    ({"domain": "not a domain"}, "domain", "no domain name"),
    ({"domain": "shop.example.com"}, "domain", "below the account's zone dev.example.org"),
    ({"domain": "taken.dev.example.org"}, "domain", "belongs to environment taken"),
]


@pytest.mark.parametrize(("change", "field", "words"), BAD, ids=lambda value: str(value)[:40])
def test_bad_input_is_told_at_its_field_and_changes_nothing(asked, change, field, words):
    environment_request(**asked | {"name": "taken"})
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | change)
    assert words in refusal.value.errors[field]
    assert Environment.objects.count() == 1 and Operation.objects.count() == 1


def test_an_account_that_is_not_ready_or_knows_no_region_is_refused(asked, account):
    Account.objects.update(status="adding")
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked)
    assert "not ready" in refusal.value.errors["account"]
    Account.objects.update(status="ready", regions=["eu-west-1", "eu-central-1"])
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked | {"home_region": "eu-central-1"})
    assert "Nothing is known of eu-central-1" in refusal.value.errors["home_region"]


def test_a_withdrawn_release_makes_nothing_new(asked, release, description, people):
    newer = release_register(
        blueprint="environment",
        title="Environment",
        version="99.0.0",
        digest="e" * 64,
        artifact="releases/newer.zip",
        description=description,
        actor=None,
    )
    release.refresh_from_db()
    assert newer.is_default and not release.is_default
    with pytest.raises(Conflict, match="default"):
        release_withdraw(release=newer, actor=people["administrator"])
    release_withdraw(release=release, actor=people["administrator"])
    with pytest.raises(InvalidFields) as refusal:
        environment_request(**asked)
    assert "withdrawn" in refusal.value.errors["release"]
    with pytest.raises(Conflict):
        release_make_default(release=release, actor=people["administrator"])


def test_a_release_never_changes(release, description):
    with pytest.raises(Conflict, match="other content"):
        release_register(
            blueprint="environment",
            title="Environment",
            version=release.version,
            digest="f" * 64,
            artifact="x",
            description=description,
            actor=None,
        )


def test_a_lead_of_another_team_cannot_request(asked, lead):
    lead.teams.clear()
    with pytest.raises(Forbidden, match="Ask one of these roles"):
        environment_request(**asked)


def test_the_longest_name_still_fits_every_aws_name(asked, description):
    spec = environment_request(**asked | {"name": "a" * 20}).subject.spec
    derived = names_derive(description["naming"], spec)
    assert derived and not any(row["error"] for row in derived)
    broken = [{"key": "b", "label": "Bucket", "pattern": "sy-{name}-uploads", "max_length": 10}]
    assert "21 characters longer" in names_derive(broken, spec)[0]["error"]


@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_costs_add_up_and_say_where_prices_come_from(asked, description, size):
    spec = environment_request(**asked | {"size": size}).subject.spec
    cost = cost_estimate(description["costs"], spec)
    assert Decimal(cost["total"]) == sum(Decimal(item["amount"]) for item in cost["items"]) > 0
    assert all(item["source"] for item in cost["items"])


def test_costs_leave_out_what_a_spec_does_not_have(description, asked):
    spec = environment_request(**asked).subject.spec
    costs = {
        "currency": "USD",
        "period": "month",
        "as_of": "2026-11-22",
        "region_factor": {"eu-west-1": "1.10"},
        "items": [
            {"key": "a", "label": "A", "quantity": 2, "unit": "x", "unit_price": "10", "source": "s", "verified": True},
            {
                "key": "b", "label": "B", "quantity": 1, "unit": "x", "unit_price": "5", "source": "s",
                "verified": False, "when": {"standby": ["warm"]},
            },
        ],
    }  # fmt: skip
    assert cost_estimate(costs, spec)["total"] == "22.00"
    assert cost_estimate(costs, spec | {"standby": "warm"})["unverified"] == "5.50"


def test_a_format_that_nobody_checks_is_in_no_schema(description):
    """jsonschema passes over a format whose package is not there: a release says by a pattern what it means."""

    def formats(schema):
        if isinstance(schema, dict):
            own = {schema["format"]} if isinstance(schema.get("format"), str) else set()
            return own.union(*map(formats, schema.values()))
        return set().union(*map(formats, schema)) if isinstance(schema, list) else set()

    named = formats([description[name] for name in ("schema", "facts_schema", "runtime_schema")])
    assert named <= set(jsonschema.FormatChecker().checkers)
    assert formats({"properties": {"a": {"type": "string", "format": "hostname"}}}) == {"hostname"}


def test_protection_is_switched_at_once_and_audited(asked, lead):
    environment = environment_request(**asked).subject
    assert environment_protect(environment=environment, is_protected=True, actor=lead).is_protected
    assert AuditEntry.objects.filter(action="environment.protected").count() == 1


def test_a_request_whose_planning_failed_can_be_withdrawn_and_frees_its_name(asked, lead):
    operation = environment_request(**asked)
    with pytest.raises(Conflict, match="An operation is open"):
        environment_withdraw(environment=operation.subject, actor=lead)
    Operation.objects.update(status=OperationStatus.FAILED)
    environment_withdraw(environment=operation.subject, actor=lead)
    again = environment_request(**asked)
    assert again.subject.suffix != operation.subject.suffix
