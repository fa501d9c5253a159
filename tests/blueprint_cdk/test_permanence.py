"""What may never be replaced is not, whatever changes later; and one environment never meets another."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from blueprint_cdk.data import load
from blueprint_cdk.policies import STATEFUL_TYPES
from tests.blueprint_cdk.support import (
    ALL_MODULES,
    FACTS,
    OTHER,
    SPEC,
    STANDBY,
    Assembly,
    Synthesise,
    facts_of,
)

PINNED = Path(__file__).parent / "stateful_logical_ids.json"

LATER: list[dict[str, Any]] = [
    {"size": "medium"},
    {"size": "large", "tier": "prod", "deletion_protection": True, "modules": ALL_MODULES},
    {"modules": ["proxy"]},
    {"team": "payments", "owner": "bob@example.com", "tier": "staging"},
    {"log_retention_days": 365},
    {"sign_in_mail": "ses", "modules": ALL_MODULES},
    {"release": "2.0.0"},
    {"facts": {"azs": [*reversed(FACTS["azs"]), "eu-west-1d"]}},
    {"facts": {"aurora_mysql_version": "8.0.mysql_aurora.3.12.0"}},
    {"facts": {"beanstalk_platform_arn": FACTS["beanstalk_platform_arn"].replace("4.6.0", "4.9.1")}},
    {"facts": {"elb_account_id": "156460612806"}},
]
"""Everything about an environment that may change in its life, one or several at a time."""

SINGLETONS = (
    "AWS::AccessAnalyzer::",
    "AWS::ApiGateway::Account",
    "AWS::CE::",
    "AWS::Config::",
    "AWS::ECR::RegistryPolicy",
    "AWS::ECR::RegistryScanningConfiguration",
    "AWS::ECR::ReplicationConfiguration",
    "AWS::GuardDuty::",
    "AWS::IAM::ServiceLinkedRole",
    "AWS::IAM::User",
    "AWS::InspectorV2::",
    "AWS::Logs::AccountPolicy",
    "AWS::Logs::ResourcePolicy",
    "AWS::S3::StorageLens",
    "AWS::SSM::",
    "AWS::SecurityHub::",
    "AWS::XRay::TransactionSearchConfig",
)
"""Types of which an account and region has one, few, or one for all: the baseline's, never an environment's."""


NAMED_WITHIN = {
    "AWS::Athena::NamedQuery",
    "AWS::RDS::DBProxyTargetGroup",
    "AWS::Route53::RecordSet",
    "AWS::SES::EmailIdentity",
    "AWS::SES::ConfigurationSetEventDestination",
}
"""Named within another resource that has a name of its own, or by the environment's domain; RDS calls every proxy's
target group "default"."""


def resources(assembly: Assembly) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (name, logical_id): resource
        for name, template in assembly.templates().items()
        for logical_id, resource in template["Resources"].items()
    }


def exports(assembly: Assembly) -> dict[str, Any]:
    return {
        output["Export"]["Name"]: output["Value"]
        for template in assembly.templates().values()
        for output in template.get("Outputs", {}).values()
        if "Export" in output
    }


def schema_of(kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("eu-west-1", kind).schema
    return schema


def property_at(properties: dict[str, Any], pointer: str) -> Any:
    """The value at a pointer of the registry ("/properties/Tier/Name"), or None."""
    value: Any = properties
    for part in pointer.split("/")[2:]:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


@pytest.mark.parametrize(
    "asked", [{}, {**STANDBY, "modules": ALL_MODULES, "standby": "warm"}], ids=["smallest", "largest"]
)
def test_same_input_gives_the_same_bytes(
    synthesise: Synthesise, tmp_path: Path, asked: dict[str, Any]
) -> None:
    from blueprint_cdk import VERSION
    from blueprint_cdk.synthesis import synthesise as run

    first = synthesise(**asked)
    facts = {"eu-west-1": FACTS, **({OTHER: facts_of(OTHER)} if asked else {})}
    request = {"app": "environment", "spec": {**SPEC, **asked}, "facts": facts, "release": VERSION}
    for number in (1, 2):
        run({**request, "out": str(tmp_path / str(number))})
    names = sorted(path.name for path in first.folder.iterdir() if path.name != "validation-report.json")
    for number in (1, 2):
        again = tmp_path / str(number)
        assert sorted(path.name for path in again.iterdir() if path.name != "validation-report.json") == names
        for name in names:
            assert (again / name).read_bytes() == (first.folder / name).read_bytes(), name


def test_stateful_logical_ids_are_pinned(synthesise: Synthesise) -> None:
    """Changing one means replacing what holds data. The file changes only for a type that is new."""
    found = {
        f"{name.rpartition('-')[2]}/{logical_id}": resource["Type"]
        for (name, logical_id), resource in resources(synthesise(tier="prod", modules=ALL_MODULES)).items()
        if resource["Type"] in STATEFUL_TYPES
    }
    assert found == json.loads(PINNED.read_text())


@pytest.mark.parametrize("later", LATER, ids=lambda change: ",".join(change))
def test_no_later_change_replaces_anything(synthesise: Synthesise, later: dict[str, Any]) -> None:
    """With every module on, also: what a change turns off is left out."""
    all_on = {"modules": ALL_MODULES}
    before, after = resources(synthesise(**all_on)), resources(synthesise(**{**later, **all_on}))
    for place, resource in before.items():
        if resource["Type"] in STATEFUL_TYPES:
            assert place in after
        if place not in after:
            continue
        schema = schema_of(resource["Type"])
        fixed = [*schema.get("createOnlyProperties", []), *schema.get("conditionalCreateOnlyProperties", [])]
        for pointer in fixed:
            was = property_at(resource.get("Properties", {}), pointer)
            assert property_at(after[place].get("Properties", {}), pointer) == was, (place, pointer)


@pytest.mark.parametrize("later", LATER, ids=lambda change: ",".join(change))
def test_no_later_change_moves_an_export(synthesise: Synthesise, later: dict[str, Any]) -> None:
    """CloudFormation refuses to change or delete an export that another stack imports."""

    before, after = exports(synthesise()), exports(synthesise(**later))
    assert {name: after.get(name) for name in before} == before
    if "modules" not in later:
        assert after == before


@pytest.mark.parametrize("module", ALL_MODULES)
def test_a_module_that_is_turned_off_takes_no_export_that_a_stack_imports(
    synthesise: Synthesise, module: str
) -> None:
    """A stack that goes as a whole goes last, when nothing imports from it any more."""
    needing = {row["key"] for row in load("modules") if module in row["needs"]}
    left = [name for name in ALL_MODULES if name != module and name not in needing]
    on, off = synthesise(modules=ALL_MODULES), synthesise(modules=left)
    gone = set(exports(on)) - set(exports(off))
    staying = off.templates()
    imported = {
        name
        for stack, template in on.templates().items()
        if stack in staying
        for name in re.findall(r'"Fn::ImportValue": "([^"]+)"', json.dumps(template))
    }
    assert not {name for name in gone & imported if name.partition(":")[0] in staying}


def test_stateful_stacks_have_a_policy_that_forbids_replacement(synthesise: Synthesise) -> None:
    assembly = synthesise()
    for name, template in assembly.templates().items():
        stateful = sorted(
            logical_id for logical_id, row in template["Resources"].items() if row["Type"] in STATEFUL_TYPES
        )
        path = assembly.folder / f"{name}.policy.json"
        assert path.exists() is bool(stateful), name
        if stateful:
            allow, deny = json.loads(path.read_text())["Statement"]
            assert (allow["Effect"], allow["Action"], allow["Resource"]) == ("Allow", "Update:*", "*")
            assert (deny["Effect"], deny["Action"]) == ("Deny", ["Update:Replace", "Update:Delete"])
            assert deny["Resource"] == [f"LogicalResourceId/{logical_id}" for logical_id in stateful]


@pytest.mark.parametrize("protected", [True, False])
def test_protection_covers_the_stacks_that_hold_data(synthesise: Synthesise, protected: bool) -> None:
    artifacts = synthesise(deletion_protection=protected).manifest["artifacts"]
    found = {
        key: artifacts[f"sy-shop-k3x9-{key}"]["properties"].get("terminationProtection", False)
        for key in ("network", "keys", "data", "storage", "app", "access")
    }
    assert found == {
        "network": False,
        "keys": protected,
        "data": protected,
        "storage": protected,
        "app": False,
        "access": False,
    }


def test_environment_stacks_hold_nothing_that_an_account_has_once(small: Assembly) -> None:
    kinds = {resource["Type"] for resource in resources(small).values()}
    assert not [kind for kind in kinds if kind.startswith(SINGLETONS)]


def test_environment_runs_no_code_of_its_own_while_deploying(small: Assembly) -> None:
    kinds = {resource["Type"] for resource in resources(small).values()}
    assert not [
        kind for kind in kinds if kind.startswith(("AWS::Lambda::", "Custom::", "AWS::CloudFormation::"))
    ]
    assert not [name for name, template in small.templates().items() if "Transform" in template]


def test_two_environments_share_no_name(synthesise: Synthesise) -> None:
    """By the registry's primary identifiers, wherever the template chooses them itself. A domain is by choice."""

    def names(assembly: Assembly) -> set[tuple[str, ...]]:
        found = set()
        for resource in resources(assembly).values():
            pointers = schema_of(resource["Type"]).get("primaryIdentifier", [])
            values = [property_at(resource["Properties"], pointer) for pointer in pointers]
            chosen = [value for value in values if isinstance(value, str)]
            if chosen and resource["Type"] not in NAMED_WITHIN:
                found.add((resource["Type"], *chosen))
        return found

    one = synthesise()
    other = synthesise(suffix="q7w2", cidr="10.30.0.0/18")
    assert ("AWS::ElasticBeanstalk::Application", "sy-shop-k3x9") in names(one)
    assert not names(one) & names(other)
    exports = [
        {
            output["Export"]["Name"]
            for template in assembly.templates().values()
            for output in template["Outputs"].values()
            if "Export" in output
        }
        for assembly in (one, other)
    ]
    assert not exports[0] & exports[1]
