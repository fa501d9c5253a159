"""Revisions by real updates on the local AWS: written as each ends, compared, and gone back to."""

import json
from importlib import import_module

import pytest
from django.apps import apps
from django.db import connection

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.comparison import Side, comparison_ask, environments_compare, side_of_environment
from environments.lifecycle.history import environment_rollback, revision_current, revision_partial
from environments.lifecycle.models import Comparison, Environment, Release
from environments.lifecycle.update import environment_update
from environments.operations.control import operation_retry
from tests.workers.support import REGION, approve, drive
from workers.assembly import template_hash
from workers.comparisons import comparison_make

pytestmark = pytest.mark.django_db(transaction=True)


def update(people, changes=None, **more):
    """Ask for a change of the one environment, approve it, and see it through."""
    operation = environment_update(
        environment=Environment.objects.get(), changes=changes or {}, actor=people["team-lead"], **more
    )
    drive(operation)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people))
    return operation


def roll_back(people, revision):
    operation = environment_rollback(
        environment=Environment.objects.get(), revision=revision, actor=people["team-lead"]
    )
    drive(operation)
    if operation.status == "awaiting-approval":
        drive(approve(operation, people))
    return operation


def deployed(environment, sandbox, keys):
    """Hash of each stack's template as it is in AWS."""
    cloudformation = sandbox.client("cloudformation", keys, REGION)
    found = {}
    for stack in environment.stacks.all():
        body = cloudformation.get_template(StackName=stack.name)["TemplateBody"]
        found[stack.key] = template_hash(body if isinstance(body, str) else json.dumps(body))
    return found


def test_two_updates_and_the_way_back(active, people, sandbox, keys):
    first = active.revisions.get()
    assert (first.number, first.kind, first.outcome) == (1, "provision", "deployed")
    assert deployed(active, sandbox, keys) == {key: row["hash"] for key, row in first.stacks.items()}
    assert update(people, {"log_retention_days": 7}).status == "succeeded"
    assert update(people, {"size": "medium"}).status == "succeeded"
    assert [row.number for row in active.revisions.order_by("number")] == [1, 2, 3]
    operation = roll_back(people, 1)
    assert operation.status == "succeeded", operation.sentence
    assert operation.sentence == f"{active.name} is back at revision 1."
    assert operation.approvals_needed == 1
    environment = Environment.objects.get()
    assert environment.spec == first.spec and environment.size == "small"
    assert deployed(active, sandbox, keys) == {key: row["hash"] for key, row in first.stacks.items()}
    newest = revision_current(environment)
    assert (newest.number, newest.back_to, newest.spec) == (4, first, first.spec)
    assert newest.monthly_cost == first.monthly_cost
    with pytest.raises(Conflict, match="is at revision 4"):
        environment_rollback(environment=environment, revision=4, actor=people["team-lead"])


def test_an_update_that_changes_nothing_makes_no_revision(active, people):
    release = active.release
    again = Release.objects.create(
        blueprint=release.blueprint,
        version=f"{release.version}+1",
        digest=release.digest,
        artifact=release.artifact,
        description=release.description,
    )
    assert update(people, release=again).status == "succeeded"
    assert active.revisions.count() == 2
    Environment.objects.update(release=release)
    assert update(people, release=again).sentence == f"Nothing to change in {active.name}."
    assert active.revisions.count() == 2


def test_what_failed_between_two_stacks_is_a_partial_revision_that_one_can_leave(active, people, sandbox):
    sandbox.fault("failing-type", type="AWS::ElasticBeanstalk::Environment", action="update", message="No.")
    failed = update(people, {"size": "medium"})
    assert failed.status == "failed", failed.sentence
    partial = revision_partial(active)
    first = active.revisions.get(number=1)
    assert partial.number == 2 and partial.operation == failed
    assert partial.stacks["app"] == first.stacks["app"]
    assert partial.stacks["data"]["assembly"] != first.stacks["data"]["assembly"]
    assert revision_current(active) == first
    with pytest.raises(InvalidFields, match="what a failed operation left"):
        environment_rollback(environment=active, revision=2, actor=people["team-lead"])
    sandbox.control("DELETE", "faults")
    assert roll_back(people, 1).status == "succeeded"
    newest = revision_current(active)
    assert (newest.number, newest.stacks) == (3, first.stacks)
    assert revision_partial(active) is None


def test_a_retry_that_comes_through_makes_the_partial_revision_whole(active, people, sandbox):
    sandbox.fault(
        "failing-type",
        type="AWS::ElasticBeanstalk::Environment",
        action="update",
        message="No.",
        count=1,
    )
    operation = update(people, {"size": "medium"})
    assert operation.status == "failed" and revision_partial(active).number == 2
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    assert drive(operation).status == "succeeded", operation.sentence
    whole = revision_current(active)
    assert (whole.number, whole.outcome, len({row["assembly"] for row in whole.stacks.values()})) == (
        2,
        "deployed",
        1,
    )


