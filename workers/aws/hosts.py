"""Names of hosts where all services answer at one endpoint, as the local AWS does. Imports nothing but Python's own."""

from typing import Any
from urllib.parse import urlsplit

ACCOUNT = "x-amz-account-id"
"""The header in which S3 Control is told the account, besides the host's name."""


def host_keep(client: Any) -> None:
    """Have an S3 Control client ask its endpoint by that name alone.

    boto3 puts the account before the host, also before one of its own: 111122223333.127.0.0.1, which is nobody's name.
    No setting keeps it from that (inject_host_prefix does not reach what the service's endpoint rules say).
    """

    def before(params: dict[str, Any], **_: Any) -> None:
        parts = urlsplit(params["url"])
        prefix = f"{params['headers'].get(ACCOUNT, '')}."
        params["url"] = parts._replace(netloc=parts.netloc.removeprefix(prefix)).geturl()

    client.meta.events.register("before-call.s3-control", before)
