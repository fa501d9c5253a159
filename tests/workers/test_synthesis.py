"""Synthesis: its own process, cached, without credentials and without network."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from django.conf import settings

from environments.lifecycle.models import Release
from environments.notes import note_read
from environments.operations.leases import LeaseLost
from tests.workers.releases import snapshot_edited
from tests.workers.support import STACKS
from workers import synthesis, synthesis_process
from workers.assembly import assembly_load
from workers.blueprint import working_digest, working_root
from workers.workflow import StepFailed

SPEC = {
    "name": "shop",
    "suffix": "k3x9",
    "team": "shop",
    "owner": "lea",
    "tier": "dev",
    "size": "small",
    "account_id": "111122223333",
    "home_region": "eu-west-1",
    "cidr": "10.20.0.0/16",
    "zone_id": "Z0123456789ABC",
    "zone_name": "dev.example.org",
}
FACTS = {
    "eu-west-1": {
        "azs": ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "beanstalk_platform_arn": (
            "arn:aws:elasticbeanstalk:eu-west-1::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
        ),
        "aurora_mysql_version": "8.0.mysql_aurora.3.10.0",
    }
}


def synthesise(*, alive=synthesis_process.nobody_waits, **spec):
    return synthesis.synthesise(
        release=Release(
            version="1.0.0",
            digest=working_digest(),
            artifact="releases/none.zip",
            description={"lock": {}},
        ),
        app="environment",
        spec={**SPEC, **spec},
        facts=FACTS,
        alive=alive,
    )


def test_an_assembly_is_kept_by_its_content_and_found_again(monkeypatch):
    name = synthesise()
    assembly = assembly_load(name)
    assert {stack.name for stack in assembly.stacks} == {f"sy-shop-k3x9-{key}" for key in STACKS}
    assert (
        name.startswith("assemblies/")
        and assembly.stack("sy-shop-k3x9-app").tags["switchyard:team"] == "shop"
    )
    monkeypatch.setattr(synthesis, "ask", None)  # found again without asking anybody
    assert synthesise() == name


def test_a_refused_spec_is_a_sentence_with_its_field():
    with pytest.raises(StepFailed) as refused:
        synthesise(cidr="10.20.0.0/28")
    assert "cidr" in refused.value.failure["resource"] and "/16" in refused.value.sentence


def test_the_process_has_no_secret_in_its_environment(monkeypatch):
    planted = {"AWS_SECRET_ACCESS_KEY": "planted-aws", "DATABASE_URL": "planted-database"}
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    assert not set(planted) & set(synthesis_process.clean_environment())
    synthesise(name="other")
    told = Path(f"/proc/{pid()}/environ").read_bytes().decode()
    for name in ("AWS_", "DATABASE", "BROKER", "SECRET", "FERNET", "FIELD_ENCRYPTION"):
        assert name not in told


def test_the_process_has_a_network_of_its_own_and_reaches_no_credentials():
    synthesise(name="third")
    prefix = synthesis_process.isolation()
    assert synthesis_process.synthesis_isolated() is bool(prefix)
    if not prefix:
        note = note_read(synthesis_process.NOTE)
        assert note["isolated"] is False and "no network namespace" in note["how"]
        return
    assert os.readlink(f"/proc/{pid()}/ns/net") != os.readlink("/proc/self/ns/net")
    attempt = (
        "import socket, sys\n"
        "for host in ('169.254.169.254', '169.254.170.2', '127.0.0.1'):\n"
        "    try: socket.create_connection((host, 80), timeout=3)\n"
        "    except OSError as error: print(host, error.errno)\n"
        "    else: sys.exit(host)\n"
    )
    enter = ["nsenter", "--net", "--target", str(pid())]
    done = subprocess.run([*enter, sys.executable, "-c", attempt], capture_output=True, text=True, check=True)
    # 101: the network is unreachable; nothing was waited for, so nothing was sent.
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["101", "101", "101"]


def test_a_hanging_process_is_ended_and_the_next_request_served(monkeypatch):
    # Names that no earlier run has left in the artifact store: what is found there asks no process.
    first, new = (f"h{uuid.uuid4().hex[:8]}" for _ in range(2))
    synthesise(name=first)
    os.kill(pid(), 19)  # SIGSTOP
    monkeypatch.setattr(synthesis_process, "TIME_LIMIT_S", 1.0)
    with pytest.raises(synthesis_process.Retryable):
        synthesise(name=new)
    monkeypatch.undo()
    assert synthesise(name=new)


def test_a_lease_is_renewed_while_a_synthesis_hangs(monkeypatch, settings):
    settings.ENGINE_LEASE_S = 1.0
    synthesise(name=f"h{uuid.uuid4().hex[:8]}")
    os.kill(pid(), signal.SIGSTOP)
    monkeypatch.setattr(synthesis_process, "TIME_LIMIT_S", 1.5)
    renewed = []
    with pytest.raises(synthesis_process.Retryable):
        synthesise(name=f"h{uuid.uuid4().hex[:8]}", alive=lambda: renewed.append(time.monotonic()))
    assert len(renewed) >= 3
    monkeypatch.undo()

    def lost():
        raise LeaseLost("another worker has it")

    synthesise(name=f"h{uuid.uuid4().hex[:8]}")
    os.kill(pid(), signal.SIGSTOP)
    with pytest.raises(LeaseLost):
        synthesise(name=f"h{uuid.uuid4().hex[:8]}", alive=lost)
    os.kill(pid(), signal.SIGCONT)


def test_the_process_that_another_worker_has_put_in_place_is_left_alone():
    synthesise(name=f"g{uuid.uuid4().hex[:8]}")
    path, now = Path(settings.SYNTHESIS_SOCKET), pid()
    synthesis_process._end(path, served_by=now - 1)
    assert path.exists() and not ended(now, within_s=0.3)


@pytest.fixture
def container(settings, tmp_path):
    """A synthesis that no worker has started, as in docker-compose.yml."""
    path = tmp_path / "s" / "synthesis.sock"
    path.parent.mkdir()
    command = [sys.executable, "-m", "blueprint_cdk", "serve", "--socket", str(path)]
    process = subprocess.Popen(command, cwd=working_root(), env=synthesis_process.clean_environment())
    settings.SYNTHESIS_SOCKET, settings.SYNTHESIS_IS_EXTERNAL = str(path), True
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    yield process
    process.kill()
    process.wait()


def test_a_container_serves_new_and_old_releases_and_workers_start_no_process(container, tmp_path):
    synthesis_process.synthesis_start()
    assert note_read(synthesis_process.NOTE)["how"] == "in a container of its own"
    assert synthesise(name=f"c{uuid.uuid4().hex[:8]}")
    release = old_release(tmp_path)
    request = {"app": "environment", "facts": FACTS}
    spec = {**SPEC, "name": f"c{uuid.uuid4().hex[:8]}"}
    name = synthesis.synthesise(release=release, spec=spec, **request)
    network = assembly_load(name).stack(f"sy-{spec['name']}-k3x9-network")
    assert "An older environment" in network.template
    (beside,) = [
        child for child in psutil.Process(container.pid).children() if "blueprint_cdk" in child.cmdline()
    ]
    assert str(synthesis.socket_path(tmp_path, release.digest)) in beside.cmdline()
    container.send_signal(signal.SIGTERM)
    container.wait(timeout=20)
    assert ended(beside.pid)
    with pytest.raises(synthesis_process.Retryable, match="container does not answer"):
        synthesise(name=f"c{uuid.uuid4().hex[:8]}")


def pid():
    """The process that serves."""
    path = Path(settings.SYNTHESIS_SOCKET)
    assert working_root().exists()
    return int(path.with_suffix(".pid").read_text())


def end(path):
    """End the process of an earlier test, if there is one."""
    synthesis_process._end(path, synthesis_process._served_by(path))


def old_release(folder, lock=None):
    """A release whose files differ from the working copy's; no row of the database."""
    edits = {"stacks/__init__.py": ("Switchyard environment", "An older environment")}
    digest, artifact = snapshot_edited(folder / "old", edits)
    return Release(version="0.9.0", digest=digest, artifact=artifact, description={"lock": lock or {}})


