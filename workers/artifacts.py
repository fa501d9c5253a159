"""The artifact store: releases and assemblies as zips named by their content.

Everything goes through storages["artifacts"], so that a folder and S3 serve alike.
"""

import hashlib
import io
import zipfile
from functools import lru_cache
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

_LONG_AGO = (1980, 1, 1, 0, 0, 0)


def store() -> Storage:
    """Where artifacts lie."""
    return storages["artifacts"]


def folder_zip(folder: Path, names: list[str]) -> bytes:
    """A zip of the files `names` below `folder`: the same bytes for the same files, whoever makes it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(names):
            entry = zipfile.ZipInfo(name, _LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    return buffer.getvalue()


def files_digest(folder: Path, names: list[str]) -> str:
    """SHA-256 over names and contents, in hexadecimal. Independent of how a zip is packed."""
    digest = hashlib.sha256()
    for name in sorted(names):
        content = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        digest.update(f"{name}\0{content}\n".encode())
    return digest.hexdigest()


def artifact_put(name: str, content: bytes) -> str:
    """Keep content under a name that is made from it, once; answers the name."""
    if not store().exists(name):
        kept = store().save(name, ContentFile(content))
        if kept != name:
            # Another worker was first and the store chose another name: the content is the same.
            store().delete(kept)
    return name


@lru_cache(maxsize=8)
def artifact_get(name: str) -> bytes:
    """Content kept under a name that is made from it. FileNotFoundError when there is none."""
    with store().open(name, "rb") as file:
        content: bytes = file.read()
    return content
