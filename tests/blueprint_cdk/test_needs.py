"""What the roles are allowed is what something needs, each with its reason: no more, and nowhere by chance."""

import fnmatch
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from blueprint_cdk.access import POLICIES, beside, left_out, needs
from blueprint_cdk.access.bootstrap import BOOTSTRAP_SCOPES
from blueprint_cdk.access.execution import EXECUTION_SCOPES
from blueprint_cdk.access.guard import GUARD_SCOPES
from blueprint_cdk.access.portal import DEPLOYER_SCOPES, READER_SCOPES
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.data import load
from tests.sandbox.iam import authorization

SCOPES = {
    "reader": READER_SCOPES,
    "deployer": DEPLOYER_SCOPES,
    "bootstrap": BOOTSTRAP_SCOPES,
    "execution": EXECUTION_SCOPES,
    "guard": GUARD_SCOPES,
}
CALLS = load("calls")


def allowed(role: str) -> Iterator[str]:
    """Every action that the policies of a role's own allow."""
    # A policy of which nothing is needed is not made.
    for policy in set(SCOPES[role]) & set(POLICIES):
        for statement in POLICIES[policy][1]:
            if statement["Effect"] == "Allow":
                yield from statement["Action"]


def documented(role: str) -> set[str]:
    """What the data file holds for a role besides what it was recorded to ask for."""
    handlers = CALLS["handlers"].get(role, {}).values()
    found = {action for made in handlers for name in needs.HANDLERS for action in made.get(name, ())}
    return found | {need for call in CALLS["roles"][role].values() for need in call["needs"]}


@pytest.mark.parametrize("role", list(SCOPES))
def test_every_allowed_action_is_recorded_documented_or_in_the_table(role: str) -> None:
    table = {action for row in beside.BESIDE if row.role == role for action in row.listed()}
    known = set(CALLS["roles"][role]) | documented(role) | table
    assert set(allowed(role)) <= known


@pytest.mark.parametrize("role", list(SCOPES))
def test_everything_that_was_recorded_is_allowed(role: str) -> None:
    own = {*allowed(role), *(allowed("reader") if role == "deployer" else ())}
    for action in CALLS["roles"][role]:
        assert any(fnmatch.fnmatchcase(action, pattern) for pattern in own), action


@pytest.mark.parametrize("role", ["bootstrap", "execution", "guard"])
def test_every_handler_may_do_what_it_documents_but_for_what_is_left_out(role: str) -> None:
    own = set(allowed(role))
    for action in documented(role):
        may = any(fnmatch.fnmatchcase(action, pattern) for pattern in own)
        assert may is not needs.left_out(role, action), action


@pytest.mark.parametrize("role", list(SCOPES))
def test_what_knows_no_resource_is_allowed_on_every_one(role: str) -> None:
    """A policy that names resources does not allow it, whatever they are (Service Authorization Reference)."""
    rows = [
        row
        for policy in {*SCOPES[role], *(READER_SCOPES if role == "deployer" else ())} & set(POLICIES)
        for row in POLICIES[policy][1]
        if row["Effect"] == "Allow"
    ]
    everywhere = {action for row in rows if row["Resource"] == "*" for action in row["Action"]}
    nowhere = [
        action
        for action in sorted(set(allowed(role)))
        if (known := authorization.action(action)) is not None
        and not known["resourceTypes"]
        and not any(fnmatch.fnmatchcase(action, pattern) for pattern in everywhere)
    ]
    assert nowhere == []


def test_wildcards_are_of_the_table_only_and_read_only() -> None:
    wide = {action for role in SCOPES for action in allowed(role) if "*" in action}
    assert wide == {
        f"{service}:Describe*"
        for service in (
            "autoscaling",
            "cloudformation",
            "dynamodb",
            "ec2",
            "elasticbeanstalk",
            "elasticloadbalancing",
        )
    }
    levels = CALLS["levels"]
    reads = {action for action in levels if any(fnmatch.fnmatchcase(action, pattern) for pattern in wide)}
    assert {levels[action] for action in reads} <= {"Read", "List"}


@pytest.mark.parametrize("row", beside.BESIDE, ids=lambda row: f"{row.role}-{row.service}")
def test_the_table_names_nothing_that_is_recorded_or_documented(row: beside.Need) -> None:
    assert row.reason
    known = {*CALLS["roles"][row.role], *documented(row.role)}
    assert not known.intersection(row.listed())


@pytest.mark.parametrize("row", left_out.LEFT_OUT, ids=lambda row: f"{row.service}-{row.actions[:30]}")
def test_what_is_left_out_is_documented_and_was_never_asked_for(row: left_out.LeftOut) -> None:
    assert row.reason
    roles = [row.role] if row.role else list(SCOPES)
    found = {action for role in roles for action in documented(role) if row.holds(role, action)}
    for pattern in row.actions.split():
        one = left_out.LeftOut(row.service, pattern, row.reason, row.role)
        assert any(one.holds(row.role, action) for action in found), pattern
    assert not [action for role in roles for action in CALLS["roles"][role] if row.holds(role, action)]


@pytest.mark.parametrize(
    ("role", "scope"),
    [(role, scope) for role, made in SCOPES.items() for rows in made.values() for scope in rows],
    ids=lambda value: value.sid if isinstance(value, Scope) else value,
)
def test_every_scope_has_something_in_it(role: str, scope: Scope) -> None:
    assert any(scope.holds(action) for action in needs.needs(role))


def test_a_need_without_a_scope_is_refused_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    row = beside.Need("reader", "secretsmanager", "GetSecretValue", "somebody added it")
    monkeypatch.setattr(needs, "BESIDE", (*beside.BESIDE, row))
    with pytest.raises(
        needs.Unscoped, match=r"reader role needs secretsmanager:GetSecretValue \(somebody added"
    ):
        needs.policies("reader", READER_SCOPES)


def test_handlers_are_those_of_the_stacks_types() -> None:
    stacks = load("stacks")
    for role in ("execution", "guard"):
        made = {
            kind
            for rows in stacks.values()
            for stack in rows
            if stack.get("made_by", "execution") == role
            for kind in stack["types"]
        }
        assert set(CALLS["handlers"][role]) == made
    assert set(CALLS["handlers"]["bootstrap"]) == set(load("bootstrap")["types"])


def test_no_account_is_named_in_what_was_recorded() -> None:
    text = json.dumps({name: rows for name, rows in CALLS.items() if name != "sources"})
    assert not re.search(r"\d{12}|arn:", text)


def test_a_wildcard_stands_for_what_it_holds() -> None:
    statement: dict[str, Any] = Scope("S", "ec2", "*").statement(
        ["ec2:Describe*", "ec2:DescribeVpcs", "ec2:RunInstances"]
    )
    assert statement["Action"] == ["ec2:Describe*", "ec2:RunInstances"]
