"""What people may do in an environment: every AWS role, action, environment and second factor, allowed and denied.

Each decision is taken twice (see deciding.py). A person gets somewhere when they may take the role and the role may
do it.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from blueprint_cdk.aws_roles import aws_parts, aws_roles
from blueprint_cdk.data import load
from devtools.places import ROOT
from tests.blueprint_cdk.aws_role_table import ACCOUNT, ALL, TABLE, Row
from tests.blueprint_cdk.deciding import ANNA, Asked, judged, naming, session, tags_of, taking
from tests.blueprint_cdk.support import ALL_MODULES, Assembly, Synthesise
from tests.sandbox.iam.cases import Case, Document

ENVIRONMENTS = {"own": "shop-k3x9", "other": "till-a1b2", "namesake": "shop-k3x9-c4d5"}
"""The namesake's name begins as the own one does, suffix and all."""
TIERS = ("dev", "prod")
ENVIRONMENT, TIER = "switchyard:environment", "switchyard:tier"


@pytest.fixture(scope="module")
def roles(synthesise: Synthesise) -> dict[tuple[str, str], dict[str, Any]]:
    """The IAM roles of an environment's template, by tier and AWS role."""
    return {
        (tier, role): _role(synthesise(tier=tier, modules=ALL_MODULES), role)
        for tier, role in itertools.product(TIERS, ALL)
    }


def _role(assembly: Assembly, key: str) -> dict[str, Any]:
    name = f"{assembly.prefix}-{key}"
    [found] = [
        row["Properties"]
        for row in assembly.template("access")["Resources"].values()
        if row["Properties"]["RoleName"] == name
    ]
    return dict(found)


def doing(role: dict[str, Any], row: Row, environment: str, tier: str) -> Case:
    """A session of the role does something in an environment; the table's names are that one's."""
    tags = tags_of(role)
    keys = {
        f"aws:PrincipalTag/{ENVIRONMENT}": tags[ENVIRONMENT],
        "aws:userid": "AROAEXAMPLE:anna",
        **row.keys,
    }
    if row.tagged:
        keys |= {f"aws:ResourceTag/{ENVIRONMENT}": environment, f"aws:ResourceTag/{TIER}": tier}
    resource = row.resource.replace("{prefix}", f"sy-{environment}")
    name = f"{role['RoleName']} of {tags[TIER]}: {row.action} on {resource}, {environment} {tier} {sorted(row.keys)}"
    return session(role, name, row.action, resource, keys)


def entrances(
    roles: dict[tuple[str, str], dict[str, Any]], people: dict[str, tuple[Document, ...]]
) -> Iterator[Asked]:
    """Who may take which role, and how."""
    for wanted, member in itertools.product(ALL, ALL):
        for mfa in (True, False):
            case = taking(roles["dev", wanted], people[member], mfa=mfa)
            yield Asked(replace(case, name=f"{case.name}, member of {member}"), mfa and wanted == member)
            yield Asked(naming(case, f"member of {member}"), mfa and wanted == member)
    others: dict[str, dict[str, Any]] = {
        "somebody else's name": {"sts:SourceIdentity": "bert"},
        "no name": {"sts:SourceIdentity": None},
        "another session name": {"sts:RoleSessionName": "bert"},
        "not one of the people": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:user/anna"},
        "a session without its second factor": {"aws:MultiFactorAuthPresent": "false"},
    }
    for name, keys in others.items():
        case = taking(roles["dev", "aws-operator"], people["aws-operator"], mfa=True, **keys)
        yield Asked(replace(case, name=f"{case.name}: {name}"), False)
        if "sts:RoleSessionName" not in keys:
            yield Asked(naming(case, name), False)
    tagging = taking(roles["dev", "aws-operator"], people["aws-operator"], mfa=True)
    tag = {name: value for name, value in tagging.keys.items() if not name.startswith("sts:")}
    tag[f"aws:RequestTag/{ENVIRONMENT}"] = ENVIRONMENTS["other"]
    yield Asked(replace(tagging, name="bringing a tag along", action="sts:TagSession", keys=tag), False)


def deeds(roles: dict[tuple[str, str], dict[str, Any]]) -> Iterator[Asked]:
    """The table, in every environment, by every role."""
    for row, (kind, environment), tier, key in itertools.product(TABLE, ENVIRONMENTS.items(), TIERS, ALL):
        may = key in (*row.may, *(row.before_prod if tier != "prod" else ()))
        yield Asked(
            doing(roles[tier, key], row, environment, tier),
            may and (kind == "own" or row.everywhere),
            row.simulated,
        )


