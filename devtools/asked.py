"""The blueprint, asked as a person would: by its own commands, in its own process."""

import functools
import json
import os
import subprocess
import sys
from typing import Any

from devtools.places import ROOT
from devtools.trouble import Trouble


@functools.cache
def described() -> dict[str, Any]:
    """All that `python -m blueprint_cdk describe` tells."""
    told: dict[str, Any] = json.loads(ask("describe"))
    return told


def synthesised(request: dict[str, Any]) -> dict[str, Any]:
    """The answer to a request of `python -m blueprint_cdk synth`: {"ok", "seconds"} or {"ok", "error", "field"}."""
    answer: dict[str, Any] = json.loads(ask("synth", text=json.dumps(request), may_fail=True))
    return answer


def ask(*words: str, text: str = "", may_fail: bool = False) -> str:
    """What a command of the blueprint prints. Raises Trouble where it prints nothing, or fails and must not."""
    command = [sys.executable, "-m", "blueprint_cdk", *words]
    done = subprocess.run(
        command, input=text, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    if not done.stdout.strip() or (done.returncode and not may_fail):
        raise Trouble(f"blueprint_cdk {' '.join(words)} failed: {done.stderr.strip()[-300:]}")
    return done.stdout