def test_an_old_release_is_synthesised_from_its_own_snapshot(tmp_path):
    release = old_release(tmp_path)
    request = {"app": "environment", "spec": SPEC, "facts": FACTS}
    name = synthesis.synthesise(release=release, **request)
    template = assembly_load(name).stack("sy-shop-k3x9-network").template
    assert "An older environment" in template
    assert "An older environment" not in assembly_load(synthesise()).stack("sy-shop-k3x9-network").template


def ended(process_id, within_s=15):
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def test_an_old_releases_process_ends_when_nobody_asks_and_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(synthesis_process, "IDLE_S", 1.0)
    release = old_release(tmp_path)
    request = {"app": "environment", "facts": FACTS}
    path = synthesis.socket_path(tmp_path, release.digest)
    end(path)  # an earlier test's, which knows of another time

    def ask_anew():
        # What an earlier run left in the artifact store asks no process.
        spec = {**SPEC, "name": f"i{uuid.uuid4().hex[:8]}"}
        assert synthesis.synthesise(release=release, spec=spec, **request)
        return int(path.with_suffix(".pid").read_text())

    synthesise(name=f"w{uuid.uuid4().hex[:8]}")
    working = pid()
    first = ask_anew()
    nodes = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    assert nodes and ended(first) and all(ended(node) for node in nodes)
    assert not path.exists()
    second = ask_anew()
    assert second != first and ended(second)
    assert not ended(working, within_s=0.5), "the working copy's process stays warm"


def test_an_old_releases_process_ends_with_the_worker_that_started_it(tmp_path):
    release = old_release(tmp_path)
    path = synthesis.socket_path(tmp_path, release.digest)
    script = (
        "import sys, uuid, django; django.setup()\n"
        "from tests.workers.test_synthesis import FACTS, SPEC\n"
        "from environments.lifecycle.models import Release\n"
        "from workers import synthesis\n"
        "release = Release(version='0.9.0', digest=sys.argv[1], artifact=sys.argv[2], description={'lock': {}})\n"
        "spec = {**SPEC, 'name': f'e{uuid.uuid4().hex[:8]}'}\n"
        "synthesis.synthesise(release=release, app='environment', spec=spec, facts=FACTS)\n"
    )
    end(path)
    environment = os.environ | {
        "SYNTHESIS_SOCKET": str(Path(settings.SYNTHESIS_SOCKET).absolute()),
        "ARTIFACTS_DIR": str(Path(settings.ARTIFACTS_DIR).absolute()),
    }
    subprocess.run(
        [sys.executable, "-c", script, release.digest, release.artifact], check=True, env=environment
    )
    assert ended(int(path.with_suffix(".pid").read_text()))


def test_an_old_release_without_its_lock_says_what_is_missing(tmp_path):
    release = old_release(tmp_path, {"aws-cdk-lib": "2.1.0"})
    request = {"app": "environment", "spec": {**SPEC, "name": "lock"}, "facts": FACTS}
    with pytest.raises(StepFailed, match=r"aws-cdk-lib 2\.1\.0 \(here 2\.\d+\.\d+\)"):
        synthesis.synthesise(release=release, **request)
