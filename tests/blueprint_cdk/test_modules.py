"""Modules: their rules, and every pair of choices together."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any, get_args

import pytest

from blueprint_cdk.data import load
from blueprint_cdk.describe import describe
from blueprint_cdk.modules import MODULES, ModuleName
from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec
from environments.lifecycle.when import holds
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.support import ALL_MODULES, SPEC, Synthesise
from tests.blueprint_cdk.test_rules import IGNORED, nag

N, I, A, P, C = "notifications", "identity", "analytics", "proxy", "canary"  # noqa: E741 - a table is read by column

COVERING: list[tuple[str, str, list[str]]] = [
    ("small", "dev", []),
    ("small", "staging", [I, N, A, P, C]),
    ("small", "prod", [I, N, A, P, C]),
    ("medium", "dev", [I, N, A, C]),
    ("medium", "staging", [P]),
    ("medium", "prod", [I, N, A, P, C]),
    ("large", "dev", [A, P]),
    ("large", "staging", [I, C]),
    ("large", "prod", [I, N, A, P, C]),
    ("small", "dev", [I, P]),
    ("small", "staging", [A, C]),
    ("medium", "dev", [P, C]),
    ("medium", "staging", [I, N, A]),
    ("large", "dev", [I, N, A, P]),
    ("large", "staging", [A]),
]
"""Size, tier and modules: every pair of choices that the rules allow is in a row, as a test counts."""


def choices(size: str, tier: str, modules: list[str]) -> dict[str, Any]:
    return {"size": size, "tier": tier, **{name: name in modules for name in MODULES}}


def allowed() -> list[dict[str, Any]]:
    found = []
    for size, tier in itertools.product(load("sizes"), load("tiers")):
        for chosen in itertools.product([True, False], repeat=len(MODULES)):
            modules = [name for name, on in zip(MODULES, chosen, strict=True) if on]
            try:
                parse(Spec, {**SPEC, "size": size, "tier": tier, "modules": modules})
            except SpecError:
                continue
            found.append(choices(size, tier, modules))
    return found


def pairs(rows: list[dict[str, Any]]) -> set[tuple[tuple[str, Any], ...]]:
    return {pair for row in rows for pair in itertools.combinations(sorted(row.items()), 2)}


def test_table_covers_every_pair_that_the_rules_allow() -> None:
    assert pairs([choices(*row) for row in COVERING]) == pairs(allowed())


@pytest.mark.timeout(300)  # twelve templates of all stacks, each linted
def test_every_pair_of_choices_is_clean(synthesise: Synthesise, tmp_path: Path) -> None:
    """cfn-lint and cdk-nag find nothing in any row; nor is a stack described that is not there, or the other way."""
    rows = load("stacks")["environment"]
    linted: set[str] = set()
    nagged: set[tuple[str, ...]] = set()
    for number, (size, tier, modules) in enumerate(COVERING):
        change = {"size": size, "tier": tier, "modules": modules}
        assembly = synthesise(**change)
        spec = parse(Spec, {**SPEC, **change})
        fields = spec.model_dump(mode="json")
        told = {f"sy-shop-k3x9-{row['key']}" for row in rows if holds(row.get("when"), fields)}
        assert set(assembly.templates()) == told, change
        for path in sorted(assembly.folder.glob("*.template.json")):
            # Tiers differ in a tag and in days of backups alone (test_rules): a stack is linted once for all of them.
            days = load("tiers")[tier]["backup_retention_days"]
            text = path.read_text()
            same = text.replace(f'"{tier}"', '"tier"').replace(f'Period": {days}', 'Period": 1')
            if same not in linted:
                linted.add(same)
                assert lint(text, *IGNORED) == (), (change, path.name)
        if spec.modules not in nagged:
            nagged.add(spec.modules)
            folder = tmp_path / str(number)
            folder.mkdir()
            assert nag(folder, spec, acknowledging=True) == [], change


def test_modules_are_the_same_in_code_and_data() -> None:
    assert get_args(ModuleName) == MODULES == tuple(ALL_MODULES)
    for row in load("modules"):
        assert set(row["needs"]) <= set(MODULES)
        assert bool(row.get("why")) == bool(row["needs"])
        assert row["description"].endswith(".") and len(row["description"]) < 120
    for tier in load("tiers").values():
        assert set(tier["required_modules"]) <= set(tier["default_modules"]) <= set(MODULES)


def test_spec_from_before_modules_has_the_proxy_it_was_made_with() -> None:
    before = {name: value for name, value in SPEC.items() if name != "modules"}
    assert parse(Spec, before).modules == ("proxy",)
    assert describe()["schema"]["properties"]["modules"]["default"] == ["proxy"]


def test_modules_have_one_order_whoever_names_them() -> None:
    assert parse(Spec, {**SPEC, "modules": ["proxy", "identity"]}).modules == ("identity", "proxy")
