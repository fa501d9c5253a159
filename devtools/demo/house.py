"""The demo's processes: started in order, watched, stopped in reverse."""

import hashlib
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from devtools import places, processes
from devtools.demo.keep import FOLDER, LOGS, Secrets
from devtools.node import link_node, with_our_tools
from devtools.sandbox import PORTAL_PRINCIPAL_ARN, Keys, Sandbox, clean_environment
from devtools.servers import Servers
from devtools.trouble import Trouble


@dataclass(frozen=True)
class Ports:
    """Where people and scripts reach the demo; all else is on free ports."""

    web: int
    sandbox: int


@dataclass
class House:
    """All that runs. `stop` ends whatever was started, also after half a start."""

    ports: Ports
    speed: float
    secrets: Secrets
    folder: Path = FOLDER
    logs: Path = LOGS
    servers: Servers = field(init=False)
    sandbox: Sandbox = field(init=False)
    running: list[processes.Process] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.servers = Servers.at(self.folder, durable=True)
        self.servers.postgres.log = self.logs / "postgres.log"
        self.servers.valkey.log = self.logs / "valkey.log"
        self.sandbox = Sandbox(home=self.folder / "sandbox", port=self.ports.sandbox, speed=self.speed)
        self.sandbox.log = self.logs / "sandbox.log"
        self.keys: Keys | None = None

    @property
    def url(self) -> str:
        """The portal's address. localhost, since passkeys need a name."""
        return f"http://localhost:{self.ports.web}"

    def check(self) -> None:
        """What must hold before anything is started."""
        for port, what in ((self.ports.web, "the portal"), (self.ports.sandbox, "the local AWS")):
            if not processes.port_is_free(port):
                name = "PORT" if what == "the portal" else "SANDBOX_PORT"
                raise Trouble(
                    f"Port {port} of 127.0.0.1 is taken, and {what} needs it: `make demo {name}=…` chooses another."
                )
        places.valkey_binary()
        places.postgres_binaries(places.unprivileged())
        link_node()
        for name in ("gunicorn", "celery"):
            places.tool(name)

    def environment(self, *, owner: bool = False) -> dict[str, str]:
        """What the portal's processes get. The owner's database address is for migrations alone."""
        named = self.servers.environment()
        if not owner:
            del named["DATABASE_OWNER_URL"]
        named |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.demo",
            "SECRET_KEY": self.secrets.secret_key,
            "FIELD_ENCRYPTION_KEYS": self.secrets.field_encryption_key,
            "PUBLIC_URL": self.url,
            "ARTIFACTS_DIR": str(self.folder / "artifacts"),
            "STATIC_ROOT": str(self.folder / "static"),
            "SANDBOX_URL": self.sandbox.url,
            "PORTAL_PRINCIPAL_ARN": PORTAL_PRINCIPAL_ARN,
            "SYNTHESIS_SOCKET": str(self.synthesis_socket),
            # Mails become files: there is nobody to deliver them here.
            "MAIL_URL": f"filemail:///{self.folder / 'mail'}",
            # Try webhooks and chats with a receiver on this machine.
            "NOTIFY_NETWORKS": "127.0.0.0/8",
            "LOG_FORMAT": "json",
        }
        if self.keys is not None:
            named["PORTAL_AWS_ACCESS_KEY_ID"] = self.keys.access_key_id
            named["PORTAL_AWS_SECRET_ACCESS_KEY"] = self.keys.secret_access_key
        return with_our_tools(clean_environment()) | named

    @property
    def synthesis_socket(self) -> Path:
        """From the root when below it: a socket's path may have 107 bytes, and a checkout may lie deep."""
        return Path(places.shown(self.folder / "synthesis.sock"))

    def start_servers(self) -> None:
        """PostgreSQL, Valkey and the sandbox, side by side."""
        # Started from this one thread: Linux ends a child when the *thread* that started it ends.
        self.sandbox.launch()
        self.servers.start()
        self.sandbox.wait()
        self.keys = self.sandbox.portal_principal()
        for process in (self.servers.postgres.process, self.servers.valkey.process, self.sandbox.process):
            assert process is not None
            self.running.append(process)

    def migrate(self) -> None:
        """Tables by their owner, static files when one has changed, side by side."""
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(self._migrate), pool.submit(self._collect_static)]
            for job in jobs:
                job.result()

    def manage(self, *arguments: str, owner: bool = False) -> str:
        """Run a `manage.py` command to its end; what it printed."""
        command: list[str | Path] = [sys.executable, places.ROOT / "manage.py", *arguments]
        return processes.run(command, env=self.environment(owner=owner))

    def start_portal(self) -> None:
        """Web, worker, beat and the synthesis process; the first page is waited for by `wait_for_page`."""
        environment = self.environment()
        web: list[str | Path] = [
            places.tool("gunicorn"),
            "portal.wsgi:application",
            "--config",
            "python:portal.gunicorn",
            "--bind",
            f"127.0.0.1:{self.ports.web}",
        ]
        web += ["--worker-class", "gthread", "--workers", "2", "--threads", "8", "--no-control-socket"]
        web += ["--preload"]  # imported once, not once a worker: the first page comes sooner
        celery: list[str | Path] = [places.tool("celery"), "--app", "workers.celery"]
        worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "INFO"]
        beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile", ""]
        beat += ["--scheduler", "django_celery_beat.schedulers:DatabaseScheduler"]
        self.launch("web", web, environment | {"PROMETHEUS_MULTIPROC_DIR": str(self.folder / "metrics")})
        self.launch("worker", worker, environment)
        self.launch("beat", beat, environment)

    def launch(self, name: str, command: list[str | Path], environment: dict[str, str]) -> None:
        """Start one process of ours with its own log."""
        log = self.logs / f"{name}.log"
        self.running.append(processes.start(name, command, log=log, env=environment))

    def wait_for_page(self, within_s: float = 60) -> None:
        """Until the sign-in page can be shown."""
        web = next(process for process in self.running if process.name == "web")

        def shown() -> bool:
            try:
                answer = httpx.get(f"{self.url}/", follow_redirects=True, timeout=20, trust_env=False)
            except httpx.TransportError:
                return False
            if answer.is_server_error:
                raise Trouble(
                    f"The first page answers {answer.status_code}; see {web.log}: {web.last_lines()}"
                )
            return answer.is_success

        processes.wait_until(web, shown, within_s=within_s)

    def look(self) -> None:
        """Trouble when one of the processes has ended by itself."""
        for process in self.running:
            if not process.alive:
                raise Trouble(
                    f"{process.name} ended by itself with code {process.popen.returncode}; "
                    f"the end of {places.shown(process.log)}:\n{process.last_lines()}"
                )

    def watch(self) -> None:
        """Stay until Ctrl-C (KeyboardInterrupt), or until a process ends by itself."""
        while True:
            self.look()
            time.sleep(0.5)

    def stop(self) -> None:
        """Faces first, servers last, so that nothing logs a lost connection."""
        portal = [
            process for process in self.running if process.name in ("web", "worker", "beat", "synthesis")
        ]
        for process in portal:
            if process.alive:
                process.popen.send_signal(process.stop_signal)
        for process in portal:
            process.stop()
        self.running.clear()
        self._end_synthesis()
        self.sandbox.stop()
        self.servers.stop()

    def _end_synthesis(self) -> None:
        """Workers start the synthesis process for all of them; it ends when they have, or else here."""
        for file in self.folder.glob("synthesis*.pid"):
            processes.end(int(file.read_text()), command=b"blueprint_cdk")
            file.unlink()

    def _migrate(self) -> None:
        self.manage("migrate", "--database", "owner", "--no-input", "--verbosity", "0", owner=True)

    def _collect_static(self) -> None:
        """Only when a file differs: compressing all of them takes seconds."""
        mark = hashlib.sha256((places.ROOT / "requirements" / "runtime.txt").read_bytes())
        for path in sorted((places.ROOT / "portal" / "static").rglob("*")):
            mark.update(f"{path} {path.stat().st_mtime_ns}".encode())
        stamp = self.folder / "static.stamp"
        if stamp.exists() and stamp.read_text() == mark.hexdigest():
            return
        shutil.rmtree(self.folder / "static", ignore_errors=True)
        self.manage("collectstatic", "--no-input", "--verbosity", "0")
        stamp.write_text(mark.hexdigest())
