"""What the demo keeps between starts: its folder, its secrets, and what it tells scripts."""

import base64
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devtools.places import STATE

FOLDER = STATE / "demo"
LOGS = STATE / "logs"
TOLD = STATE / "demo.json"


@dataclass(frozen=True)
class Secrets:
    """The demo's own keys; as good as production's, for the demo's address may be seen by others on the machine."""

    secret_key: str
    field_encryption_key: str


def secrets_of_demo() -> Secrets:
    """The keys of this checkout's demo, made at its first start."""
    file = FOLDER / "secrets.json"
    if not file.exists():
        fernet = base64.urlsafe_b64encode(os.urandom(32)).decode()
        write_private(file, {"secret_key": secrets.token_urlsafe(48), "field_encryption_key": fernet})
    return Secrets(**json.loads(file.read_text()))


def write_private(file: Path, content: Any) -> None:
    """Write JSON that only we may read; never half of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(content, stream, indent=2)
        stream.write("\n")
    draft.replace(file)
