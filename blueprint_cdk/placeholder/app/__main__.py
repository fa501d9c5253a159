"""`python -m app`: serves on PORT (8080) until SIGTERM."""

from __future__ import annotations

import os
import signal
import threading

from .server import make_server


def main() -> None:
    """Serves until SIGTERM or SIGINT, then lets requests in flight end."""
    host = os.environ.get("HOST", "0.0.0.0")  # noqa: S104 - inside a container
    server = make_server(host, int(os.environ.get("PORT", "8080")), os.environ)
    for number in (signal.SIGTERM, signal.SIGINT):
        # shutdown() waits for serve_forever(), which this very thread runs: it needs a thread of its own.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"listening on {server.server_address[1]}", flush=True)
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
