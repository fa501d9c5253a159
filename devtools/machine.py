"""What a report says about where its figures come from."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

from devtools import processes


def described() -> str:
    """Cores, memory, processor, Python, commit and time, in one line."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = processes.run(["git", "rev-parse", "--short=12", "HEAD"]).strip()
    changed = " with local changes" if processes.run(["git", "status", "--porcelain"]).strip() else ""
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory_gib:.0f} GiB, {platform.system()}, "
        f"Python {platform.python_version()}, commit {commit}{changed}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    )


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()
