"""Start the local AWS (`python -m sandbox`) and talk to its control path."""

import json
import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.config import Config

from devtools import processes
from workers.aws.hosts import host_keep

# The account that the portal itself lives in; its one user may assume roles and nothing else.
PORTAL_ACCOUNT = "100000000001"
PORTAL_USER = "switchyard-portal"
PORTAL_PRINCIPAL_ARN = f"arn:aws:iam::{PORTAL_ACCOUNT}:user/{PORTAL_USER}"
PORTAL_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
            "Resource": "arn:aws:iam::*:role/*",
        }
    ],
}


# The quotas that a company's account has had raised before many environments are built in it, in every region; with
# AWS's own five VPCs and five addresses a region holds two environments.
RAISED_QUOTAS = {
    "vpc/L-F678F1CE": 500,
    "vpc/L-A4707A72": 500,
    "vpc/L-FE5A380F": 500,
    "vpc/L-1B52E74A": 500,
    "ec2/L-0263D0A3": 500,
    "ec2/L-1216C47A": 5000,
    "codebuild/L-9D07B6EF": 20,
    "codebuild/L-2DC20C30": 20,
    "elasticloadbalancing/L-53DA6B97": 500,
    "rds/L-952B80B8": 500,
    "rds/L-7B6409FD": 500,
    "rds/L-D94C7EA3": 500,
    "rds/L-A59F4C87": 500,
    "elasticbeanstalk/L-1CEABD17": 500,
    "elasticbeanstalk/L-8EFC1C51": 500,
}


# How boto3's waiters look here, where things take no time: every 50 ms, for a minute.
OFTEN = {"Delay": 0.05, "MaxAttempts": 1200}


@dataclass(frozen=True)
class Keys:
    """An access key of a sandbox account."""

    account_id: str
    access_key_id: str
    secret_access_key: str

    @property
    def credentials(self) -> dict[str, str]:
        """As AWS answers those that it makes."""
        return {"AccessKeyId": self.access_key_id, "SecretAccessKey": self.secret_access_key}


def clean_environment(source: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which no AWS credential, profile or endpoint of the person is found by anything we start."""
    source = os.environ if source is None else source
    kept = {name: value for name, value in source.items() if not name.startswith("AWS_")}
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


_making = threading.Lock()


def client_make(service: str, url: str, region: str, credentials: Mapping[str, Any], **more: Any) -> Any:
    """A boto3 client at `url`. credentials: AccessKeyId, SecretAccessKey and SessionToken, as AWS answers them.

    All are of boto3's own session, which reads a service's model once: for a session of its own each client would read
    it again, a tenth of a second that tests had thousands of times. A session makes one client at a time.
    """
    with _making:
        # Any: the stubs want the service's name as a literal.
        make: Any = boto3.client
        client = make(
            service,
            region_name=region,
            endpoint_url=url,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            aws_session_token=credentials.get("SessionToken"),
            **more,
        )
    if service == "s3control":
        host_keep(client)
    return client


@dataclass
class Sandbox:
    """One sandbox process with its state in `home`."""

    home: Path
    port: int
    speed: float = 0.0
    enforce_iam: bool = True
    process: processes.Process | None = None
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.log = self.home.with_suffix(".log")
        # No connection is kept: one that idles is closed by the server, at any moment also that of the next call.
        limits = httpx.Limits(max_keepalive_connections=0)
        self._http = httpx.Client(base_url=self.url, timeout=30, trust_env=False, limits=limits)

    @property
    def url(self) -> str:
        """The endpoint of every service, account and region."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; ready when its health page answers."""
        self.launch()
        self.wait()

    def launch(self) -> None:
        """Start it and go on; `wait` says when it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "sandbox", "--port", str(self.port)]
        command += ["--data", str(self.home), "--speed", str(self.speed)]
        self.process = processes.start("The sandbox", command, log=self.log, env=clean_environment())

    def wait(self) -> None:
        """Until its health page answers."""
        assert self.process is not None
        processes.wait_until(self.process, self._healthy, within_s=60)

    def stop(self) -> None:
        """Let it save its state, then end it."""
        if self.process is not None:
            self.process.stop()
            self.process = None

    def control(self, method: str, path: str, body: object = None, **params: Any) -> Any:
        """Call `/_sandbox/<path>`; the answer's JSON. Raises httpx.HTTPStatusError on a refusal."""
        answer = self._http.request(method, f"/_sandbox/{path}", json=body, params=params or None)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def account(self, account_id: str, alias: str = "", quotas: Mapping[str, int] = RAISED_QUOTAS) -> Keys:
        """Root keys of the account, which is made when it is new. quotas: what it has above AWS's defaults."""
        asked = {"account_id": account_id, "alias": alias or f"a{account_id}", "quotas": dict(quotas)}
        made = self.control("POST", "accounts", asked)
        return Keys(account_id, made["access_key_id"], made["secret_access_key"])

    def fault(self, kind: str, **filters: Any) -> str:
        """Arm a fault (docs/sandbox.md lists them); its id."""
        identifier: str = self.control("POST", "faults", {"kind": kind, **filters})["id"]
        return identifier

    def lift_faults(self) -> None:
        """Lift every fault."""
        self.control("DELETE", "faults")

    def keep(self, name: str) -> None:
        """Keep all accounts as they are, under the name."""
        self.control("PUT", f"snapshots/{name}")

    def put_back(self, name: str) -> None:
        """Let those accounts be as they were when `keep` was called with the name. Credentials stay good."""
        self.control("POST", f"snapshots/{name}")

    def after_test(self) -> None:
        """No fault or slowness that a test armed reaches the next one."""
        self.lift_faults()
        self.settings(speed=0, enforce_iam=self.enforce_iam)

    def settings(self, **changed: Any) -> Any:
        """Change settings (speed, durations, enforce_iam); all of them."""
        return self.control("PATCH", "settings", changed) if changed else self.control("GET", "settings")

    def client(self, service: str, keys: Keys, region: str = "eu-west-1") -> Any:
        """A boto3 client with these keys, bound to this sandbox and to nothing of the machine's configuration."""
        config = Config(connect_timeout=3, read_timeout=60, retries={"total_max_attempts": 3})
        return client_make(service, self.url, region, keys.credentials, config=config)

    def portal_principal(self) -> Keys:
        """New keys for the portal's own IAM user (root may not assume roles; a user may). Older ones are dropped."""
        iam = self.client("iam", self.account(PORTAL_ACCOUNT, "switchyard"))
        try:
            iam.create_user(UserName=PORTAL_USER)
        except iam.exceptions.EntityAlreadyExistsException:
            for key in iam.list_access_keys(UserName=PORTAL_USER)["AccessKeyMetadata"]:
                iam.delete_access_key(UserName=PORTAL_USER, AccessKeyId=key["AccessKeyId"])
        iam.put_user_policy(
            UserName=PORTAL_USER, PolicyName="assume-roles", PolicyDocument=json.dumps(PORTAL_POLICY)
        )
        made = iam.create_access_key(UserName=PORTAL_USER)["AccessKey"]
        return Keys(PORTAL_ACCOUNT, made["AccessKeyId"], made["SecretAccessKey"])

    def _healthy(self) -> bool:
        try:
            return self._http.get("/_sandbox/health").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
