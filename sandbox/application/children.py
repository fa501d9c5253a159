"""Processes of the sandbox's own: limited, and gone with it. What a killed sandbox left behind, the next start ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import pwd
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

log = logging.getLogger("sandbox")
END_WITHIN_S = 3.0


class Child:
    """One process; its output goes to a file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, output: Path, list_: Children) -> None:
        self.name, self._process, self.output, self._list = name, process, output, list_

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Its exit code, once it has ended."""
        code = await self._process.wait()
        self._list.forget(self)
        return code

    async def stop(self) -> None:
        """SIGTERM to its group, and SIGKILL after three seconds."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not self.running:
                break
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), END_WITHIN_S)
        self._list.forget(self)

    def last_words(self, lines: int = 3) -> str:
        """The end of its output."""
        if not self.output.exists():
            return "it said nothing"
        text = " / ".join(self.output.read_text(errors="replace").splitlines()[-lines:])
        # It is shown in answers in XML, which know no control characters.
        return "".join(letter for letter in text if letter.isprintable()) or "it said nothing"


class Children:
    """All of them; their process ids are kept in a file of the data directory."""

    def __init__(self, home: Path) -> None:
        self._file = home / "processes.json"
        self._children: list[Child] = []

    async def start(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        environment: Mapping[str, str],
        output: Path,
        runner: pwd.struct_passwd | None = None,
    ) -> Child:
        """Start a process group of its own, with this environment and nothing of ours but PATH."""
        # Linux ends it with us, even after SIGKILL; elsewhere the next start does.
        guard = shutil.which("setpriv")
        head = [guard, "--pdeathsig", "TERM"] if guard else []
        if runner is not None:
            if not guard:
                raise OSError("this system has no setpriv to start a program as another user")
            head += [f"--reuid={runner.pw_uid}", f"--regid={runner.pw_gid}", "--clear-groups"]
        # A file of its own: one that ends may still write into the file of before.
        output.unlink(missing_ok=True)
        with output.open("ab") as written:
            process = await asyncio.create_subprocess_exec(
                *head,
                *command,
                cwd=folder,
                env={"PATH": os.environ.get("PATH", os.defpath), **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
            )
        child = Child(name, process, output, self)
        self._children.append(child)
        self._save()
        return child

    def forget(self, child: Child) -> None:
        if child in self._children:
            self._children.remove(child)
            self._save()

    async def stop_all(self) -> None:
        """End them all, side by side."""
        await asyncio.gather(*(child.stop() for child in list(self._children)))

    def _save(self) -> None:
        rows = [{"pid": c.pid, "born": _born(c.pid)} for c in self._children]
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps(rows))
        part.replace(self._file)

    def end_those_left_behind(self) -> int:
        """Kill what a sandbox that was killed itself has left; the number of processes."""
        if not self._file.exists():
            return 0
        ended = 0
        for row in json.loads(self._file.read_text() or "[]"):
            # A number that another process has by now has another birth.
            if row["born"] and row["born"] == _born(row["pid"]):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(row["pid"], signal.SIGKILL)
                    ended += 1
        self._file.unlink()
        return ended


def _born(pid: int) -> str:
    """When a process started, in ticks since boot; "" where the system does not tell (no /proc)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
