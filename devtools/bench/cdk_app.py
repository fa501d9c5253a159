"""The `--app` of the CDK CLI in benchmarks: synthesises the request in a file to where the CLI wants it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path


def main(file: str) -> int:
    """Synthesise in a fresh process, as every run of the CLI does."""
    # The CLI keeps a lock in its folder, and the blueprint wants an empty one.
    out = Path(file).with_name("assembly")
    shutil.rmtree(out, ignore_errors=True)
    request = json.loads(Path(file).read_text()) | {"out": str(out)}
    done = subprocess.run(
        [sys.executable, "-m", "blueprint_cdk", "synth"],
        input=json.dumps(request) + "\n",
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout.strip().splitlines()[-1]) if done.stdout.strip() else {}
    if done.returncode or not answer.get("ok"):
        print(answer.get("error") or done.stderr, file=sys.stderr)
        return 1
    shutil.copytree(out, os.environ["CDK_OUTDIR"], dirs_exist_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
