"""cdk-nag and cfn-lint find nothing, in every size and tier."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.data import load
from blueprint_cdk.facts import RegionFacts, Runtime
from blueprint_cdk.refusals import parse
from blueprint_cdk.spec import Spec
from environments.lifecycle.when import holds
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.support import EVERYTHING, FACTS, OTHER, SPEC, STANDBY, Synthesise, facts_of

IGNORED = {
    "W3010": "Zones are facts that the portal resolved: a look-up while deploying could move a subnet.",
}
"""Rules of cfn-lint that do not hold here, with the reason."""

IGNORED_FOR_SNAPSHOTS = {
    "E3021": "A restored snapshot keeps its user and takes a new password, as CDK's own construct has it.",
}


SECRETS = ["MAPS_KEY", "SMTP_PASSWORD"]
VARIANTS: list[dict[str, Any]] = [
    {"size": "small", "tier": "dev"},
    {"size": "medium", "tier": "staging", "modules": ["proxy"]},
    {"size": "large", "tier": "prod", "deletion_protection": True, **EVERYTHING},
    {"standby": "pilot-light"},
    {"standby": "pilot-light", "modules": ["identity"]},
    {"standby": "warm", "size": "medium", "tier": "staging", "secrets": SECRETS},
    {"restore_source": {"kind": "snapshot", "id": "last-copy"}},
    {"restore_source": {"kind": "cluster", "id": "sy-source-a1b2"}},
]


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda change: "-".join(map(str, change.values()))[:40])
def test_cfn_lint_finds_nothing(synthesise: Synthesise, variant: dict[str, Any]) -> None:
    assembly = synthesise(**variant)
    # A restore source shows in the data stack alone.
    spec = {**SPEC, "standby": "none", **variant}
    there = tuple(row["key"] for row in load("stacks")["environment"] if holds(row.get("when"), spec))
    keys = ("data",) if "restore_source" in variant else there
    if "standby" in variant:
        # What differs from an environment without one: network and data of home are the same text.
        keys = (
            "keys",
            "storage",
            "app",
            "access",
            *(
                key
                for key in there
                if key in ("backup", "standby", "identity", "identity-replica") or key.startswith("other-")
            ),
        )
    snapshot = variant.get("restore_source", {}).get("kind") == "snapshot"
    for key in keys:
        template = (assembly.folder / f"{assembly.prefix}-{key}.template.json").read_text()
        assert lint(template, *IGNORED, *(IGNORED_FOR_SNAPSHOTS if snapshot else ())) == ()


@pytest.mark.parametrize("size", ["small", "medium", "large"])
@pytest.mark.parametrize("tier", ["dev", "staging", "prod"])
def test_tiers_differ_in_backups_and_tags_alone(synthesise: Synthesise, size: str, tier: str) -> None:
    """So that linting each size in one tier lints them all."""
    templates = synthesise(size=size, tier=tier, **EVERYTHING).templates()
    assert ("sy-shop-k3x9-backup" in templates) == (tier != "dev")
    templates.pop("sy-shop-k3x9-backup", None)
    reference = synthesise(size=size, tier="dev", **EVERYTHING).templates()

    def plain(found: dict[str, Any]) -> str:
        days = {"dev": 3, "staging": 7, "prod": 35}[tier]
        for template in found.values():
            for resource in template["Resources"].values():
                # Backups of uploads are told what changes, and backups cost.
                resource["Properties"].pop("NotificationConfiguration", None)
                if resource["Type"] == "AWS::Budgets::Budget":
                    del resource["Properties"]["Budget"]["BudgetLimit"]
        text = json.dumps(found, sort_keys=True)
        return text.replace(f'"{tier}"', '"dev"').replace(
            f'"BackupRetentionPeriod": {days}', '"BackupRetentionPeriod": 3'
        )

    assert plain(templates) == plain(reference)


def acknowledge(app: Any, fields: dict[str, Any]) -> int:
    """Acknowledges each finding of data/acknowledged.json that applies; answers how many."""
    import aws_cdk as cdk

    rows = acknowledged(fields)
    for path, id, reason in rows:
        construct = app
        for part in path.split("/"):
            construct = construct.node.find_child(part)
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=id, reason=reason))
    return len(rows)


def acknowledged(fields: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Construct, finding and reason of all that applies. With a standby a stack that lies in both regions has the same
    findings in both, for the same reasons; but for what it has at home alone ("place").
    """
    found = []
    for row in load("acknowledged"):
        if any(not _holds(fields[name], wanted) for name, wanted in row.get("when", {}).items()):
            continue
        if "each" in row:
            # Once for each entry of a list of the spec's.
            found += [
                (row["construct"].format_map({**fields, "each": one}), row["id"], row["reason"])
                for one in fields[row["each"]]
            ]
            continue
        found.append((row["construct"].format_map(fields), row["id"].format_map(fields), row["reason"]))
        stack = row["construct"].partition("/")[0].removeprefix("{prefix}-")
        if fields["standby"] != "none" and stack == "access" and "{home_region}" in row["id"]:
            # It lies at home, and speaks of both regions.
            both = {**fields, "home_region": fields["other_region"]}
            found.append((found[-1][0], row["id"].format_map(both), row["reason"]))
        if (
            fields["standby"] != "none"
            and f"other-{stack}" in STACKS
            and stack not in ("keys", "backup")
            and "place" not in row
        ):
            there = {
                **fields,
                "home_region": fields["other_region"],
                "other_region": fields["home_region"],
            }
            path = row["construct"].replace("{prefix}-", "{prefix}-other-")
            id = re.sub(r"\{prefix\}-([a-z]+):", r"{prefix}-other-\1:", row["id"])
            found.append((path.format_map(there), id.format_map(there), row["reason"]))
    return found


