"""Saved views of the list of environments, and one verb on many of them with a preview."""

from typing import Any

import pytest
from django.urls import reverse

from environments.lifecycle.bulk import MOST, VERBS
from environments.lifecycle.models import Environment
from environments.operations.models import AuditEntry, Operation
from environments.people.models import PortalRole
from tests import factories

R = PortalRole
LIST = "admin:lifecycle_environment_changelist"


@pytest.fixture
def place(world: Any) -> dict[str, Any]:
    return {
        "team": world.team,
        "owner": world.people[R.TEAM_LEAD],
        "account": world.account,
        "release": world.release,
    }


def results(answer: Any) -> dict[str, tuple[str, str]]:
    return {row.environment.name: (row.result, row.sentence) for row in answer.context["outcomes"]}


def test_each_view_holds_what_its_title_says(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    lead, engineer = world.people[R.TEAM_LEAD], world.people[R.ENGINEER]
    elsewhere = {**place, "team": factories.team_make("Elsewhere"), "owner": world.people[R.APPROVER]}
    factories.environment_make("ours", **{**place, "owner": engineer})
    factories.environment_make("mine", **{**elsewhere, "owner": lead})
    factories.environment_make("behind", **{**elsewhere, "release": factories.release_make()})
    failed = factories.environment_make("failed", **elsewhere)
    factories.operation_make(failed, status="failed", kind="update")
    again = factories.environment_make("again", **elsewhere)
    factories.operation_make(again, status="failed", kind="update")
    factories.operation_make(again, status="succeeded", kind="update")
    factories.environment_make("broken", status="broken", **elsewhere)
    asked = factories.environment_make("asked", status="requested", **elsewhere)
    factories.operation_make(asked, status="awaiting-approval")
    gone = factories.environment_make("gone", status="torn-down", **place)
    factories.operation_make(gone, status="failed")
    client = sign_in(lead)

    def names(view: str) -> set[str]:
        page = client.get(reverse(LIST) + f"?view={view}")
        return {row.name for row in page.context["cl"].result_list}

    assert names("mine") == {"mine"}
    assert names("team") == {"ours"}
    assert names("failed") == {"failed", "broken"}
    assert names("approval") == {"asked"}
    assert names("behind") == {"behind"}
    assert len(names("nonsense")) == len(names("")) == 7
    page = client.get(reverse(LIST) + "?view=failed").content.decode()
    assert '<a href="?view=failed" aria-current="page">Failed</a>' in page
    assert client.get(reverse(LIST) + "?view=failed&tier__exact=prod").context["cl"].result_count == 0


def test_an_action_of_the_list_leads_to_a_preview_that_changes_nothing(
    world: Any, place: dict[str, Any], sign_in: Any
) -> None:
    shop, web = factories.environment_make("shop", **place), factories.environment_make("web", **place)
    client = sign_in(world.people[R.TEAM_LEAD])
    chosen = {"action": "bulk_protect", "_selected_action": [shop.pk, web.pk], "index": "0"}
    answer = client.post(reverse(LIST), chosen, follow=True)
    assert results(answer) == {"shop": ("done", "protected"), "web": ("done", "protected")}
    assert "nothing has been done yet" in answer.content.decode()
    assert not Environment.objects.filter(is_protected=True).exists()
    assert not AuditEntry.objects.filter(action="environment.protected").exists()


def test_protection_of_many_is_switched_and_each_refusal_told(
    world: Any, place: dict[str, Any], sign_in: Any
) -> None:
    rows = [
        factories.environment_make("shop", **place),
        factories.environment_make("safe", is_protected=True, **place),
        factories.environment_make("gone", status="torn-down", **place),
        factories.environment_make("theirs", **{**place, "team": factories.team_make("Elsewhere")}),
    ]
    ids = ",".join(str(row.pk) for row in rows)
    client = sign_in(world.people[R.TEAM_LEAD])
    address = reverse("admin:environment-bulk", args=["protect"])
    preview = client.get(address, {"ids": ids})
    did = client.post(address, {"ids": ids})
    told = results(did)
    assert told == results(preview)
    assert told["shop"] == ("done", "protected")
    assert told["safe"] == ("idle", "It is protected already.")
    assert told["gone"] == ("refused", "gone is torn-down: there is nothing to protect.")
    assert told["theirs"][0] == "refused" and "you may not protect this environment" in told["theirs"][1]
    assert set(Environment.objects.filter(is_protected=True).values_list("name", flat=True)) == {
        "shop",
        "safe",
    }
    assert AuditEntry.objects.filter(action="environment.protected").count() == 1
    page = did.content.decode()
    assert "1 of 4 were changed" in page and "3 were not" in page and told["gone"][1] in page
    off = client.post(reverse("admin:environment-bulk", args=["unprotect"]), {"ids": ids})
    assert results(off)["safe"][0] == "done"
    assert not Environment.objects.filter(is_protected=True).exists()


def test_many_are_retried_and_withdrawn(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    broken = factories.environment_make("broken", status="broken", **place)
    failed = factories.operation_make(broken, status="failed", phase="execute")
    fine = factories.environment_make("fine", **place)
    asked = factories.environment_make("asked", status="requested", **place)
    ids = f"{broken.pk},{fine.pk},{asked.pk}"
    client = sign_in(world.people[R.TEAM_LEAD])
    assert results(client.get(reverse("admin:environment-bulk", args=["retry"]), {"ids": ids})) == {
        "broken": ("done", "goes on at the step that failed"),
        "fine": ("refused", "Nothing was done with fine yet."),
        "asked": ("refused", "Nothing was done with asked yet."),
    }
    assert Operation.objects.get(pk=failed.pk).status == "failed"
    client.post(reverse("admin:environment-bulk", args=["retry"]), {"ids": ids})
    assert Operation.objects.get(pk=failed.pk).status == "queued"
    told = results(client.post(reverse("admin:environment-bulk", args=["withdraw"]), {"ids": ids}))
    assert {name: result for name, (result, _) in told.items()} == {
        "broken": "refused",
        "fine": "refused",
        "asked": "done",
    }
    assert Environment.objects.get(pk=asked.pk).status == "withdrawn"


def test_who_may_see_may_preview_but_changes_nothing(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    shop = factories.environment_make("shop", **place)
    client = sign_in(world.people[R.AUDITOR])
    for verb in VERBS:
        address = reverse("admin:environment-bulk", args=[verb])
        for answer in (client.get(address, {"ids": shop.pk}), client.post(address, {"ids": shop.pk})):
            assert answer.status_code == 200
            assert results(answer)["shop"][0] in ("refused", "idle")
            assert '<input type="hidden" name="ids"' not in answer.content.decode()
    assert not Environment.objects.filter(is_protected=True).exists()


def test_live_accounts_are_named_at_the_button(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    world.account.mode = "live"
    world.account.save()
    shop = factories.environment_make("shop", **place)
    client = sign_in(world.people[R.TEAM_LEAD])
    page = client.get(reverse("admin:environment-bulk", args=["protect"]), {"ids": shop.pk}).content.decode()
    button = page.split('name="ids"')[1].split("</form>")[0]
    assert "Protect against teardown: 1 environment<" in button
    assert f"LIVE {world.account.account_id}" in button


def test_nonsense_is_no_error(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    factories.environment_make("shop", **place)
    client = sign_in(world.people[R.TEAM_LEAD])
    address = reverse("admin:environment-bulk", args=["protect"])
    for ids in ("", "x", "1e3", "99999999999999999999", "-1", "²", "0"):
        page = client.get(address, {"ids": ids})
        assert page.status_code == 200 and page.context["outcomes"] == [], ids
    assert client.get(reverse("admin:environment-bulk", args=["explode"])).status_code == 404


def test_more_than_can_be_done_at_once_is_told(world: Any, place: dict[str, Any], sign_in: Any) -> None:
    source = factories.environment_make("e-0", **place)
    for number in range(1, MOST + 1):
        source.pk, source.name = None, f"e-{number}"
        source.save(force_insert=True)
    client = sign_in(world.people[R.TEAM_LEAD])
    chosen = {"action": "bulk_protect", "_selected_action": [source.pk], "select_across": "1", "index": "0"}
    answer = client.post(reverse(LIST), chosen, follow=True)
    assert f"more than {MOST} environments" in answer.content.decode()
