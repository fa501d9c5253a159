"""Settings by two people through the API, and that neither face has a way around."""

import ast
from pathlib import Path

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.test import Client
from django.urls import reverse

from devtools.places import ROOT
from environments.lifecycle.models import ApprovalRule, Release
from environments.operations.models import AuditEntry
from environments.people.models import Proposal, User
from tests import factories as made
from tests.api import factories

pytestmark = pytest.mark.django_db
URL = "/api/v1"


@pytest.fixture
def rule(db):
    ApprovalRule.objects.all().delete()
    return made.rule_make("Development goes", tiers=["dev"], position=1)


def test_a_rule_is_proposed_and_holds_once_another_person_approves_what_they_saw(api, rule):
    ada, paul = api("administrator"), api("approver")
    body = {
        "name": "Two of us",
        "tiers": ["prod"],
        "approvals": 2,
        "max_monthly_cost": "400",
        "reason": "Audit.",
    }
    answer = ada.post(f"{URL}/rules/", body)
    assert (answer.status_code, answer.data["status"], answer.data["reason"]) == (202, "open", "Audit.")
    assert answer["Location"] == answer.data["url"]
    seen = paul.get(answer["Location"]).data
    assert (seen["before"], seen["after"]["max_monthly_cost"], seen["moved"]) == (None, "400.00", "")
    address = answer["Location"]
    assert ada.post(f"{address}approve/", {"digest": seen["digest"]}).status_code == 403
    wrong = paul.post(f"{address}approve/", {"digest": "0" * 64})
    assert (wrong.status_code, wrong.data["errors"][0]["field"]) == (409, "digest")
    assert ApprovalRule.objects.count() == 1
    done = paul.post(f"{address}approve/", {"digest": seen["digest"], "comment": "Fine."})
    assert (done.status_code, done.data["status"], done.data["decided_by"]) == (200, "approved", "approver")
    assert [row["name"] for row in paul.get(f"{URL}/rules/").data["results"]] == [
        "Development goes",
        "Two of us",
    ]
    again = paul.post(f"{address}approve/", {"digest": seen["digest"]})
    assert again.status_code == 409 and "Handled by approver" in again.data["detail"]


def test_bad_values_are_told_at_their_fields_and_nothing_is_proposed(api, rule):
    ada = api("administrator")
    answer = ada.post(f"{URL}/rules/", {"name": "x", "tiers": ["production"], "expires_after_h": 0})
    fields = {row["field"] for row in answer.data["errors"]}
    assert (answer.status_code, fields) == (400, {"expires_after_h"})
    answer = ada.post(f"{URL}/rules/{rule.pk}/change/", {"tiers": ["production"]})
    assert (answer.status_code, answer.data["errors"][0]["field"]) == (400, "tiers")
    assert not Proposal.objects.exists()


def test_a_rule_is_tried_on_the_last_plans_without_a_trace(api, house, rule):
    shop = house.environment("shop", tier="staging")
    operation = factories.make_planned(shop, by=house.people["engineer"])
    written = AuditEntry.objects.count()
    body = {"tiers": ["staging"], "approvals": 2, "risks_covered": ["drift", "removal"]}
    answer = api("auditor").post(f"{URL}/rules/try/", body)
    assert answer.status_code == 200, answer.content
    row = answer.data["results"][0]
    assert (row["operation"], row["rule_now"], row["approvals_now"], row["approvals_then"]) == (
        operation.pk,
        None,
        1,
        2,
    )
    assert (answer.data["decides"], answer.data["differ"]) == (1, 1)
    assert (ApprovalRule.objects.count(), AuditEntry.objects.count()) == (1, written)


def test_alone_it_is_done_at_once_and_says_so(api, house, rule):
    User.objects.filter(username="approver").update(is_active=False)
    answer = api("administrator").delete(f"{URL}/rules/{rule.pk}/")
    assert (answer.status_code, answer.data["status"], answer.data["is_alone"]) == (200, "approved", True)
    assert not ApprovalRule.objects.exists()
    assert AuditEntry.objects.filter(action="proposal.done-alone").exists()


