"""`make clean`: drop the state of demo and tests. Standard library only, so that it works before set-up too."""

import shutil
import sys

from devtools import places
from devtools.slots import take_folder
from devtools.trouble import Trouble


def clean() -> None:
    """Remove .data and our folder outside the checkout; Trouble while something of ours runs on it."""
    locks = []
    for lock in sorted(places.STATE.glob("**/lock")) if places.STATE.exists() else []:
        slot = take_folder(lock.parent)
        if slot is None:
            holder = lock.read_text().strip() or "unknown"
            raise Trouble(f"{places.shown(lock.parent)} is in use by process {holder}: stop it first.")
        locks.append(slot)
    for folder in (places.STATE, places.outside()):
        if folder.exists():
            shutil.rmtree(folder)
            print(f"Removed {folder}.")
    for slot in locks:
        slot.release()


if __name__ == "__main__":
    try:
        clean()
    except Trouble as trouble:
        sys.exit(str(trouble))
