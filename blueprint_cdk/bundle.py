"""The placeholder application as Beanstalk wants it: one zip file, the same bytes every time."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

PLACEHOLDER = Path(__file__).parent / "placeholder"

BUNDLED = (
    ".ebextensions/healing.config",
    ".ebextensions/instances.config",
    ".ebextensions/scaling.config",
    ".platform/nginx/conf.d/bodies.conf",
    ".platform/nginx/conf.d/timeouts.conf",
    "Dockerfile",
    "app/__init__.py",
    "app/__main__.py",
    "app/aws.py",
    "app/notifications.py",
    "app/orders.py",
    "app/server.py",
    "app/storage.py",
    "app/usage.py",
    "app/users.py",
    "requirements.txt",
)
"""What goes in, by name: no byte code, no editor's file."""

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def placeholder_bundle() -> bytes:
    """The zip file. Stored, not deflated, with one date: the bytes depend on the files alone, not on zlib."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in BUNDLED:
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (PLACEHOLDER / name).read_bytes())
    return buffer.getvalue()


def beside_image() -> dict[str, str]:
    """What a bundle has beside the image that it names, as text by path: Beanstalk's own configuration."""
    return {
        name: (PLACEHOLDER / name).read_text(encoding="utf-8")
        for name in BUNDLED
        if name.startswith((".ebextensions/", ".platform/"))
    }


def bundle_hash(bundle: bytes) -> str:
    """SHA-256 in hexadecimal: the asset's name in the bucket."""
    return hashlib.sha256(bundle).hexdigest()
