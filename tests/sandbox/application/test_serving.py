"""An environment's application as a process: reached by its name, with its database and its bucket."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from devtools import processes
from devtools.sandbox import Sandbox
from tests.sandbox.application.building import Place, bundle, until, zipped, zone

TELLS_ALL = """
import http.server, json, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(dict(os.environ)).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""

HOPS = """
Resources:
  AWSEBEC2LaunchTemplate:
    Properties: {LaunchTemplateData: {MetadataOptions: {HttpPutResponseHopLimit: %d}}}
"""


def programs(place: Place) -> list[psutil.Process]:
    """Processes that the sandbox has started for applications."""
    assert place.sandbox.process is not None
    mine = psutil.Process(place.sandbox.process.popen.pid)
    return [p for p in mine.children() if "mariadb" not in p.name()]


def second(shop: Place, name: str) -> Place:
    """Another name in the same network and zone."""
    place = Place(shop.sandbox, shop.keys, shop.region, f"{name}.apps.example.com")
    place.made = {n: shop.made[n] for n in ("vpc", "subnets", "balancer")}
    return place


def test_name_leads_through_the_load_balancer_to_the_process(shop: Place) -> None:
    answer = shop.ask("GET", "/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    page = shop.ask("GET", "/").text
    assert "shop.apps.example.com" in page
    assert "eu-west-1" in page


def test_deep_health_asks_the_database_and_the_bucket(shop: Place) -> None:
    answer = shop.ask("GET", "/healthz/deep")
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "uploads": "ok"}}
    assert answer.status_code == 200


def test_item_is_written_by_the_writer_and_read_by_the_reader(shop: Place) -> None:
    assert shop.ask("PUT", "/items/greeting", b"hello").status_code == 201
    assert shop.ask("GET", "/items/greeting").content == b"hello"
    assert shop.ask("PUT", "/items/greeting", b"again").status_code == 201
    assert shop.ask("GET", "/items/greeting").content == b"again"
    assert "greeting" in shop.ask("GET", "/items").json()["keys"]


def test_upload_is_in_the_bucket_by_the_rights_of_the_instance(shop: Place) -> None:
    assert shop.ask("PUT", "/uploads/report.txt", b"figures").status_code == 201
    found = shop.client("s3").get_object(Bucket=shop.made["bucket"], Key="report.txt")
    assert found["Body"].read() == b"figures"
    iam = shop.client("iam")
    policy = iam.get_role_policy(RoleName=shop.made["profile"], PolicyName="data")["PolicyDocument"]
    iam.delete_role_policy(RoleName=shop.made["profile"], PolicyName="data")
    try:
        refused = shop.ask("PUT", "/uploads/report.txt", b"other")
    finally:
        iam.put_role_policy(
            RoleName=shop.made["profile"], PolicyName="data", PolicyDocument=json.dumps(policy)
        )
    assert refused.status_code == 503
    assert "is not authorized to perform: s3:PutObject" in refused.json()["error"]


def test_plain_http_is_redirected_and_other_names_are_nobodys(shop: Place) -> None:
    answer = shop.ask("GET", "/items?x=1", host="shop.apps.example.com:80")
    assert (answer.status_code, answer.headers["location"]) == (
        301,
        "https://shop.apps.example.com:443/items?x=1",
    )
    other = shop.ask("GET", "/", host=shop.made["balancer"]["DNSName"])
    assert (other.status_code, other.text) == (404, "Nobody.")
    nowhere = shop.ask("GET", "/", host="nothing.apps.example.com")
    assert (nowhere.status_code, nowhere.headers["x-sandbox"]) == (502, "unreachable")


def test_control_call_tells_what_a_client_of_a_url_sees(shop: Place) -> None:
    seen = shop.sandbox.control("GET", "fetch", url="https://shop.apps.example.com/healthz")
    assert seen["status"] == 200
    assert json.loads(seen["body"])["status"] == "ok"
    gone = shop.sandbox.control("GET", "fetch", url="https://nothing.apps.example.com/")
    assert gone["status"] is None
    assert "NXDOMAIN" in gone["error"]


