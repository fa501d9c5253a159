"""Each page and verb against each role, as a table; what is refused changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from environments.lifecycle.models import SandboxView
from environments.operations.models import AuditEntry, Operation, OperationLimit, Pause
from environments.people.models import PortalRole, Team, User
from tests import factories

R = PortalRole
ALL = frozenset(R.values)
ADMIN = frozenset({R.ADMINISTRATOR})
REQUESTERS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD, R.ENGINEER})
LEADS = frozenset({R.ADMINISTRATOR, R.TEAM_LEAD})
APPROVERS = frozenset({R.ADMINISTRATOR, R.APPROVER, R.TEAM_LEAD})

SignIn = Callable[[User], Client]

PAGES: list[tuple[str, str, frozenset[str]]] = [
    ("start", "admin:index", ALL),
    ("environments", "admin:lifecycle_environment_changelist", ALL),
    ("environment", "admin:environment", ALL),
    ("new environment", "admin:environment-new", REQUESTERS),
    ("teardown", "admin:environment-teardown", LEADS),
    ("operations", "admin:operations_operation_changelist", ALL),
    ("operation", "admin:operation", ALL),
    ("operation live", "admin:operation-live", ALL),
    ("approvals", "admin:approvals", ALL),
    ("accounts", "admin:lifecycle_account_changelist", ALL),
    ("account", "admin:account", ALL),
    ("new account", "admin:account-new", ADMIN),
    ("releases", "admin:lifecycle_release_changelist", ALL),
    ("release", "admin:release", ALL),
    ("people", "admin:people_user_changelist", ALL),
    ("person", "admin:person", ALL),
    ("new person", "admin:person-new", ADMIN),
    ("teams", "admin:people_team_changelist", ALL),
    ("new team", "admin:team-new", ADMIN),
    ("tokens", "admin:people_apitoken_changelist", ALL),
    ("new token", "admin:token-new", ALL),
    ("audit", "admin:operations_auditentry_changelist", frozenset({R.ADMINISTRATOR, R.AUDITOR})),
    ("administration", "admin:administration", frozenset({R.ADMINISTRATOR, R.AUDITOR})),
    ("sandbox faults", "admin:sandbox-faults", ADMIN),
    ("sandbox faults live", "admin:sandbox-faults-live", ADMIN),
    ("sandbox faults fields", "admin:sandbox-faults-fields", ADMIN),
]


@pytest.fixture
def rows(world: Any) -> dict[str, int]:
    """Ids that the addresses of pages need."""
    lead = world.people[R.TEAM_LEAD]
    environment = factories.environment_make(
        "shop", team=world.team, owner=lead, account=world.account, release=world.release
    )
    operation = factories.operation_make(environment, status="running", requested_by=lead)
    return {
        "admin:environment": environment.pk,
        "admin:environment-teardown": environment.pk,
        "admin:operation": operation.pk,
        "admin:operation-live": operation.pk,
        "admin:account": world.account.pk,
        "admin:release": world.release.pk,
        "admin:person": lead.pk,
    }


@pytest.mark.parametrize("role", R.values)
def test_each_page_opens_for_the_roles_of_its_row(
    role: str, world: Any, rows: dict[str, int], sign_in: SignIn
) -> None:
    client = sign_in(world.people[role])
    found, expected = {}, {}
    for title, name, roles in PAGES:
        address = reverse(name, args=[rows[name]] if name in rows else [])
        found[title] = client.get(address).status_code
        expected[title] = 200 if role in roles else 403
    assert found == expected


def test_nobody_sees_a_page_without_signing_in(db: None, client: Client) -> None:
    for _title, name, _roles in PAGES:
        needs_id = name in (
            "admin:environment admin:environment-teardown admin:operation admin:operation-live"
            " admin:account admin:release admin:person"
        )
        answer = client.get(reverse(name, args=[1] if needs_id else []), follow=True)
        assert answer.redirect_chain, name
        assert answer.redirect_chain[-1][0].startswith("/accounts/login/"), name


VERBS: list[tuple[str, dict[str, str], frozenset[str]]] = [
    ("admin:environment-protect", {"is_protected": "on"}, LEADS),
    ("admin:environment-teardown", {"confirm": "web", "copy_database": "no", "copy_uploads": "yes"}, LEADS),
    ("admin:operation-act approve", {"plan_hash": "a" * 64}, APPROVERS),
    ("admin:operation-act reject", {"comment": "Too large."}, APPROVERS),
    ("admin:operation-act cancel", {}, LEADS),
    ("admin:operation-act retry", {}, LEADS),
    ("admin:account-add-again", {}, ADMIN),
    ("admin:account-canary", {"team": "{team}"}, ADMIN),
    ("admin:release-act make-default", {}, ADMIN),
    ("admin:release-act withdraw", {}, ADMIN),
    ("admin:team-new", {"name": "Payments"}, ADMIN),
    ("admin:person-reset-totp", {"reason": "Seen in person."}, ADMIN),
    ("admin:administration-pause", {"reason": "A look."}, ADMIN),
    ("admin:administration-limit", {"scope": "*", "max_running": "7"}, ADMIN),
    ("admin:sandbox-faults", {"kind": "dark"}, ADMIN),
    ("admin:sandbox-faults-end", {"fault": "fault-1"}, ADMIN),
    ("admin:sandbox-faults-end-all", {}, ADMIN),
    ("admin:token-new", {"name": "nightly", "scopes": "read", "days": "30"}, ALL),
]


def _subject(name: str, world: Any) -> list[Any]:
    """What the verb is done to, made afresh: an environment in the right state, an operation waiting."""
    route, _, verb = name.partition(" ")
    lead = world.people[R.TEAM_LEAD]
    place = {"team": world.team, "owner": lead, "account": world.account, "release": world.release}
    if route in ("admin:environment-protect", "admin:environment-teardown"):
        return [factories.environment_make("web", **place).pk]
    if route == "admin:operation-act":
        asker = factories.person_make(R.TEAM_LEAD, teams=[world.team])
        status = {"approve": "awaiting-approval", "reject": "awaiting-approval", "retry": "failed"}.get(
            verb, "running"
        )
        environment = factories.environment_make("web", status="provisioning", **place)
        operation = factories.operation_make(environment, status=status, phase="execute", requested_by=asker)
        if status == "awaiting-approval":
            factories.plan_make(operation)
            Operation.objects.filter(pk=operation.pk).update(approvals_needed=1)
        return [operation.pk, verb]
    if route == "admin:account-canary":
        world.account.mode = "plan-only"
        world.account.save(update_fields=["mode"])
    if route in ("admin:account-add-again", "admin:account-canary"):
        return [world.account.pk]
    if route == "admin:release-act":
        return [factories.release_make("0.9.0").pk, verb]
    if route == "admin:person-reset-totp":
        return [world.people[R.ENGINEER].pk]
    if route == "admin:sandbox-faults-end":
        SandboxView.objects.create(faults=[{"id": "fault-1", "body": {"kind": "dark"}}])
    return []


@pytest.mark.parametrize("name, data, roles", VERBS, ids=[name for name, _, _ in VERBS])
@pytest.mark.parametrize("role", R.values)
def test_each_verb_is_done_for_the_roles_of_its_row_and_audited(
    name: str, data: dict[str, str], roles: frozenset[str], role: str, world: Any, sign_in: SignIn
) -> None:
    address = reverse(name.split(" ")[0], args=_subject(name, world))
    client = sign_in(world.people[role])
    before = AuditEntry.objects.count()
    answer = client.post(address, {key: value.format(team=world.team.slug) for key, value in data.items()})
    assert answer.status_code in (200, 302, 403)
    audited = AuditEntry.objects.count() - before
    if role in roles:
        assert audited >= 1
        assert AuditEntry.objects.latest("id").actor == world.people[role]
    else:
        assert audited == 0
        assert not Pause.objects.exists()
        assert not OperationLimit.objects.filter(max_running=7).exists()
        assert not Team.objects.filter(name="Payments").exists()


def test_lead_of_another_team_may_do_nothing_here(world: Any, rows: dict[str, int], sign_in: SignIn) -> None:
    stranger = factories.person_make(R.TEAM_LEAD, teams=[factories.team_make("Elsewhere")])
    client = sign_in(stranger)
    assert (
        client.get(reverse("admin:environment-teardown", args=[rows["admin:environment"]])).status_code == 403
    )
    client.post(reverse("admin:operation-act", args=[rows["admin:operation"], "cancel"]))
    assert Operation.objects.get(pk=rows["admin:operation"]).status == "running"


def test_superuser_without_a_role_bypasses_no_service(
    world: Any, rows: dict[str, int], sign_in: SignIn
) -> None:
    powerful = factories.person_make(R.AUDITOR, is_superuser=True)
    client = sign_in(powerful)
    assert client.get(reverse("admin:environment-new")).status_code == 403
    client.post(reverse("admin:operation-act", args=[rows["admin:operation"], "cancel"]))
    assert Operation.objects.get(pk=rows["admin:operation"]).status == "running"


def test_rows_in_the_admin_can_be_neither_added_nor_changed_nor_deleted(world: Any, sign_in: SignIn) -> None:
    from django.contrib import admin

    powerful = factories.person_make(R.ADMINISTRATOR, is_superuser=True)
    client = sign_in(powerful)
    for model in admin.site._registry:
        if model._meta.app_label not in ("operations", "people", "lifecycle"):
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._default_manager.first()
        key = row.pk if row is not None else 1
        assert client.post(reverse(f"{base}_add"), {}).status_code == 403, model
        assert client.post(reverse(f"{base}_delete", args=[key]), {"post": "yes"}).status_code in (
            302,
            403,
        ), model
        if row is not None:
            assert model._default_manager.filter(pk=key).exists(), model
            answer = client.post(reverse(f"{base}_change", args=[key]), {"name": "other", "status": "other"})
            assert answer.status_code in (302, 403), model


def test_the_admin_opens_no_way_around_to_other_libraries_rows() -> None:
    """Beat's schedules, knox's tokens, allauth's rows, groups: changing them there would be unaudited."""
    from django.contrib import admin

    assert {model._meta.app_label for model in admin.site._registry} == {"operations", "people", "lifecycle"}