@pytest.fixture
def held(api, house, description, rule):
    """What a second person guards, as data."""
    older = factories.make_release(description, version="0.9.0")
    newest = factories.make_release(description, version="9.0.0")
    Release.objects.filter(pk=older.pk).update(is_withdrawn=True)

    def look():
        return (
            list(ApprovalRule.objects.values()),
            list(Release.objects.order_by("pk").values("pk", "is_default", "is_withdrawn")),
            list(User.objects.order_by("pk").values("pk", "portal_role", "is_active", "teams")),
            list(type(house.account).objects.values("pk", "mode", "regions")),
        )

    return {"look": look, "older": older, "newest": newest}


def test_neither_face_changes_any_of_it_by_one_person(api, house, held, rule):
    """Every verb of both faces that is there for it: what it guards is as it was, and a proposal waits."""
    ada = house.people["administrator"]
    before = held["look"]()
    script = api("administrator")
    for method, path, body in (
        ("post", "rules/", {"name": "New"}),
        ("post", f"rules/{rule.pk}/change/", {"approvals": 0, "risks_covered": ["data-loss"]}),
        ("post", f"releases/{held['older'].pk}/restore/", {}),
        ("post", f"releases/{house.release.pk}/make-default/", {}),
        ("post", "accounts/sandbox-1/change/", {"regions": ["eu-west-1", "us-east-1"]}),
    ):
        answer = getattr(script, method)(f"{URL}/{path}", body)
        assert answer.status_code == 202, (path, answer.content)
    Proposal.objects.all().delete()
    assert script.delete(f"{URL}/rules/{rule.pk}/").status_code == 202
    Proposal.objects.all().delete()
    browser = Client()
    TOTP.activate(ada, generate_totp_secret())
    browser.force_login(ada, backend="django.contrib.auth.backends.ModelBackend")
    engineer = house.people["engineer"]
    rule_form = {"name": "New", "approvals": "0", "expires_after_h": "24", "do": "propose"}
    for name, args, data in (
        (
            "person-new",
            [],
            {"username": "n", "email": "", "portal_role": "approver", "password": made.PASSWORD},
        ),
        ("person", [engineer.pk], {"portal_role": "administrator", "is_active": "on"}),
        ("person-reset-totp", [house.people["approver"].pk], {"reason": "Seen."}),
        ("rule-new", [], rule_form),
        ("rule", [rule.pk], rule_form),
        ("release-act", [held["older"].pk, "restore"], {}),
        ("release-act", [house.release.pk, "make-default"], {}),
        ("account-change", [house.account.pk], {"regions": ["eu-west-1", "us-east-1"]}),
    ):
        known = Proposal.objects.count()
        assert browser.post(reverse(f"admin:{name}", args=args), data).status_code == 302, name
        assert Proposal.objects.filter(status="open").count() == known + 1, name
    assert held["look"]() == before


def test_no_face_writes_what_a_second_person_guards():
    """No page, API or list calls what acts (import-linter holds that too), nor writes such a row by itself."""
    faces = [
        *(ROOT / "portal").rglob("*.py"),
        *(ROOT / "environments").glob("*/api/*.py"),
        *(ROOT / "environments").glob("*/admin.py"),
    ]
    guarded = {"ApprovalRule", "Release", "User", "Account", "Proposal"}
    writes = {
        "create",
        "update",
        "delete",
        "bulk_create",
        "bulk_update",
        "save",
        "get_or_create",
        "update_or_create",
    }
    found = [f"{path.name}:{line}" for path in faces for line in _written(path, guarded, writes)]
    assert found == []


def _written(path: Path, models: set[str], writes: set[str]) -> list[int]:
    """Lines on which a manager of one of these models writes: `Model.objects….update(…)`."""
    lines = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in writes:
            names = {inner.id for inner in ast.walk(node.func) if isinstance(inner, ast.Name)}
            managers = {inner.attr for inner in ast.walk(node.func) if isinstance(inner, ast.Attribute)}
            if names & models and "objects" in managers:
                lines.append(node.lineno)
    return lines