def test_a_role_is_taken_by_its_people_with_a_second_factor_under_their_own_name(
    roles: dict[tuple[str, str], dict[str, Any]], people: dict[str, tuple[Document, ...]]
) -> None:
    asked = list(entrances(roles, people))
    assert sum(row.allowed for row in asked) == 2 * len(ALL)
    assert judged(asked) == []


def test_a_role_does_what_the_table_says_in_its_own_environment_and_nothing_elsewhere(
    roles: dict[tuple[str, str], dict[str, Any]],
) -> None:
    asked = list(deeds(roles))
    assert len(asked) > 1000 and 100 < sum(row.allowed for row in asked) < len(asked) / 2
    assert judged(asked) == []


def test_nobody_does_anything_without_a_second_factor(
    roles: dict[tuple[str, str], dict[str, Any]], people: dict[str, tuple[Document, ...]]
) -> None:
    """Not by the role, which they cannot take (above), and not by what the groups give themselves."""
    asked = []
    for row, key in itertools.product(TABLE, ALL):
        case = doing(roles["dev", key], row, ENVIRONMENTS["own"], "dev")
        keys = {"aws:username": "anna", "aws:MultiFactorAuthPresent": "false", **row.keys}
        asked.append(
            Asked(
                replace(case, identity=people[key], boundary=None, keys=keys, principal=ANNA),
                False,
                row.simulated,
            )
        )
    assert judged(asked) == []


def test_every_role_has_its_name_boundary_tag_and_a_session_that_ends(synthesise: Synthesise) -> None:
    longest = synthesise(
        name="a-name-of-nineteen-x",
        suffix="k3x9",
        home_region="us-east-1",
        facts={"azs": ["us-east-1a", "us-east-1b", "us-east-1c"]},
    )
    resources = longest.template("access")["Resources"].values()
    assert [row["Type"] for row in resources] == ["AWS::IAM::Role"] * len(ALL)
    for row, role in zip(resources, aws_roles(), strict=True):
        properties = row["Properties"]
        assert properties["RoleName"] == f"{longest.prefix}-{role.key}" and len(properties["RoleName"]) <= 64
        assert properties["PermissionsBoundary"].endswith("policy/SwitchyardBoundary")
        assert properties["MaxSessionDuration"] == role.session_s <= 4 * 3600
        assert {"Key": ENVIRONMENT, "Value": longest.prefix.removeprefix("sy-")} in properties["Tags"]
        [policy] = properties["Policies"]
        # IAM: 10,240 characters of inline policies a role, without white space.
        assert len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) < 10_240
        sids = [statement["Sid"] for statement in policy["PolicyDocument"]["Statement"]]
        assert len(sids) == len(set(sids))


def test_a_database_administrator_may_change_the_password_and_has_the_commands(
    synthesise: Synthesise,
) -> None:
    """Both passwords hold until the secret has followed; no other role, and no other secret. It is what the finding
    SMG4 of the secret is acknowledged with.
    """
    assembly = synthesise(tier="prod", modules=ALL_MODULES)
    setting = {
        row["Properties"]["RoleName"].removeprefix(f"{assembly.prefix}-"): [
            statement["Resource"]
            for policy in row["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "secretsmanager:PutSecretValue" in statement["Action"]
        ]
        for row in assembly.template("access")["Resources"].values()
    }
    own = [f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:sy-shop-k3x9/database-*"]
    assert setting.get("aws-dba") == [own]
    assert not [role for role, places in setting.items() if own in places and role != "aws-dba"]
    commands = aws_parts()["database-password"].commands
    order = ["openssl rand", "RETAIN CURRENT PASSWORD", "put-secret-value", "DISCARD OLD PASSWORD"]
    assert [word in command for word, command in zip(order, commands, strict=True)] == [True] * 4
    [reason] = [
        row["reason"]
        for row in load("acknowledged")
        if (row["id"], row["construct"]) == ("AwsSolutions-SMG4", "{prefix}-keys/Database/Secret")
    ]
    [page] = re.findall(r"docs/\S+\.md", reason)
    text = (ROOT / page).read_text()
    assert [word for word in order[1:] if word not in text] == []


def test_every_part_is_used_and_says_what_it_allows() -> None:
    used = {part for role in aws_roles() for part in role.parts}
    assert used == set(aws_parts())
    assert all(part.words and part.statements for part in aws_parts().values())


def test_every_action_that_a_role_has_is_in_the_table_or_only_looks() -> None:
    """So that whoever adds an action says who may do it, and in which environment not."""
    table = {row.action for row in TABLE}
    for part in aws_parts().values():
        for statement in part.statements:
            for action in statement.actions:
                verb = action.partition(":")[2]
                looks = verb.startswith(("Describe", "Get", "List", "Filter"))
                assert action in table or looks, action
