"""Export: an environment as a zip that the plain CDK CLI can go on with, should the portal not be there.

Made from rows and from the stored assembly; no AWS is called, and no secret is in any of it.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from typing import Any

from django.core.files.storage import storages
from django.template.loader import render_to_string
from django.utils import timezone

from environments.errors import Conflict
from environments.lifecycle.models import Environment, Plan, Revision
from environments.lifecycle.stacks import stacks_of
from environments.operations.audit import audit_record
from environments.people.models import User
from environments.people.rights import require

CDK_CLI = "2.1148.1"
"""The version of aws-cdk that tests hold this against; package.json has the same one."""
CONTENT_TYPE = "application/zip"
BUCKET, CLUSTER = "AWS::S3::Bucket", "AWS::RDS::DBCluster"
KEPT_POLICIES = frozenset({"Retain", "RetainExceptOnCreate", "Snapshot"})


@dataclass(frozen=True)
class Export:
    """The zip's file name and its bytes."""

    name: str
    content: bytes


def environment_export(*, environment: Environment, actor: User) -> Export:
    """The environment's stored assembly with a README of plain commands, and what is known of its stacks.

    Also of one that is gone or forgotten. Raises Forbidden, Conflict (nothing was ever deployed, or its assembly is
    no longer in the artifact store).
    """
    require(actor, "environment.export", team=environment.team)
    revision, name = _deployed(environment)
    if not name:
        raise Conflict(f"Nothing of {environment.name} was ever deployed: there is nothing to export.")
    try:
        with storages["artifacts"].open(name, "rb") as file:
            stored = file.read()
    except FileNotFoundError as error:
        raise Conflict(
            f"The assembly of {environment.name} is not in the artifact store any more."
        ) from error
    told = _told(environment, revision, name, _files(stored))
    content = _packed(environment.full_name, _files(stored), told)
    audit_record(
        "environment.exported",
        environment,
        actor=actor,
        after={"assembly": name, "revision": revision.number if revision else None, "bytes": len(content)},
    )
    return Export(f"{environment.full_name}.zip", content)


def _deployed(environment: Environment) -> tuple[Revision | None, str]:
    """The newest revision and its assembly; the assembly alone where an operation began and left no revision."""
    revision = (
        environment.revisions.select_related("release").exclude(assembly="").order_by("-number").first()
    )
    if revision is not None:
        return revision, revision.assembly
    begun = environment.operations.filter(started_at__isnull=False)
    plan = Plan.objects.filter(operation__in=begun).exclude(assembly="").order_by("-operation_id").first()
    return None, plan.assembly if plan else ""


def _files(stored: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(stored)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _told(
    environment: Environment, revision: Revision | None, assembly: str, files: dict[str, bytes]
) -> dict[str, Any]:
    """Everything that README.md and environment.json say."""
    release = revision.release if revision else environment.release
    artifacts = json.loads(files["manifest.json"])["artifacts"]
    rows = {row.name: row for row in environment.stacks.all()}
    stacks = []
    spec = revision.spec if revision else environment.spec
    for stack in stacks_of(release, spec):
        name = f"sy-{environment.full_name}-{stack.key}"
        properties = artifacts[name]["properties"]
        row = rows.get(name)
        stacks.append(
            {
                "key": stack.key,
                "title": stack.title,
                "name": name,
                "region": stack.region,
                "status": row.status if row else "",
                "stack_id": row.stack_id if row else "",
                "outputs": row.outputs if row else {},
                "parameters": properties.get("parameters", {}),
                "tags": properties.get("tags", {}),
                "is_protected": bool(properties.get("terminationProtection")),
                "deploy_role": _arn(properties.get("assumeRoleArn", "")),
                "execution_role": _arn(properties.get("cloudFormationExecutionRoleArn", "")),
                "template": properties["templateFile"],
                "kept": _kept(files[properties["templateFile"]]),
            }
        )
    held = environment.resources().filter(type__in=[BUCKET, CLUSTER]).exclude(status="DELETE_COMPLETE")
    physical = sorted(held.values_list("type", "physical_id"))
    return {
        "made_at": timezone.now().isoformat(timespec="seconds"),
        "environment": environment.full_name,
        "status": environment.status,
        "team": environment.team.slug,
        "account_id": environment.account.account_id,
        "region": environment.home_region,
        "release": {
            "version": release.version,
            "digest": release.digest,
            "lock": release.description["lock"],
        },
        "revision": revision.number if revision else None,
        "is_partial": revision is not None and not revision.is_deployed,
        "assembly": assembly,
        "spec": spec,
        "addresses": environment.addresses,
        "stacks": stacks,
        "buckets": [name for kind, name in physical if kind == BUCKET],
        "clusters": [name for kind, name in physical if kind == CLUSTER],
    }


def _packed(folder: str, files: dict[str, bytes], told: dict[str, Any]) -> bytes:
    manifest = json.loads(files["manifest.json"])
    for artifact in manifest["artifacts"].values():
        # Where in the blueprint's code each resource came from: it was not stored, and no deployment reads it.
        artifact.pop("additionalMetadataFile", None)
    files = {**files, "manifest.json": _json(manifest), "cdk.out": _json({"version": manifest["version"]})}
    readme = render_to_string(
        "lifecycle/export.md",
        {**told, "backwards": list(reversed(told["stacks"])), "cli": f"aws-cdk@{CDK_CLI}"},
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{folder}/README.md", readme)
        archive.writestr(f"{folder}/environment.json", _json(told))
        for name in sorted(files):
            archive.writestr(f"{folder}/assembly/{name}", files[name])
    return buffer.getvalue()


def _kept(template: bytes) -> list[str]:
    """Logical ids that deleting the stack leaves in place, or leaves a snapshot of."""
    resources = json.loads(template)["Resources"]
    return sorted(key for key, row in resources.items() if row.get("DeletionPolicy") in KEPT_POLICIES)


def _arn(text: str) -> str:
    return text.replace("${AWS::Partition}", "aws")


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).encode()
