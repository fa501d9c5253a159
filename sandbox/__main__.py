"""`python -m sandbox`: start the local AWS and keep it until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import logging
import socket
import sys
from pathlib import Path

import uvicorn

from sandbox.app import Application
from sandbox.errors import UnreadableState
from sandbox.world import World

EPILOG = """\
The address that it prints is the endpoint of every service, account and region:

  export AWS_ENDPOINT_URL=http://127.0.0.1:4566 AWS_REGION=eu-west-1
  curl -X POST $AWS_ENDPOINT_URL/_sandbox/accounts -d '{"account_id": "111122223333"}'

The second line makes the account and answers its root's access key, for any client of AWS.
sandbox/README.md: how to use it. docs/sandbox.md: what it may be trusted for, faults, the control API.
"""


def main(arguments: list[str] | None = None) -> int:
    """Exit code: 0 after a clean stop, 2 when it could not start (one sentence on stderr)."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox",
        description="A local AWS on one port.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=4566, help="port on 127.0.0.1 (default 4566)")
    parser.add_argument("--data", type=Path, default=Path(".data/sandbox"), help="directory of its state")
    parser.add_argument(
        "--speed",
        type=float,
        default=None,
        help="factor on AWS's durations: 1 is real time, 0 at once (default: as last set, at first 0.02)",
    )
    parser.add_argument("--log-level", default="warning", choices=["debug", "info", "warning", "error"])
    options = parser.parse_args(arguments)
    logging.basicConfig(
        level=options.log_level.upper(), format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", options.port))
        listener.listen(512)
        world = World(options.data, options.speed)
    except (OSError, OverflowError) as problem:
        print(f"Port {options.port} cannot be used: {problem}.", file=sys.stderr)
        return 2
    except UnreadableState as problem:
        print(problem, file=sys.stderr)
        return 2
    port = listener.getsockname()[1]
    world.base_url = f"http://127.0.0.1:{port}"
    print(f"The sandbox listens on {world.base_url}", flush=True)
    config = uvicorn.Config(
        Application(world),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
