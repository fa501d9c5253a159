"""Real worker and beat processes for tests: killed, frozen, doubled."""

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import redis
from django.conf import settings

from devtools import processes
from environments.operations.states import ENDED
from workers.faultpoints import FILE, TRACE

AT_REST = ENDED | {"awaiting-approval", "paused"}

# A worker that dies is missed after so long; a call must be over in less than half of it.
QUICK = {
    "LOG_LEVEL": "INFO",
    "ENGINE_TICK_S": "0.5",
    "ENGINE_LEASE_S": "2.5",
    "AWS_READ_TIMEOUT_S": "0.9",
    "AWS_CONNECT_TIMEOUT_S": "0.3",
}


class House:
    """Workers, and a beat within the first ones. Celery replaces a dead child within 5 s: more children, less delay."""

    def __init__(self, folder: Path, environment: dict[str, str], children: int = 1):
        self.folder, self.running, self.children = folder, [], children
        self.fault, self.trace = folder / "fault", folder / "trace"
        points = {FILE: str(self.fault), TRACE: str(self.trace)}
        self.environment = {**environment, **QUICK, **points}

    def start(self, workers=1, beats=1):
        """Start them and wait until all answer."""
        redis.Redis.from_url(settings.BROKER_URL).flushdb()
        for number in range(workers):
            command = [
                sys.executable,
                "-m",
                "celery",
                "--app",
                "workers.celery",
                "worker",
                "--concurrency",
                str(self.children),
            ]
            command += ["--hostname", f"w{len(self.running)}@test", "--without-gossip", "--without-mingle"]
            if number < beats:
                command += ["--beat", "--schedule", str(self.folder / f"beat-{number}")]
            log = self.folder / f"worker-{len(self.running)}.log"
            self.running.append(processes.start("worker", command, log=log, env=self.environment))
        for process in self.running:
            processes.wait_until(
                process, lambda process=process: b" ready" in process.log.read_bytes(), within_s=60
            )
        return self

    def arm(self, *points, what="KILL"):
        """Let the process that passes such a point die (KILL) or freeze (STOP), each point once.

        What was `passed` is forgotten.
        """
        self.trace.unlink(missing_ok=True)
        self.fault.write_text("\n".join(f"{point} {what}" for point in points))

    def unmet(self):
        """Armed points that nobody has passed yet."""
        text = self.fault.read_text() if self.fault.exists() else ""
        return [line.split()[0] for line in text.splitlines()]

    def passed(self):
        """The points that were passed since the last arming, each once."""
        return sorted(set(self.trace.read_text().split()))

    def frozen(self):
        """Our processes that are stopped."""
        return [
            child
            for process in self.running
            for child in psutil.Process(process.popen.pid).children(recursive=True)
            if child.status() == psutil.STATUS_STOPPED
        ]

    def stop(self):
        """End them all."""
        for process in self.running:
            for child in psutil.Process(process.popen.pid).children(recursive=True) if process.alive else []:
                if child.status() == psutil.STATUS_STOPPED:
                    os.kill(child.pid, signal.SIGCONT)
            process.stop()
        self.running.clear()
        self.fault.unlink(missing_ok=True)


def wait_ended(operation, *, within_s=90, statuses=ENDED):
    """Wait for what the processes do; answers the operation, fresh."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        operation.refresh_from_db()
        if operation.status in statuses:
            return operation
        time.sleep(0.1)
    told = [(step.key, step.status, step.sentence) for step in operation.steps.all()]
    raise AssertionError(f"{operation} is still {operation.status}: {operation.sentence} {told}")
