"""What the tests of Cognito share: a pool with its clients, sign-in, codes, and SRP as a client speaks it."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from devtools.sandbox import Keys, Sandbox

HOME, OTHER = "eu-west-1", "eu-central-1"
PASSWORD, NEW = "Correct-Horse-1", "Better-Horse-2"
INVALID = "InvalidParameterException"
WRONG = ("NotAuthorizedException", "Incorrect username or password.")
FLOWS = [
    "ALLOW_USER_PASSWORD_AUTH",
    "ALLOW_ADMIN_USER_PASSWORD_AUTH",
    "ALLOW_USER_SRP_AUTH",
    "ALLOW_REFRESH_TOKEN_AUTH",
]


_CLIENTS: dict[tuple[str, ...], Any] = {}
"""Clients are slow to make, and are good for a whole run."""


def client_of(sandbox: Sandbox, keys: Keys, region: str = HOME, service: str = "cognito-idp") -> Any:
    """A client of the account."""
    known = (sandbox.url, keys.access_key_id, region, service)
    if known not in _CLIENTS:
        _CLIENTS[known] = sandbox.client(service, keys, region)
    return _CLIENTS[known]


def anonymous(sandbox: Sandbox, region: str) -> Any:
    """A client without keys that reaches a region by its endpoint's name, the sandbox being its HTTP proxy."""
    config = Config(
        signature_version=UNSIGNED, proxies={"http": sandbox.url}, retries={"total_max_attempts": 1}
    )
    endpoint = f"http://cognito-idp.{region}.amazonaws.com"
    return boto3.client("cognito-idp", region_name=region, endpoint_url=endpoint, config=config)


def anonymous_identity(sandbox: Sandbox, region: str = HOME) -> Any:
    """A client without keys for identity pools."""
    config = Config(signature_version=UNSIGNED)
    return boto3.client("cognito-identity", region_name=region, endpoint_url=sandbox.url, config=config)


@dataclass
class Pool:
    """A pool of the test's account, with a client that allows every flow the sandbox has."""

    sandbox: Sandbox
    keys: Keys
    settings: dict[str, Any] = field(default_factory=dict)
    client_settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.aws = client_of(self.sandbox, self.keys)
        made = self.aws.create_user_pool(PoolName="pool", **self.settings)["UserPool"]
        self.id, self.arn = str(made["Id"]), str(made["Arn"])
        self.app = self.client(**self.client_settings)

    def client(self, **settings: Any) -> str:
        """A further client; its id."""
        settings = {"ClientName": "app", "ExplicitAuthFlows": FLOWS, **settings}
        made = self.aws.create_user_pool_client(UserPoolId=self.id, **settings)["UserPoolClient"]
        return str(made["ClientId"])

    def user(self, name: str, *, email: str | None = None, password: str = PASSWORD) -> None:
        """A confirmed user."""
        told = {"email": email, "email_verified": "true"} if email else {}
        self.aws.admin_create_user(
            UserPoolId=self.id, Username=name, MessageAction="SUPPRESS", UserAttributes=attributes(**told)
        )
        self.aws.admin_set_user_password(UserPoolId=self.id, Username=name, Password=password, Permanent=True)

    def start(self, name: str, password: str = PASSWORD, aws: Any = None) -> dict[str, Any]:
        """InitiateAuth's answer."""
        answer: dict[str, Any] = (aws or self.aws).initiate_auth(
            ClientId=self.app,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": password},
        )
        return answer

    def tokens(self, name: str, password: str = PASSWORD, aws: Any = None) -> dict[str, Any]:
        """The tokens of a sign-in without challenges."""
        result: dict[str, Any] = self.start(name, password, aws)["AuthenticationResult"]
        return result

    def refresh(self, token: str, aws: Any = None) -> dict[str, Any]:
        """New tokens for a refresh token."""
        result: dict[str, Any] = (aws or self.aws).initiate_auth(
            ClientId=self.app, AuthFlow="REFRESH_TOKEN_AUTH", AuthParameters={"REFRESH_TOKEN": token}
        )["AuthenticationResult"]
        return result

    def status(self, name: str) -> str:
        return str(self.aws.admin_get_user(UserPoolId=self.id, Username=name)["UserStatus"])

    def sent(self, name: str) -> dict[str, Any]:
        """The last message to a user."""
        found: list[dict[str, Any]] = self.sandbox.control(
            "GET", "cognito/messages", pool=self.id, username=name
        )
        return found[-1]


def attributes(**given: str) -> list[dict[str, str]]:
    return [{"Name": k.replace("__", ":"), "Value": v} for k, v in given.items()]


class SrpClient:
    """SRP's other side, after amazon-cognito-identity-js (numbers as hex text, as it hashes them)."""

    def __init__(self, pool: str, password: str) -> None:
        self.pool, self.password = pool.split("_")[1], password
        self.n = (1 << 3072) - (1 << 3008) - 1 + (1 << 64) * (_pi_digits(2942) + 1690314)
        self.a = secrets.randbits(1024)
        self.public = pow(2, self.a, self.n)

    def claim(self, parameters: dict[str, str]) -> dict[str, str]:
        """The answer to PASSWORD_VERIFIER."""
        user, block = parameters["USER_ID_FOR_SRP"], parameters["SECRET_BLOCK"]
        b_public = int(parameters["SRP_B"], 16)
        k = _sha(_pad(self.n) + _pad(2))
        u = _sha(_pad(self.public) + _pad(b_public))
        inner = hashlib.sha256(f"{self.pool}{user}:{self.password}".encode()).hexdigest()
        x = _sha(_pad(int(parameters["SALT"], 16)) + inner)
        shared = pow(b_public - k * pow(2, x, self.n), self.a + u * x, self.n)
        mixed = hmac.new(bytes.fromhex(_pad(u)), bytes.fromhex(_pad(shared)), hashlib.sha256).digest()
        key = hmac.new(mixed, b"Caldera Derived Key\x01", hashlib.sha256).digest()[:16]
        now = datetime.now(UTC)
        timestamp = f"{now:%a %b} {now.day} {now:%H:%M:%S} UTC {now:%Y}"
        told = f"{self.pool}{user}".encode() + base64.b64decode(block) + timestamp.encode()
        return {
            "USERNAME": user,
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(
                hmac.new(key, told, hashlib.sha256).digest()
            ).decode(),
            "TIMESTAMP": timestamp,
        }


def _pi_digits(bits: int) -> int:
    """floor(2^bits * pi), by Machin's formula: RFC 3526 gives its primes in this form."""
    guard = 32
    unit = 1 << (bits + guard)

    def arctan(of: int) -> int:
        total, term, n = 0, unit // of, 1
        while term:
            total += term // n if n % 4 == 1 else -(term // n)
            term //= of * of
            n += 2
        return total

    return (4 * (4 * arctan(5) - arctan(239))) >> guard


def _pad(number: int) -> str:
    text = f"{number:x}"
    text = text if len(text) % 2 == 0 else f"0{text}"
    return f"00{text}" if text[0] in "89abcdef" else text


def _sha(text: str) -> int:
    return int(hashlib.sha256(bytes.fromhex(text)).hexdigest(), 16)
