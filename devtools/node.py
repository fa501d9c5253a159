"""Make `node` of the virtual environment the wheel's Node 24: jsii and the CDK CLI take the first one of PATH."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from devtools import places


def link_node() -> Path:
    """Put `node` beside `python` and answer its path. Quiet when it is there already."""
    binary = places.node_binary()
    link = Path(sys.executable).parent / "node"
    if not (link.is_symlink() and link.resolve() == binary.resolve()):
        # A new name moved over the old one, since others may be starting node just now.
        draft = link.with_name(f"node.{os.getpid()}")
        draft.symlink_to(os.path.relpath(binary, link.parent))
        draft.replace(link)
    return link


def with_our_tools(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` with the virtual environment's executables first in PATH."""
    folder = str(Path(sys.executable).parent)
    rest = [part for part in environment.get("PATH", os.defpath).split(os.pathsep) if part != folder]
    return {**environment, "PATH": os.pathsep.join([folder, *rest])}


if __name__ == "__main__":
    print(link_node())
