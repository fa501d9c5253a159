"""What holds for the repository as a whole: locks, addresses, machine paths, directions, unfinished words."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from devtools import places, processes
from devtools.places import ROOT

REGISTRY = re.compile(
    # The AWS CLI reads a secret from file://, which is no package's address.
    r"pypi\.org|pythonhosted|registry\.npmjs|deb\.debian|--index-url|--find-links|(?<!--secret-string )\bfile://"
)
# Written apart, so that this file does not find itself.
MACHINE_PATH = re.compile(
    r"(?<![\w.:/$-])/(?:" + "|".join(("wo" + "rk", "ro" + "ot", "ho" + "me")) + r")/[\w.]"
)
UNFINISHED = re.compile(r"\b(?:TO" + "DO|FIX" + "ME|XX" + r"X)\b")
TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".html", ".js", ".css", ".json", ".txt", ".sh", ".svg", ""}
# Shipped by others, as they ship it.
VENDORED = ("portal/static/vendor/",)


def tracked() -> list[Path]:
    """The text files under version control."""
    names = processes.run(["git", "ls-files", "-z"]).split("\0")
    return [
        ROOT / name
        for name in names
        if name and Path(name).suffix in TEXT and not name.startswith(VENDORED) and (ROOT / name).is_file()
    ]


@pytest.mark.parametrize("name", ["runtime.txt", "dev.txt", "uv.txt"])
def test_every_locked_python_package_has_a_hash_and_no_address(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert not REGISTRY.search(text)
    assert "://" not in text
    packages = re.findall(
        r"^[a-z0-9][^ ]*==[^ ]+(?: ; .*?)? \\\n    --hash=sha256:[0-9a-f]{64}", text, re.MULTILINE
    )
    named = re.findall(r"^[a-zA-Z0-9][^ ]*==", text, re.MULTILINE)
    assert len(packages) == len(named) > 0


def test_the_pinned_uv_is_the_locked_one() -> None:
    assert (ROOT / "requirements" / "uv.txt").read_text().strip() in (
        ROOT / "requirements" / "dev.txt"
    ).read_text()


def test_the_npm_lock_has_integrity_and_no_address() -> None:
    text = (ROOT / "package-lock.json").read_text()
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert "resolved" not in text
    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())


def test_the_cdk_cli_is_not_the_accidental_3_0_0() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    assert package["devDependencies"]["aws-cdk"] == "2.1148.1"


def test_the_repository_names_no_registry_and_no_path_of_a_machine() -> None:
    own = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in tracked()
        if path != own
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if REGISTRY.search(line.replace("--no-emit-index-url", "").replace("--no-emit-find-links", ""))
        or MACHINE_PATH.search(line)
    ]
    assert found == []


def test_nothing_is_left_unfinished_in_words() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in (".py", ".html", ".js")
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
        if UNFINISHED.search(line)
    ]
    assert found == []


def test_wings_import_each_other_in_the_allowed_directions_only() -> None:
    done = subprocess.run(
        [places.tool("lint-imports")], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_state_is_ignored_by_git() -> None:
    for name in (".data/demo.json", ".env", ".venv/bin/python", "node_modules/aws-cdk/package.json"):
        done = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False)
        assert done.returncode == 0, name