def test_program_finds_its_variables_and_secrets_and_nothing_of_the_host(
    shop: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = second(shop, "tells")
    place.alias(_zone_id(shop))
    content = zipped({"Dockerfile": 'ENV COLOUR=blue\nCMD ["python", "main.py"]\n', "main.py": TELLS_ALL})
    place.application("tells", content, GREETING="hello")
    place.client("elasticbeanstalk").update_environment(
        EnvironmentName="tells",
        OptionSettings=[
            {
                "Namespace": "aws:elasticbeanstalk:application:environmentsecrets",
                "OptionName": "LOGIN",
                "Value": shop.made["secret"],
            }
        ],
    )
    found = place.ask("GET", "/").json()
    assert (found["COLOUR"], found["GREETING"], found["AWS_REGION"]) == ("blue", "hello", "eu-west-1")
    assert json.loads(found["LOGIN"]) == shop.made["login"]
    assert not [name for name in found if "SECRET" in name or "ACCESS_KEY" in name or "DJANGO" in name]
    assert found["HOME"] != os.environ.get("HOME")


@pytest.mark.parametrize(
    ("name", "files", "setting", "reached"),
    [
        ("hops-none", {}, "true", False),
        ("hops-two", {".ebextensions/instances.config": HOPS % 2}, "true", True),
        ("hops-one", {".ebextensions/instances.config": HOPS % 1}, "true", False),
        ("hops-free", {}, "false", True),
    ],
)
def test_container_reaches_the_instances_credentials_over_two_hops(
    shop: Place, name: str, files: dict[str, str], setting: str, reached: bool
) -> None:
    place = second(shop, name)
    place.alias(_zone_id(shop))
    program = {"Dockerfile": 'CMD ["python", "main.py"]\n', "main.py": TELLS_ALL}
    place.application(name, zipped({**program, **files}))
    option = {
        "Namespace": "aws:autoscaling:launchconfiguration",
        "OptionName": "DisableIMDSv1",
        "Value": setting,
    }
    place.client("elasticbeanstalk").update_environment(EnvironmentName=name, OptionSettings=[option])
    found = place.ask("GET", "/").json()
    assert ("AWS_EC2_METADATA_SERVICE_ENDPOINT" in found) is reached


def test_a_body_beyond_what_nginx_takes_does_not_reach_the_application(shop: Place) -> None:
    place = second(shop, "bodies")
    place.alias(_zone_id(shop))
    place.application("bodies", bundle())
    large = b"x" * (1024 * 1024 + 1)
    refused = place.ask("POST", "/", large)
    assert (refused.status_code, refused.headers["server"]) == (413, "nginx")
    # The placeholder's bundle has nginx take more: the application says what is too much.
    assert shop.ask("PUT", "/uploads/large.bin", large).status_code == 201


def _zone_id(shop: Place) -> str:
    zones = shop.client("route53").list_hosted_zones_by_name(DNSName="apps.example.com")["HostedZones"]
    return str(zones[0]["Id"]).rpartition("/")[2]


def test_terminated_environment_has_no_process(shop: Place) -> None:
    place = second(shop, "brief")
    place.alias(_zone_id(shop))
    before = {p.pid for p in programs(place)}
    place.application("brief", bundle(body="brief"))
    assert place.ask("GET", "/").text == "brief"
    new = [p for p in programs(place) if p.pid not in before]
    assert len(new) == 1
    place.client("elasticbeanstalk").terminate_environment(EnvironmentName="brief")
    until(lambda: not new[0].is_running() or new[0].status() == psutil.STATUS_ZOMBIE)


def test_bundle_that_cannot_run_says_why(shop: Place) -> None:
    place = second(shop, "without")
    place.alias(_zone_id(shop))
    place.application("without", zipped({"index.php": "<?php"}))
    answer = place.ask("GET", "/")
    assert answer.status_code == 502
    assert "no Dockerfile" in answer.headers["x-sandbox"]


def test_dark_region_refuses_or_hangs(shop: Place) -> None:
    assert shop.ask("GET", "/healthz").status_code == 200
    fault = shop.sandbox.fault("dark", region="eu-west-1", account=shop.keys.account_id)
    refused = shop.ask("GET", "/healthz")
    assert (refused.status_code, refused.text) == (502, "The region eu-west-1 is dark.")
    told = shop.sandbox.control("GET", "faults/log", fault=fault)
    assert ("touched", "elbv2") in [(entry["event"], entry.get("service")) for entry in told]
    shop.sandbox.control("DELETE", f"faults/{fault}")
    shop.sandbox.fault("dark", region="eu-west-1", mode="hang", account=shop.keys.account_id)
    with pytest.raises(httpx.ReadTimeout):
        shop.ask("GET", "/healthz", timeout=0.5)
    shop.sandbox.lift_faults()
    assert shop.ask("GET", "/healthz").status_code == 200


def test_requests_and_connections_are_in_the_log_of_calls(shop: Place) -> None:
    place = {"account": shop.keys.account_id, "region": "eu-west-1"}
    before = shop.sandbox.control("GET", "requests/counts")["last"]
    assert shop.ask("PUT", "/items/told", b"x").status_code == 201
    fault = shop.sandbox.fault("dark", service=["rds", "elbv2"], **place)
    assert shop.ask("GET", "/healthz").status_code == 502
    shop.sandbox.lift_faults()
    fault_of_database = shop.sandbox.fault("dark", service="rds", **place)
    assert shop.ask("GET", "/healthz/deep").status_code == 503
    shop.sandbox.lift_faults()

    def told(via: str) -> list[tuple[Any, ...]]:
        rows = shop.sandbox.control("GET", "requests", after=before, via=via)
        assert {(r["account"], r["region"]) for r in rows} == {(place["account"], place["region"])}
        return [(r["operation"], r["resource"], r["status"], r["error"], r["fault"]) for r in rows]

    assert told("application") == [
        ("PUT", "shop.apps.example.com/items/told", 201, None, None),
        ("GET", "shop.apps.example.com/healthz", None, "unreachable", fault),
        ("GET", "shop.apps.example.com/healthz/deep", 503, None, None),
    ]
    connections = told("database")
    assert ("connect", shop.made["writer"], 0, None, None) in connections
    assert connections[-1][2:] == (None, "unreachable", fault_of_database)


def test_dark_database_fails_the_deep_check_alone(shop: Place) -> None:
    fault = shop.sandbox.fault("dark", region="eu-west-1", service="rds", account=shop.keys.account_id)
    assert shop.ask("GET", "/healthz").status_code == 200
    deep = shop.ask("GET", "/healthz/deep")
    assert deep.status_code == 503
    told = shop.sandbox.control("GET", "faults/log", fault=fault)
    assert ("touched", "rds") in [(entry["event"], entry.get("service")) for entry in told]
    assert deep.json()["checks"]["uploads"] == "ok"
    shop.sandbox.lift_faults()
    assert shop.ask("GET", "/healthz/deep").status_code == 200


@pytest.fixture
def alone(tmp_path: Path) -> Any:
    """A sandbox of its own."""
    made = Sandbox(home=tmp_path / "state", port=processes.free_port())
    yield made
    made.stop()


def small(sandbox: Sandbox) -> Place:
    place = Place(sandbox, sandbox.account("310000000002"), "eu-west-1", "small.apps.example.com")
    place.network()
    place.alias(zone(place, "apps.example.com"))
    place.database("small")
    place.application("small", None, **place.variables())
    return place


def test_killed_sandbox_leaves_no_process_and_no_data_is_lost(alone: Sandbox) -> None:
    alone.start()
    place = small(alone)
    assert place.ask("PUT", "/items/kept", b"yes").status_code == 201
    assert alone.process is not None
    mine = psutil.Process(alone.process.popen.pid).children()
    assert len(mine) == 2
    os.kill(alone.process.popen.pid, signal.SIGKILL)
    alone.stop()
    alone.start()
    until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in mine))
    assert place.ask("GET", "/items/kept").content == b"yes"


def test_without_a_database_server_the_deep_check_says_so(
    alone: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    alone.start()
    place = small(alone)
    assert place.ask("GET", "/healthz").status_code == 200
    deep = place.ask("GET", "/healthz/deep")
    assert deep.status_code == 503
    assert "no database engine" in deep.json()["checks"]["database"]
    assert place.ask("PUT", "/items/a", b"x").status_code == 503


def test_answers_take_little_time(shop: Place) -> None:
    shop.ask("GET", "/healthz")
    began = time.monotonic()
    for _ in range(20):
        assert shop.ask("GET", "/healthz").status_code == 200
    assert time.monotonic() - began < 10
