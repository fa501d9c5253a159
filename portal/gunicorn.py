"""gunicorn's configuration (`--config python:portal.gunicorn`): its processes count requests together.

prometheus_client keeps counters of several processes in files of one folder, which has to be there, and to be named
in the environment, before anything imports it. Only web processes may have it: workers and commands would count there.
"""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

NAME = "PROMETHEUS_MULTIPROC_DIR"
_own = "" if os.environ.get(NAME) else tempfile.mkdtemp(prefix="switchyard-metrics-")
_folder = Path(os.environ.setdefault(NAME, _own))
_folder.mkdir(parents=True, exist_ok=True)
# Counters begin at 0 with the master, as Prometheus expects of a process that was started anew.
for _file in _folder.glob("*.db"):
    _file.unlink()


def child_exit(server: Any, worker: Any) -> None:
    """Forget what only a living process has; what it had counted stays counted."""
    # Imported by workers first: it looks at the environment then.
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Leave nothing behind that was made here."""
    if _own:
        shutil.rmtree(_own, ignore_errors=True)
