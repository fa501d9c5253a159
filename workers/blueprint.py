"""The blueprint's files as a release keeps them, and where an old release is unpacked to be run."""

import io
import zipfile
from importlib import metadata
from pathlib import Path

from django.conf import settings

from workers.artifacts import artifact_get, files_digest

FOLDER = "blueprint_cdk"
NOT_KEPT = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", "cdk.out"})
LOCKED = ("aws-cdk-lib", "constructs", "jsii")


def working_root() -> Path:
    """The folder that holds this checkout's blueprint_cdk."""
    return Path(settings.BASE_DIR)


def blueprint_files(root: Path) -> list[str]:
    """The blueprint's files below `root`, without caches, as names relative to it."""
    return [
        path.relative_to(root).as_posix()
        for path in sorted((root / FOLDER).rglob("*"))
        if path.is_file() and NOT_KEPT.isdisjoint(path.parts) and path.suffix != ".pyc"
    ]


def working_digest() -> str:
    """The digest that a release made from the working copy would have."""
    root = working_root()
    return files_digest(root, blueprint_files(root))


def release_root(digest: str, artifact: str) -> Path:
    """A folder with the blueprint of that digest: the working copy, or the snapshot unpacked."""
    if digest == working_digest():
        return working_root()
    root = Path(settings.ARTIFACTS_DIR).resolve() / "unpacked" / digest
    if not (root / ".complete").exists():
        with zipfile.ZipFile(io.BytesIO(artifact_get(artifact))) as archive:
            archive.extractall(root)
        (root / ".complete").touch()
    return root


def lock_differences(lock: dict[str, str]) -> list[str]:
    """What of a release's lock is not installed here, as sentences' parts: "jsii 1.2 (here 1.3)"."""
    here = {name: metadata.version(name) for name in LOCKED}
    return [
        f"{name} {lock[name]} (here {here[name]})"
        for name in LOCKED
        if lock.get(name, here[name]) != here[name]
    ]
