"""Addresses that a chat or a webhook may have, judged by their form. Where a name leads is seen by the worker that
connects (workers/egress.py): nothing here asks the network.
"""

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from environments.errors import Invalid

CHATS = {
    "slack": "Slack: slack://TokenA/TokenB/TokenC or slack://xoxb-…/#channel",
    "workflows": "Microsoft Teams: workflows://host/workflow/signature",
    "discord": "Discord: discord://WebhookID/WebhookToken",
    "gchat": "Google Chat: gchat://workspace/key/token",
    "mmosts": "Mattermost: mmosts://host/token",
    "rockets": "Rocket.Chat: rockets://user:password@host/#channel",
    "matrixs": "Matrix: matrixs://token@host/#room",
    "jsons": "JSON to a receiver of your own: jsons://host/path",
}
"""apprise's schemas that are let in, and what an address looks like. Each speaks HTTPS to the address, and nothing
else: no file, no mail, no program of this machine."""

PLAIN = {"mmost": "mmosts", "rocket": "rockets", "matrix": "matrixs", "json": "jsons"}
"""The same without TLS: only where the administrator allows networks inside (NOTIFY_NETWORKS)."""

NATIVE = "https"
"""An address as Slack, Discord, Google Chat or Teams themselves give it; the worker knows whose it is."""

LONGEST = 500
HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?")
HOSTLESS = frozenset({"slack", "discord", "gchat"})
"""Their addresses name no host: apprise knows it."""


def chat_check(address: str) -> str:
    """A chat's address, trimmed; raises Invalid (field address)."""
    address = address.strip()
    schema, separator, rest = address.partition("://")
    schema = schema.lower()
    if not separator or not rest or len(address) > LONGEST or any(c.isspace() for c in address):
        raise Invalid(f"Write it as apprise does, for example {CHATS['slack']}.", field="address")
    if schema in PLAIN and not settings.NOTIFY_NETWORKS:
        raise Invalid(f"{schema}:// is not encrypted. Use {PLAIN[schema]}://.", field="address")
    if schema not in CHATS and schema not in PLAIN and schema != NATIVE:
        raise Invalid(
            f"{schema[:20]}:// is not let in. Choose one of: {', '.join(f'{one}://' for one in CHATS)}.",
            field="address",
        )
    if schema not in HOSTLESS:
        _host_check(address, "address")
    return address


def url_check(url: str) -> str:
    """A webhook's URL, trimmed; raises Invalid (field url)."""
    url = url.strip()
    parts = _split(url, "url")
    if parts.scheme not in ("https", "http") or len(url) > LONGEST or any(c.isspace() for c in url):
        raise Invalid("Write an address that begins with https://.", field="url")
    if parts.scheme == "http" and not settings.NOTIFY_NETWORKS:
        raise Invalid("Use https://: what is told would travel in the open.", field="url")
    if parts.username is not None or parts.password is not None:
        raise Invalid("Leave user and password out: every delivery is signed instead.", field="url")
    if parts.fragment or "#" in url:
        raise Invalid("Leave out what follows #: a receiver never sees it.", field="url")
    _host_check(url, "url")
    return url


def masked(address: str) -> str:
    """Enough to know an address by, and nothing of its secrets: slack://…, https://ci.example.org/…"""
    schema = address.partition("://")[0].lower()
    if schema in HOSTLESS:
        return f"{schema}://…"
    return f"{schema}://{urlsplit(address).hostname or ''}/…"[:80]


def _split(address: str, field: str) -> SplitResult:
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        raise Invalid("This is no address: its host or port cannot be read.", field=field) from None
    return parts


def _host_check(address: str, field: str) -> None:
    host = _split(address, field).hostname or ""
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        if not HOST.fullmatch(host):
            raise Invalid("This address names no host.", field=field) from None
        return
    if not may_reach(literal):
        raise Invalid(
            f"{host} is inside a network, where nothing is sent. An administrator can allow it (NOTIFY_NETWORKS).",
            field=field,
        )


def may_reach(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether something may be sent to this address: a public one, or one in NOTIFY_NETWORKS. Never link-local,
    where clouds keep credentials."""
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_link_local:
        return False
    return (address.is_global and not address.is_multicast) or is_allowed_inside(address)


def is_allowed_inside(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    """Whether an administrator allowed this address, which is not a public one."""
    return any(address in ipaddress.ip_network(network) for network in settings.NOTIFY_NETWORKS)