STACKS = {row["key"] for row in load("stacks")["environment"]}


def _holds(value: Any, wanted: Any) -> bool:
    """Whether a field is what is wanted: a value, one of some, or, of a field that is a list, all of some."""
    if isinstance(value, list | tuple):
        return set(wanted) <= set(value)
    if isinstance(wanted, bool):
        return bool(value) is wanted
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)


def findings(folder: Path) -> list[tuple[str, str]]:
    report = json.loads((folder / "validation-report.json").read_text())
    return sorted(
        (violation["ruleName"], construct.get("constructPath", ""))
        for plugin in report["pluginReports"]
        for violation in plugin.get("violations", [])
        for construct in violation["violatingConstructs"]
    )


def nag(folder: Path, spec: Spec, *, acknowledging: bool) -> list[tuple[str, str]]:
    """What cdk-nag finds in an environment and its baseline."""
    import aws_cdk as cdk
    import cdk_nag

    from blueprint_cdk import baseline, environment
    from blueprint_cdk.bundle import bundle_hash, placeholder_bundle
    from blueprint_cdk.synthesis import new_app

    bundle = folder / "placeholder.zip"
    bundle.write_bytes(placeholder_bundle())
    app = new_app(folder / "out")
    environment.compose(
        app,
        spec,
        parse(RegionFacts, FACTS),
        Runtime(),
        release="1.0.0",
        bundle=bundle,
        bundle_hash=bundle_hash(placeholder_bundle()),
        other=parse(RegionFacts, facts_of(OTHER)) if spec.has_standby else None,
    )
    baseline.compose(app, BaselineSpec(account_id=spec.account_id, region=spec.home_region), release="1.0.0")
    if acknowledging:
        fields = {**spec.model_dump(), "prefix": spec.named("prefix")}
        assert acknowledge(app, fields) >= 10
    cdk.Validations.of(app).add_plugins(cdk_nag.AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        assert "ValidationFailed" in str(error)
    return [row for row in findings(folder / "out") if row[0].startswith("AwsSolutions")]


@pytest.mark.parametrize(
    "change",
    [
        {"size": "small", "tier": "dev"},
        {"size": "large", "tier": "prod", "deletion_protection": True, **EVERYTHING},
        {**STANDBY, "standby": "pilot-light"},
        {
            **STANDBY,
            "standby": "warm",
            "size": "large",
            "tier": "prod",
            "deletion_protection": True,
            **EVERYTHING,
            "secrets": SECRETS,
        },
    ],
    ids=["small-dev", "large-prod", "pilot-light", "warm-large-prod"],
)
def test_cdk_nag_finds_nothing_that_is_not_acknowledged(tmp_path: Path, change: dict[str, Any]) -> None:
    assert nag(tmp_path, parse(Spec, {**SPEC, **change}), acknowledging=True) == []


def test_every_acknowledged_finding_is_found(tmp_path: Path) -> None:
    """An acknowledgment that matches nothing hides whatever comes there later."""
    spec = parse(Spec, {**SPEC, **STANDBY, "standby": "warm", **EVERYTHING, "secrets": SECRETS})
    fields = {**spec.model_dump(), "prefix": spec.named("prefix")}
    wanted = sorted((id, path) for path, id, _ in acknowledged(fields))
    assert nag(tmp_path, spec, acknowledging=False) == wanted
    assert all(len(row["reason"]) > 30 for row in load("acknowledged"))
