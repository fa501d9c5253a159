"""Assemblies of the blueprint, each synthesised once a run in one warm process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from blueprint_cdk import VERSION, runtime
from tests.blueprint_cdk.applications import NAME, Make, Template
from tests.blueprint_cdk.applications import SPEC as APPLICATION
from tests.blueprint_cdk.aws_role_table import ACCOUNT
from tests.blueprint_cdk.support import ALL_MODULES, FACTS, SPEC, STANDBY, Assembly, Synthesise, facts_of
from tests.sandbox.iam.cases import Document

runtime.prepare()


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Synthesise:
    """synthesise(facts=…, release=…, runtime=…, other_facts=…, **spec) -> Assembly; equal arguments give the same
    assembly again. A standby lies in the other region of `support` unless the spec says where.
    """
    from blueprint_cdk.synthesis import synthesise as run

    made: dict[str, Assembly] = {}

    def make(
        facts: dict[str, Any] | None = None,
        release: str = VERSION,
        runtime: dict[str, Any] | None = None,
        other_facts: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Assembly:
        spec = {**SPEC, **changes}
        if spec.get("standby", "none") != "none":
            # Where there is a standby, there is mostly a proxy.
            spec = {**STANDBY, **spec, "modules": changes.get("modules", ["proxy"])}
        region = spec.get("other_region")
        other = {region: {**facts_of(region), **(other_facts or {})}} if region else {}
        request = {
            "app": "environment",
            "spec": spec,
            "facts": {spec["home_region"]: {**FACTS, **(facts or {})}, **other},
            "runtime": runtime or {},
            "release": release,
        }
        key = json.dumps(request, sort_keys=True)
        if key not in made:
            folder = tmp_path_factory.mktemp("assembly")
            run({**request, "out": str(folder)})
            made[key] = Assembly(folder, f"sy-{spec['name']}-{spec['suffix']}")
        return made[key]

    return make


@pytest.fixture(scope="session")
def small(synthesise: Synthesise) -> Assembly:
    return synthesise()


@pytest.fixture(scope="session")
def whole(synthesise: Synthesise) -> Assembly:
    """With every module on."""
    return synthesise(modules=ALL_MODULES)


@pytest.fixture(scope="session")
def pilot(synthesise: Synthesise) -> Assembly:
    return synthesise(standby="pilot-light")


@pytest.fixture(scope="session")
def warm(synthesise: Synthesise) -> Assembly:
    return synthesise(standby="warm")


@pytest.fixture(scope="session")
def deliver(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """deliver(**spec) -> the template of an Application; equal changes give the same one again."""
    from blueprint_cdk.synthesis import synthesise

    made: dict[str, Template] = {}

    def template(**changes: Any) -> Template:
        key = json.dumps(changes, sort_keys=True)
        if key not in made:
            out = tmp_path_factory.mktemp("application")
            synthesise({"app": "application", "spec": {**APPLICATION, **changes}, "out": str(out)})
            made[key] = json.loads((out / f"{NAME}.template.json").read_text())
        return made[key]

    return template


@pytest.fixture(scope="session")
def delivery(deliver: Make) -> Template:
    return deliver()


@pytest.fixture(scope="session")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Document, ...]]:
    """The policies of the account's groups of people, by AWS role."""
    from blueprint_cdk.synthesis import synthesise

    out = tmp_path_factory.mktemp("baseline")
    synthesise({"app": "baseline", "spec": {"account_id": ACCOUNT, "region": "eu-west-1"}, "out": str(out)})
    resources = json.loads((out / "switchyard-guard.template.json").read_text())["Resources"].values()
    [own] = [row["Properties"] for row in resources if row["Type"] == "AWS::IAM::ManagedPolicy"]
    return {
        row["Properties"]["GroupName"].removeprefix("switchyard-"): (
            own["PolicyDocument"],
            row["Properties"]["Policies"][0]["PolicyDocument"],
        )
        for row in resources
        if row["Type"] == "AWS::IAM::Group"
    }
