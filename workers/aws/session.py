"""Sessions in an account: AssumeRole with the operation as session name and the requester as source identity.

No Django here: what differs from place to place is told by a Connection.
"""

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from workers.aws.hosts import host_keep

# Credentials are fetched anew when they have less than this left.
MARGIN_S = 300
SESSION_S = 3600


class NoEndpoint(Exception):
    """A sandbox account must never be reached without the sandbox's endpoint: real keys could be at hand."""


@dataclass(frozen=True)
class Connection:
    """How AWS is reached: the portal's own principal, time-outs in seconds, and the sandbox's endpoint if any.

    Without a key of its own the portal is who it runs as: the role of the instance or task, which boto3 finds.
    """

    access_key_id: str
    secret_access_key: str
    endpoint_url: str
    connect_timeout_s: float
    read_timeout_s: float

    def own(self) -> dict[str, str]:
        """The portal's own key as boto3 takes it. None: an empty one would be used as it is, and AWS knows none."""
        if not self.access_key_id:
            return {}
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }

    def config(self) -> Config:
        """One attempt per call: the engine retries, and knows why."""
        return Config(
            connect_timeout=self.connect_timeout_s,
            read_timeout=self.read_timeout_s,
            retries={"mode": "standard", "total_max_attempts": 1},
            s3={"addressing_style": "path"} if self.endpoint_url else {},
            user_agent_extra="switchyard",
        )


@dataclass(frozen=True)
class Role:
    """The role to take, and what every call made with it carries."""

    arn: str
    external_id: str
    session_name: str
    source_identity: str


# service id and operation name, before and after each call: lease renewal, fault points, counts.
Hook = Callable[[str, str], None]

_credentials: dict[tuple[Role, str], tuple[float, dict[str, str]]] = {}

KEPT = 16
"""The most clients that a process keeps, 0.2 MB each: about those of one operation."""


class Session:
    """Clients for one role in one region; each call passes the hooks."""

    def __init__(
        self,
        connection: Connection,
        role: Role,
        region: str,
        *,
        before: Hook,
        after: Hook,
        is_on_sandbox: bool,
    ) -> None:
        if is_on_sandbox and not connection.endpoint_url:
            raise NoEndpoint("This account is in a sandbox: it is reached through the sandbox only.")
        if not is_on_sandbox and connection.endpoint_url:
            raise NoEndpoint("This portal runs on the sandbox: it does not talk to real accounts.")
        self.connection, self.role, self.region = connection, role, region
        self.before, self.after = before, after

    def client(self, service: str, *, region: str = "") -> Any:
        """A boto3 client of the role; the same one for each call of the same service and region."""
        return self._client(service, region or self.region, self._assume())

    def _assume(self) -> dict[str, str]:
        key = (self.role, self.connection.endpoint_url)
        expires, credentials = _credentials.get(key, (0.0, {}))
        if expires - time.time() > MARGIN_S:
            return credentials
        try:
            answer = self._client("sts", self.region, self.connection.own()).assume_role(
                RoleArn=self.role.arn,
                RoleSessionName=clean_name(self.role.session_name),
                SourceIdentity=clean_name(self.role.source_identity),
                ExternalId=self.role.external_id,
                DurationSeconds=SESSION_S,
            )["Credentials"]
        except ClientError as error:
            # AWS names the role only where a permission is missing, not where the key is wrong.
            told: dict[str, Any] = dict(error.response["Error"])
            error.response["Error"] = {"Resource": self.role.arn, **told}  # type: ignore[typeddict-item]
            raise
        credentials = {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }
        _forget_expired()
        _credentials[key] = (answer["Expiration"].timestamp(), credentials)
        return credentials

    def _client(self, service: str, region: str, credentials: dict[str, str]) -> Any:
        key = (self.connection, credentials.get("aws_access_key_id", ""), service, region)
        kept = _clients.pop(key, None) or _Kept(self.connection, service, region, credentials)
        _clients[key] = kept
        if len(_clients) > KEPT:
            _clients.popitem(last=False)
        kept.session = self
        return kept.client


class _Kept:
    """A client, and the session that asked for it last, whose hooks its calls pass.

    A client takes as long to make as several calls, and each look of each step has a session of its own. Those that
    share a client have the same credentials, so they are of one operation, which one worker moves at a time.
    """

    def __init__(
        self, connection: Connection, service: str, region: str, credentials: dict[str, str]
    ) -> None:
        self.session: Session
        # One boto3 session for all: its loader keeps the service models, which are the memory of a worker.
        self.client = _shared().client(
            service,
            region_name=region,
            endpoint_url=connection.endpoint_url or None,
            config=connection.config(),
            **credentials,
        )

        def before(model: Any, **_: Any) -> None:
            self.session.before(service, model.name)

        def after(model: Any, **_: Any) -> None:
            self.session.after(service, model.name)

        if service == "s3control" and connection.endpoint_url:
            host_keep(self.client)
        self.client.meta.events.register("before-call", before)
        self.client.meta.events.register("after-call", after)


# In the order of their last use.
_clients: OrderedDict[tuple[Connection, str, str, str], _Kept] = OrderedDict()


def preload(services: Sequence[str]) -> None:
    """Load the models of these services, so that processes forked later share their memory. Calls nobody."""
    for service in services:
        _shared().client(
            service,
            region_name="us-east-1",
            aws_access_key_id="-",
            aws_secret_access_key="-",  # noqa: S106
        )


def credentials_forget() -> None:
    """Drop all cached credentials, after AWS has called some expired; the next call takes the role anew."""
    _credentials.clear()
    _clients.clear()


def clean_name(text: str) -> str:
    """Text as AWS allows it in a session name or source identity: 2 to 64 of [\\w+=,.@-]."""
    return (re.sub(r"[^\w+=,.@-]", "-", text, flags=re.ASCII) + "--")[: max(2, min(64, len(text)))]


def _forget_expired() -> None:
    now = time.time()
    for key in [key for key, (expires, _) in _credentials.items() if expires <= now]:
        del _credentials[key]


_session: Any = None


def _shared() -> Any:
    global _session  # one per process, made on first use
    if _session is None:
        _session = boto3.session.Session()
    return _session
