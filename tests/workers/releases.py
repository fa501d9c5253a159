"""Releases that differ from the working copy's: copied, edited, and kept as the command keeps them."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from environments.lifecycle.models import Release
from environments.lifecycle.releases import release_register
from workers.artifacts import artifact_put, files_digest, folder_zip
from workers.blueprint import FOLDER, blueprint_files, working_root
from workers.management.commands.register_release import describe

Edits = Mapping[str, tuple[str, str]]
"""By file below blueprint_cdk, a text that stands there once and what takes its place."""


def snapshot_edited(folder: Path, edits: Edits) -> tuple[str, str]:
    """(digest, artifact) of the working copy's blueprint with these edits, which `folder` holds from now on."""
    for name in blueprint_files(working_root()):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(working_root() / name, target)
    for name, (old, new) in edits.items():
        file = folder / FOLDER / name
        text = file.read_text()
        assert text.count(old) == 1, (name, old)
        file.write_text(text.replace(old, new))
    names = blueprint_files(folder)
    digest = files_digest(folder, names)
    return digest, artifact_put(f"releases/{digest}.zip", folder_zip(folder, names))


def release_edited(folder: Path, version: str, edits: Edits | None = None) -> Release:
    """A release of that version, registered, and the default from now on. One of the working copy must be there."""
    now = Release.objects.earliest("pk")
    own = {"__init__.py": (f'VERSION = "{now.version}"', f'VERSION = "{version}"')}
    digest, artifact = snapshot_edited(folder, {**own, **(edits or {})})
    return release_register(
        blueprint=now.blueprint.name,
        title=now.blueprint.title,
        version=version,
        digest=digest,
        artifact=artifact,
        # Role and bootstrap are the account's, and stay as they are.
        description={**describe(folder), "templates": now.description["templates"]},
        actor=None,
    )
