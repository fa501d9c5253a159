"""From a request to a cloud assembly on disk. Needs no network and no credentials.

Imported late and only by what synthesises: importing aws_cdk starts Node.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

import aws_cdk as cdk
from pydantic import BaseModel, ConfigDict

from blueprint_cdk import VERSION, application, baseline, environment
from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.bundle import bundle_hash, placeholder_bundle
from blueprint_cdk.facts import RegionFacts, Runtime
from blueprint_cdk.fields import OTHER
from blueprint_cdk.policies import stack_policy
from blueprint_cdk.refusals import SpecError, parse
from blueprint_cdk.spec import Spec

FEATURE_FLAGS = {
    # Log delivery by bucket policy: ACLs are off on every bucket.
    "@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy": True,
    "@aws-cdk/core:enablePartitionLiterals": True,
    "@aws-cdk/core:checkSecretUsage": True,
}


class Request(BaseModel):
    """One request. `release` is the value of the tag switchyard:release; without it the blueprint's version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    app: Literal["environment", "baseline", "application"]
    spec: dict[str, Any]
    facts: dict[str, dict[str, Any]] = {}
    runtime: dict[str, Any] = {}
    out: str
    release: str | None = None


def synthesise(data: Any) -> Path:
    """Writes the assembly that `data` (a Request as JSON) asks for, and answers its folder.

    The folder is replaced as a whole. Raises SpecError, with a sentence and a field, for what the request got wrong.
    """
    request = parse(Request, data)
    out = Path(request.out)
    if not out.is_absolute():
        raise SpecError("out must be an absolute path.", "out")
    release = request.release or VERSION
    # All input is read before anything is written: what is refused leaves no half assembly.
    if request.app == "baseline":
        account = parse(BaselineSpec, request.spec)
        app = new_app(out)
        baseline.compose(app, account, release=release)
        _write(app, out)
        return out
    if request.app == "application":
        wanted = parse(ApplicationSpec, request.spec)
        app = new_app(out)
        application.compose(app, wanted, release=release)
        _write(app, out)
        return out
    spec = parse(Spec, request.spec)
    facts = {region: parse(RegionFacts, row, f"facts.{region}") for region, row in request.facts.items()}
    runtime = parse(Runtime, request.runtime, "runtime")
    regions = [spec.home_region, *([spec.region(OTHER)] if spec.has_standby else [])]
    for region in regions:
        if region not in facts:
            raise SpecError(f"Nothing is known about {region}: its facts are missing.", "facts")
    app = new_app(out)
    zipped = placeholder_bundle()
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / "placeholder.zip"
        bundle.write_bytes(zipped)
        environment.compose(
            app,
            spec,
            facts[spec.home_region],
            runtime,
            release=release,
            bundle=bundle,
            bundle_hash=bundle_hash(zipped),
            other=facts[spec.region(OTHER)] if spec.has_standby else None,
        )
        _write(app, out)
    return out


def new_app(out: Path) -> cdk.App:
    """A new app that writes to `out`, which it empties if it holds an assembly."""
    if out.exists():
        if any(out.iterdir()) and not (out / "manifest.json").exists():
            raise SpecError(
                f"{out.name} holds something else than an assembly; it is not overwritten.", "out"
            )
        shutil.rmtree(out)
    out.mkdir(parents=True)
    return cdk.App(outdir=str(out), tree_metadata=False, analytics_reporting=False, context=FEATURE_FLAGS)


def _write(app: cdk.App, out: Path) -> None:
    app.synth()
    for template_path in sorted(out.glob("*.template.json")):
        policy = stack_policy(json.loads(template_path.read_text(encoding="utf-8")))
        if policy is not None:
            name = template_path.name.removesuffix(".template.json")
            (out / f"{name}.policy.json").write_text(json.dumps(policy, indent=1) + "\n", encoding="utf-8")
