"""Small JSON documents beside the artifacts: what must be known although the database is lost, or is another one.

They go through storages["artifacts"], so that a folder and S3 serve alike.
"""

import json
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

SLOTS = ("a", "b")


def note_write(name: str, note: dict[str, Any]) -> None:
    """Keep a note in place of the one before, which is there until this one is: two files take turns."""
    store, kept = storages["artifacts"], _kept(name)
    serial = max((entry["serial"] for entry in kept.values()), default=0) + 1
    slot = min(SLOTS, key=lambda slot: kept[slot]["serial"] if slot in kept else 0)
    path = _path(name, slot)
    store.delete(path)
    saved = store.save(
        path, ContentFile(json.dumps({"serial": serial, "note": note}, sort_keys=True).encode())
    )
    if saved != path:
        # Another writer was quicker, and the store chose another name.
        store.delete(saved)


def note_read(name: str) -> dict[str, Any] | None:
    """The note that was written last; None when there is none."""
    kept = sorted(_kept(name).values(), key=lambda entry: int(entry["serial"]))
    return kept[-1]["note"] if kept else None


def _kept(name: str) -> dict[str, dict[str, Any]]:
    store = storages["artifacts"]
    found = {slot: _read(store, _path(name, slot)) for slot in SLOTS}
    return {slot: entry for slot, entry in found.items() if entry is not None}


def _read(store: Storage, path: str) -> dict[str, Any] | None:
    try:
        with store.open(path, "rb") as file:
            entry: dict[str, Any] = json.loads(file.read())
    except (FileNotFoundError, json.JSONDecodeError):
        # Not there, or its writer died in the middle: the other slot counts.
        return None
    return entry


def _path(name: str, slot: str) -> str:
    return f"notes/{name}.{slot}.json"
