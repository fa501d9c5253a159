"""The sandbox's decisions, case by case, beside those of npm @cloud-copilot/iam-simulate (docs/decisions/0106)."""

import json
import subprocess
from collections import Counter
from typing import Any

import pytest

from devtools.node import link_node
from devtools.places import ROOT
from sandbox.iam.decision import Caller, Layers, decide
from sandbox.iam.policy import Request
from tests.sandbox.iam.cases import OWN, ROLE, SESSION, Case, all_cases
from tests.sandbox.iam.differences import DIFFERENCES

SCRIPT = ROOT / "tests" / "sandbox" / "iam" / "decide.mjs"


def ours(case: Case) -> str:
    caller = Caller(OWN, case.principal, ROLE if case.principal == SESSION else case.principal)
    session = None if case.session is None else [case.session]
    layers = Layers(case.identity, case.boundary, session, case.resource_policy)
    # A role without any trust policy does not exist; the simulator takes it for one that asks identity policies only.
    delegated = case.action.startswith("kms:") or (
        case.action.startswith("sts:") and case.resource_policy is not None
    )
    request = Request(case.action, case.resource, case.keys)
    return decide(caller, request, layers, owner=case.owner, delegated=delegated).verdict


@pytest.fixture(scope="module")
def compared() -> list[tuple[Case, str, dict[str, Any]]]:
    """Every case with our decision and iam-simulate's answer."""
    cases = all_cases()
    asked = json.dumps([case.asked() for case in cases])
    said = subprocess.run(
        [str(link_node()), str(SCRIPT)], input=asked, capture_output=True, text=True, check=True, timeout=60
    )
    return [(case, ours(case), theirs) for case, theirs in zip(cases, json.loads(said.stdout), strict=True)]


def test_cases_are_many_and_every_one_is_taken(compared: list[tuple[Case, str, dict[str, Any]]]) -> None:
    assert len(compared) > 5000
    assert not [name for name, times in Counter(case.name for case, _, _ in compared).items() if times > 1]
    assert not [(case.name, theirs["error"]) for case, _, theirs in compared if "error" in theirs]
    decisions = Counter(theirs["decision"] for _, _, theirs in compared)
    assert min(decisions[word] for word in ("allow", "deny", "none")) > 500


def test_every_decision_is_iam_simulates(compared: list[tuple[Case, str, dict[str, Any]]]) -> None:
    differ = [
        f"{case.name}: ours {own}, iam-simulate's {theirs.get('decision')}\n{json.dumps(case.asked())}"
        for case, own, theirs in compared
        if own != theirs.get("decision") and not any(known.of(case) for known in DIFFERENCES)
    ]
    assert not differ, "\n".join([f"{len(differ)} differ", *differ[:20]])


@pytest.mark.parametrize("known", DIFFERENCES, ids=lambda known: known.why)
def test_each_known_difference_is_still_one(
    known: Any, compared: list[tuple[Case, str, dict[str, Any]]]
) -> None:
    of_it = [(case.name, own, theirs.get("decision")) for case, own, theirs in compared if known.of(case)]
    assert of_it
    assert [row for row in of_it if row[1:] != (known.ours, known.theirs)] == []
