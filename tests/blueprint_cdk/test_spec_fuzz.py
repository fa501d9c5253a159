"""Any spec that the schema allows becomes an assembly; any field that is broken is refused at that field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from blueprint_cdk.data import load
from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec
from tests.blueprint_cdk.spec_strategies import FIELDS, SCHEMA, broken, specs
from tests.blueprint_cdk.support import SPEC, facts_of

SYNTHESISED = 12
"""Assemblies of one run: each takes up to a second when the machine is busy."""

QUICK = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    max_examples=60,
)


@seed(20261128)
@QUICK
@given(spec=specs())
def test_what_the_schema_allows_is_accepted_and_stays_what_it_was(spec: dict[str, Any]) -> None:
    jsonschema.validate(spec, SCHEMA)
    accepted = parse(Spec, spec)
    told = accepted.model_dump(mode="json")
    for name, value in spec.items():
        if name == "domain" and not value:
            value = f"{spec['name']}.{spec['zone_name']}"
        is_set = FIELDS[name].get("uniqueItems")
        assert (set(told[name]) == set(value)) if is_set else (told[name] == value), name
    # What it became is a spec itself, and the same one.
    assert parse(Spec, told) == accepted


@seed(20261128)
@settings(QUICK, max_examples=SYNTHESISED)
@given(spec=specs())
def test_a_spec_that_is_accepted_synthesises(
    tmp_path_factory: pytest.TempPathFactory, spec: dict[str, Any]
) -> None:
    from blueprint_cdk.synthesis import synthesise

    regions = [spec["home_region"], *([spec["other_region"]] if "other_region" in spec else [])]
    out: Path = tmp_path_factory.mktemp("any")
    synthesise(
        {
            "app": "environment",
            "spec": spec,
            "facts": {region: facts_of(region) for region in regions},
            "out": str(out),
        }
    )
    made = {path.name.removesuffix(".template.json") for path in out.glob("*.template.json")}
    wanted = {
        f"sy-{spec['name']}-{spec['suffix']}-{row['key']}"
        for row in load("stacks")["environment"]
        if all(_chosen(spec, field) & set(values) for field, values in row.get("when", {}).items())
    }
    assert made == wanted


def _chosen(spec: dict[str, Any], field: str) -> set[str]:
    value = spec[field] if field in spec else FIELDS[field]["default"]
    return set(value) if isinstance(value, list) else {value}


@pytest.mark.parametrize("field", FIELDS)
def test_a_broken_field_is_refused_at_that_field(field: str) -> None:
    @seed(20261128)
    @settings(QUICK, max_examples=25)
    @given(value=broken(field))
    def fuzz(value: Any) -> None:
        # The example's other fields go with each other, so the broken one is all there is to refuse.
        with pytest.raises(SpecError) as caught:
            parse(Spec, {**SPEC, field: value})
        assert str(caught.value.field).partition(".")[0] == field, (value, caught.value.sentence)
        assert caught.value.sentence.endswith(".") and "\n" not in caught.value.sentence

    fuzz()


@seed(20261128)
@settings(QUICK, max_examples=50)
@given(name=st.text(max_size=40).filter(lambda text: text not in FIELDS), value=st.none() | st.text())
def test_a_field_that_is_not_known_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        parse(Spec, {**SPEC, name: value})
    assert caught.value.field == (name or None)
    assert "is not known to this blueprint" in caught.value.sentence