def test_a_release_whose_lock_is_not_installed_is_gone_back_to_by_its_stored_templates(
    active, people, sandbox, keys
):
    release = active.release
    first = active.revisions.get()
    old = Release.objects.create(
        blueprint=release.blueprint,
        version="0.9.0",
        digest="0" * 64,
        artifact=release.artifact,
        description={**release.description, "lock": {**release.description["lock"], "jsii": "0.0.1"}},
    )
    first.release = old
    first.save()
    assert update(people, {"log_retention_days": 7}).status == "succeeded"
    operation = roll_back(people, 1)
    assert operation.status == "succeeded", operation.sentence
    told = operation.events.get(kind="assembly.stored").text
    assert "jsii 0.0.1" in told and "revision 1 are taken as stored" in told
    assert deployed(active, sandbox, keys) == {key: row["hash"] for key, row in first.stacks.items()}
    assert Environment.objects.get().release == old
    # Without a revision behind it, an update to that release says why it cannot be made.
    Environment.objects.update(release=release)
    refused = update(people, {"log_retention_days": 30}, release=old)
    assert refused.status == "failed" and "jsii 0.0.1" in refused.sentence


def test_revisions_and_releases_are_compared_by_resource_and_property(active, people):
    assert update(people, {"log_retention_days": 7}).status == "succeeded"
    left, right = (side_of_environment(text, active) for text in ("1", "now"))
    (row,) = environments_compare(left, right)["spec"]
    assert (row["field"], row["before"], row["after"]) == ("log_retention_days", 30, 7)
    asked = comparison_ask(left, right)
    assert asked.status == "pending" and comparison_ask(left, right) == asked
    comparison_make(asked)
    made = Comparison.objects.get()
    assert made.status == "made", made.sentence
    told = {
        (change["type"], row["path"], row["before"], row["after"])
        for stack in made.stacks
        for change in stack["changes"]
        for row in change["properties"]
    }
    assert ("AWS::Logs::LogGroup", "RetentionInDays", "30", "7") in told
    assert {change["action"] for stack in made.stacks for change in stack["changes"]} == {"modified"}


def test_another_environment_differs_by_more_than_its_names(active, ask, people):
    other = drive(ask(name="other-one"))
    assert other.status == "succeeded", other.sentence
    left, right = side_of_environment("now", active), side_of_environment("other-one@now", active)
    row = comparison_ask(left, right)
    comparison_make(row)
    row.refresh_from_db()
    assert row.status == "made" and row.stacks == [], row.stacks


def test_backfill_makes_the_history_that_would_have_been_written(active, people):
    assert update(people, {"log_retention_days": 7}).status == "succeeded"
    fields = ("number", "kind", "release_id", "spec", "facts_version", "assembly", "stacks", "monthly_cost")
    written = list(active.revisions.values(*fields))
    active.revisions.all().delete()
    with connection.schema_editor() as editor:
        import_module("environments.lifecycle.migrations.0010_history").revisions_backfill(apps, editor)
    assert list(active.revisions.values(*fields)) == written


def test_two_releases_are_compared_by_what_they_make_of_one_spec(active):
    release = active.release
    other = Release.objects.create(
        blueprint=release.blueprint,
        version="9.9.9",
        digest=release.digest,
        artifact=release.artifact,
        description=release.description,
    )
    row = comparison_ask(Side("1", release, size="small"), Side("2", other, size="small"))
    comparison_make(row)
    row.refresh_from_db()
    assert (row.status, row.stacks) == ("made", []), row.sentence
    row = comparison_ask(Side("1", release, size="small"), Side("2", other, size="medium"))
    comparison_make(row)
    row.refresh_from_db()
    told = {
        (change["type"], prop["path"])
        for stack in row.stacks
        for change in stack["changes"]
        for prop in change["properties"]
    }
    assert ("AWS::RDS::DBInstance", "DBInstanceClass") in told
    gone = Release.objects.create(
        blueprint=release.blueprint,
        version="0.0.1",
        digest="1" * 64,
        artifact=release.artifact,
        description={**release.description, "lock": {**release.description["lock"], "jsii": "0.0.1"}},
    )
    row = comparison_ask(Side("1", release, size="small"), Side("2", gone, size="small"))
    comparison_make(row)
    row.refresh_from_db()
    assert row.status == "failed" and "jsii 0.0.1" in row.sentence
