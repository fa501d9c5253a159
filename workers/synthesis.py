"""Synthesis: a release's templates for a spec, made by its own blueprint, or found as they were made before."""

import hashlib
import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from django.conf import settings

from environments.lifecycle.models import Release
from workers.artifacts import artifact_put, store
from workers.assembly import assembly_keep
from workers.blueprint import lock_differences, release_root, working_root
from workers.synthesis_process import Alive, ask, nobody_waits
from workers.workflow import StepFailed


class LockMissing(StepFailed):
    """The release was made with other versions than those that are installed where it was to be synthesised."""


def synthesise(
    *,
    release: Release,
    app: str,
    spec: dict[str, Any],
    facts: dict[str, Any],
    runtime: dict[str, Any] | None = None,
    alive: Alive = nobody_waits,
) -> str:
    """The name of the assembly in the artifact store; made now, or found when it was made before.

    `runtime` is what runs now in an environment that is there. `alive` is called now and then while it is made, so
    that a lease outlives a slow synthesis.

    Raises StepFailed (the blueprint refuses the spec), LockMissing (as it is not installed), Retryable (it hangs).
    """
    request = {"app": app, "spec": spec, "facts": facts, "release": release.version}
    if runtime:
        request["runtime"] = runtime
    canonical = json.dumps({**request, "digest": release.digest}, sort_keys=True, separators=(",", ":"))
    index = f"assemblies/index/{hashlib.sha256(canonical.encode()).hexdigest()}"
    found = _indexed(index)
    if found:
        return found
    root = release_root(release.digest, release.artifact)
    if root != working_root() and (missing := lock_differences(release.description["lock"])):
        raise LockMissing(
            f"Release {release.version} cannot be synthesised here: it was made with {', '.join(missing)}.",
            reason="lock not installed",
            remedy="Run a worker that has the release's lock installed, or choose a newer release.",
        )
    out = Path(settings.ARTIFACTS_DIR).resolve() / "synthesis" / uuid.uuid4().hex
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        answer = ask(root, socket_path(root, release.digest), {**request, "out": str(out)}, alive)
        if not answer["ok"]:
            raise StepFailed(
                f"The blueprint refuses the request: {answer['error']}",
                resource=answer.get("field") or "",
                reason=answer["error"],
                remedy="Withdraw the request and ask again with another value.",
            )
        name = assembly_keep(out)
    finally:
        shutil.rmtree(out, ignore_errors=True)
    artifact_put(index, name.encode())
    return name


def socket_path(root: Path, digest: str) -> Path:
    """Where the process for this blueprint listens. Each old release has a socket of its own."""
    path = Path(settings.SYNTHESIS_SOCKET)
    return path if root == working_root() else path.with_name(f"{path.stem}-{digest[:8]}{path.suffix}")


def _indexed(index: str) -> str:
    if not store().exists(index):
        return ""
    with store().open(index, "rb") as file:
        name: str = file.read().decode()
    return name if store().exists(name) else ""
