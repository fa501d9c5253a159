"""A cloud assembly as it was stored: its stacks, their templates, policies and tags, and its assets."""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from workers.artifacts import artifact_get, artifact_put, folder_zip

NOT_NEEDED = ("validation-report.json", ".metadata.json", "cdk.out")
"""What synthesis writes besides, and no deployment reads."""


@dataclass(frozen=True)
class Asset:
    """A file to be in a bucket before the stack that names it."""

    path: str
    bucket: str
    key: str
    region: str
    is_template: bool


@dataclass(frozen=True)
class StackArtifact:
    """One stack of an assembly. `template` is its text, `policy` the stack policy's text or None."""

    name: str
    account_id: str
    region: str
    template: str
    template_hash: str
    template_bucket: str
    template_key: str
    execution_role_arn: str
    termination_protection: bool
    tags: dict[str, str]
    policy: str | None
    needs: tuple[str, ...]

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical id to definition."""
        found: dict[str, dict[str, Any]] = template_parse(self.template)["Resources"]
        return found


@dataclass(frozen=True)
class Assembly:
    """Read from the zip `artifact` of the artifact store."""

    artifact: str
    stacks: tuple[StackArtifact, ...]
    assets: tuple[Asset, ...]

    def stack(self, name: str) -> StackArtifact:
        """The stack of that name; KeyError when the assembly has none."""
        for stack in self.stacks:
            if stack.name == name:
                return stack
        raise KeyError(name)

    def content(self, path: str) -> bytes:
        """A file of the assembly."""
        with zipfile.ZipFile(io.BytesIO(artifact_get(self.artifact))) as archive:
            return archive.read(path)


def assembly_keep(folder: Path) -> str:
    """Store an assembly that synthesis wrote; answers its name, which is made from its content."""
    names = [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(NOT_NEEDED)
    ]
    content = folder_zip(folder, names)
    return artifact_put(f"assemblies/{hashlib.sha256(content).hexdigest()}.zip", content)


@lru_cache(maxsize=8)
def assembly_load(artifact: str) -> Assembly:
    """The assembly kept under that name."""
    with zipfile.ZipFile(io.BytesIO(artifact_get(artifact))) as archive:
        files = {name: archive.read(name) for name in archive.namelist() if name.endswith(".json")}
    manifest = json.loads(files["manifest.json"])
    artifacts = manifest["artifacts"]
    stacks = {
        name: _stack(name, entry, files, artifacts)
        for name, entry in artifacts.items()
        if entry["type"] == "aws:cloudformation:stack"
    }
    assets = [
        asset
        for entry in artifacts.values()
        if entry["type"] == "cdk:asset-manifest"
        for asset in _assets(json.loads(files[entry["properties"]["file"]]))
    ]
    return Assembly(artifact, tuple(stacks.values()), tuple(assets))


def _stack(
    name: str, entry: dict[str, Any], files: dict[str, bytes], artifacts: dict[str, Any]
) -> StackArtifact:
    properties = entry["properties"]
    _, _, account_id, region = entry["environment"].split("/")
    template = files[properties["templateFile"]].decode()
    bucket, key = properties["stackTemplateAssetObjectUrl"].removeprefix("s3://").split("/", 1)
    policy = files.get(f"{name}.policy.json")
    return StackArtifact(
        name=properties.get("stackName", name),
        account_id=account_id,
        region=region,
        template=template,
        template_hash=template_hash(template),
        template_bucket=bucket,
        template_key=key,
        execution_role_arn=properties["cloudFormationExecutionRoleArn"].replace("${AWS::Partition}", "aws"),
        termination_protection=bool(properties.get("terminationProtection")),
        tags=dict(properties.get("tags", {})),
        policy=policy.decode() if policy else None,
        needs=tuple(
            other
            for other in entry.get("dependencies", [])
            if artifacts[other]["type"] == "aws:cloudformation:stack"
        ),
    )


def _assets(manifest: dict[str, Any]) -> list[Asset]:
    return [
        Asset(
            path=file["source"]["path"],
            bucket=place["bucketName"],
            key=place["objectKey"],
            region=place["region"],
            is_template=file["source"]["path"].endswith(".template.json"),
        )
        for file in manifest["files"].values()
        for place in file["destinations"].values()
    ]


def template_hash(template: str) -> str:
    """SHA-256 of a template as canonical JSON, so that white space and order of keys do not count."""
    canonical = json.dumps(template_parse(template), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()


def template_parse(template: str) -> dict[str, Any]:
    """A template as data, from JSON or from YAML without short functions (as the CDK CLI writes it)."""
    if template.lstrip().startswith("{"):
        parsed: dict[str, Any] = json.loads(template)
    else:
        # libyaml's scanner is as safe as the one in Python, and reads a bootstrap template ten times as fast.
        parsed = yaml.load(template, Loader=yaml.CSafeLoader)
    return parsed
