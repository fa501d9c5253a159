"""The simulator's process: short, without credentials or network addresses, list arguments, JSON in and out.

It is a program of its own with a licence of its own (docs/decisions/0306): where it is not installed, plans say that
policies were not judged.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

SCRIPT = Path(__file__).with_name("judge.mjs")
TIME_LIMIT_S = 25.0
MEMORY_MB = 512


class NotJudged(Exception):
    """The simulator is not there, failed, or took too long: in a sentence."""


def simulate(account: str, subjects: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What each subject's policies newly allow: see judge.mjs for the shapes. Raises NotJudged."""
    node = _node()
    if node is None or not (Path(settings.BASE_DIR) / "node_modules/@cloud-copilot/iam-simulate").is_dir():
        raise NotJudged("the policy simulator is not installed here.")
    command = [node, f"--max-old-space-size={MEMORY_MB}", str(SCRIPT)]
    try:
        done = subprocess.run(
            command,
            input=json.dumps({"account": account, "subjects": subjects}),
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT_S,
            env={"PATH": str(Path(node).parent), "LANG": "C.UTF-8"},
            cwd=settings.BASE_DIR,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotJudged(f"the policy simulator took longer than {TIME_LIMIT_S:.0f} s.") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise NotJudged(f"the policy simulator failed: {last[:200]}")
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def _node() -> str | None:
    """The Node beside this Python (the wheel's), else the first of PATH."""
    beside = Path(sys.executable).parent
    return shutil.which("node", path=os.pathsep.join([str(beside), os.environ.get("PATH", os.defpath)]))
