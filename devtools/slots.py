"""Folders that one run at a time may use, so that runs side by side do not meet and the next one finds a warm one."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devtools.trouble import Trouble


@dataclass
class Slot:
    """A folder that is ours until `release` (or until we die: the lock is the kernel's)."""

    folder: Path
    lock: IO[str]

    def release(self) -> None:
        """Let the next run have it."""
        self.lock.close()


def take_slot(parent: Path, most: int = 16) -> Slot:
    """The first free slot below `parent`."""
    for number in range(most):
        slot = take_folder(parent / f"slot-{number}")
        if slot is not None:
            return slot
    raise Trouble(f"{most} test runs are going on in {parent} already: end one.")


def take_folder(folder: Path) -> Slot | None:
    """Lock `folder` for this process; None when another one holds it. The file tells who."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return Slot(folder=folder, lock=lock)
