"""The pages of applications: asked for, ready, without versions, gone."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from devtools.places import ROOT
from environments.lifecycle.models import Application
from environments.operations.models import Operation
from environments.people.models import PortalRole, User
from tests import factories

R = PortalRole
AWS_ROLES = json.loads((ROOT / "blueprint_cdk" / "data" / "application.json").read_text())["aws_roles"]
SignIn = Callable[[User], Client]


@pytest.fixture
def lead(world: Any, sign_in: SignIn) -> Client:
    return sign_in(world.people[R.TEAM_LEAD])


def application(world: Any, **fields: Any) -> Application:
    owner = world.people[R.TEAM_LEAD]
    return factories.application_make(
        "till", team=world.team, owner=owner, account=world.account, release=world.release, **fields
    )


def asked(world: Any, **fields: Any) -> dict[str, Any]:
    return {"name": "till", "team": world.team.slug, "account": world.account.pk} | fields


def test_a_request_leads_to_its_operation(world: Any, lead: Client) -> None:
    answer = lead.post(reverse("admin:application-new"), asked(world, findings_email="web@example.com"))
    operation = Operation.objects.get()
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    made = Application.objects.get()
    assert (operation.kind, operation.subject) == ("application-add", made)
    assert made.spec["findings_email"] == "web@example.com"
    assert b"Add application" in lead.get(answer.headers["Location"]).content


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": "T"}, "A name has 3 to 20 characters"),
        ({"team": "nobody"}, "Choose a team of yours."),
        ({"account": "0"}, "Choose an account that is ready."),
        ({"source": "github"}, "Name the repository on GitHub"),
        ({"branch": "Main"}, "Main is not acceptable"),
    ],
)
def test_a_refusal_stands_at_its_field_and_keeps_what_was_typed(
    world: Any, lead: Client, fields: dict[str, str], sentence: str
) -> None:
    answer = lead.post(reverse("admin:application-new"), asked(world, **{"branch": "trunk", **fields}))
    text = answer.content.decode()
    assert answer.status_code == 400 and sentence in text
    assert f'value="{fields.get("branch", "trunk")}"' in text
    assert not Application.objects.exists()


def test_the_form_says_what_it_costs_and_what_is_missing(world: Any, lead: Client) -> None:
    page = lead.get(reverse("admin:application-new")).content.decode()
    assert "About 1.00 USD a month" in page
    world.account.status = "adding"
    world.account.save(update_fields=["status"])
    world.release.description.pop("application")
    world.release.save(update_fields=["description"])
    page = lead.get(reverse("admin:application-new")).content.decode()
    assert "No account is ready" in page and "delivers no applications" in page


def test_a_page_shows_repository_pipeline_registry_and_versions(world: Any, lead: Client) -> None:
    till = application(world)
    address = reverse("admin:application", args=[till.pk])
    page = lead.get(address).content.decode()
    assert "None yet." in page and "A commit on main starts the pipeline" in page
    factories.version_make(till, "abc123")
    factories.version_make(till, "def456", gone_at=timezone.now())
    page = lead.get(address).content.decode()
    assert "abc123" in page and "no longer there" in page
    assert f"git clone {till.outputs['RepositoryUrl']} till" in page
    assert "pipelines/sy-app-till/view?region=eu-west-1" in page.replace("&#x3D;", "=")
    assert reverse("admin:application-remove", args=[till.pk]) in page


def test_what_is_gone_names_what_stays(world: Any, lead: Client) -> None:
    left = [{"type": "AWS::ECR::Repository", "id": "sy-app-till-0001"}]
    till = application(world, status="gone", outputs={}, left_behind=left)
    page = lead.get(reverse("admin:application", args=[till.pk])).content.decode()
    assert "What stays in AWS" in page and "sy-app-till-0001" in page
    assert reverse("admin:application-remove", args=[till.pk]) not in page


def test_a_removal_wants_the_name_and_leads_to_its_operation(world: Any, lead: Client) -> None:
    till = application(world)
    address = reverse("admin:application-remove", args=[till.pk])
    assert lead.post(address, {"confirm": "no"}).status_code == 400
    assert not Operation.objects.exists()
    answer = lead.post(address, {"confirm": "till", "reason": "Moved."})
    operation = Operation.objects.get()
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    assert (operation.kind, operation.parameters) == ("application-remove", {"reason": "Moved."})


def test_lists_take_the_same_number_of_queries_however_long(
    world: Any, lead: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(5):
        till = factories.application_make(
            team=world.team,
            owner=world.people[R.TEAM_LEAD],
            account=world.account,
            release=world.release,
        )
        factories.version_make(till)
    with django_assert_max_num_queries(15):
        page = lead.get(reverse("admin:lifecycle_application_changelist")).content.decode()
    assert page.count(till.account.name) >= 5


def test_a_change_leads_to_its_operation_and_a_refusal_stands_at_its_field(world: Any, lead: Client) -> None:
    till = application(world)
    address = reverse("admin:application-update", args=[till.pk])
    assert address in lead.get(reverse("admin:application", args=[till.pk])).content.decode()
    page = lead.get(address).content.decode()
    assert 'value="main"' in page and "high (now)" in page
    typed = {"branch": "Trunk", "blocks_from": "high", "findings_email": "", "release": world.release.pk}
    refused = lead.post(address, typed)
    assert refused.status_code == 400 and "Trunk is not acceptable" in refused.content.decode()
    assert lead.post(address, {**typed, "branch": "main"}).status_code == 400
    answer = lead.post(address, {**typed, "branch": "trunk"})
    operation = Operation.objects.get()
    assert answer.headers["Location"] == reverse("admin:operation", args=[operation.pk])
    assert (operation.kind, operation.parameters["changes"]) == ("application-update", {"branch": "trunk"})
    assert b"Change application" in lead.get(answer.headers["Location"]).content


def test_its_page_says_who_pushes_and_who_approves(world: Any, lead: Client) -> None:
    till = application(world)
    address = reverse("admin:application", args=[till.pk])
    assert f"Release {till.release.version} makes no AWS roles" in lead.get(address).content.decode()
    world.release.description["application"]["aws_roles"] = AWS_ROLES
    world.release.save(update_fields=["description"])
    page = lead.get(address).content.decode()
    assert f"--role-arn arn:aws:iam::{till.account.account_id}:role/{till.stack_name}-aws-operator" in page
    assert f"--pipeline-name {till.stack_name} --stage-name Approval" in page
    assert f"git clone codecommit::eu-west-1://{till.stack_name}" in page
    # Code on GitHub is nobody's in AWS.
    till.spec = {**till.spec, "source": "github"}
    till.save(update_fields=["spec"])
    page = lead.get(address).content.decode()
    assert "put-approval-result" in page and "git clone codecommit::" not in page
