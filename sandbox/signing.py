"""What a request's signature says: access key, region, service. The signature itself is not verified."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.datastructures import Headers

from sandbox.errors import AwsError

_HEADER = re.compile(r"Credential=([^/\s]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True)
class Scope:
    """The credential scope of a request. token is the session token, if one was sent."""

    access_key: str
    region: str
    service: str
    token: str | None


def scope_of(headers: Headers, query: list[tuple[str, str]]) -> Scope:
    """The scope from the Authorization header or a presigned query. Raises AwsError if there is none."""
    values = {k.lower(): v for k, v in query}
    match = _HEADER.search(headers.get("authorization", ""))
    if match:
        access_key, _, region, service = match.groups()
        return Scope(access_key, region, service, headers.get("x-amz-security-token"))
    if "x-amz-credential" in values:
        parts = values["x-amz-credential"].split("/")
        if len(parts) != 5:
            raise AwsError(
                "AuthorizationQueryParametersError", "Error parsing the X-Amz-Credential parameter.", 400
            )
        _check_expiry(values)
        return Scope(parts[0], parts[2], parts[3], values.get("x-amz-security-token"))
    if (
        "awsaccesskeyid" in values
    ):  # S3 presigned with signature version 2, botocore's default; it names no region
        if datetime.now(UTC).timestamp() > int(values.get("expires", "0")):
            raise AwsError("AccessDenied", "Request has expired", 403)
        return Scope(values["awsaccesskeyid"], "us-east-1", "s3", values.get("x-amz-security-token"))
    raise AwsError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


def _check_expiry(values: dict[str, str]) -> None:
    try:
        signed = datetime.strptime(values["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(values.get("x-amz-expires", "3600"))
    except (KeyError, ValueError) as problem:
        raise AwsError("AuthorizationQueryParametersError", "Error parsing X-Amz-Date.", 400) from problem
    if datetime.now(UTC).timestamp() > signed.timestamp() + seconds:
        raise AwsError("AccessDenied", "Request has expired", 403)


def unchunk(body: bytes) -> bytes:
    """The payload of an aws-chunked body (`<hex length>[;chunk-signature=…]` lines, trailers dropped)."""
    parts, at = [], 0
    while True:
        end = body.find(b"\r\n", at)
        if end < 0:
            break
        size = int(body[at:end].split(b";")[0] or b"0", 16)
        if size == 0:
            break
        parts.append(body[end + 2 : end + 2 + size])
        at = end + 2 + size + 2
    return b"".join(parts)
