"""Connections to addresses that people typed: only where they may lead, never further, and never for long.

Names are resolved once, each address is judged, and the connection goes to one that was judged (apprise's
HTTPPolicySession), so a name that changes its mind in between leads nowhere. Redirects are not followed, proxies of the
environment not used, certificates always checked, answers cut after a few thousand bytes, and the whole is over
after NOTIFY_TIMEOUT_S, however slowly a receiver drips.
"""

import ipaddress
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
from apprise.utils.http import (
    ConnectionTracker,
    HTTPPolicy,
    HTTPPolicySession,
    is_public_ip_address,
    track_connections,
)
from django.conf import settings
from django.utils import timezone

from environments.notifications.addresses import is_allowed_inside

MOST_BYTES = 16_384
CONNECT_S = 5.0


class Unreached(Exception):
    """Nothing, or nothing whole, came back; a sentence says why."""


@dataclass(frozen=True)
class Answer:
    """What a receiver said: the status code, the first characters, and the seconds it asked to wait."""

    code: int
    text: str
    retry_after_s: float | None


def fetch(method: str, url: str, **options: Any) -> Answer:
    """One request. `options` as for requests.request; those that would loosen anything are overruled.

    Raises Unreached.
    """
    seconds = settings.NOTIFY_TIMEOUT_S
    deadline = time.monotonic() + seconds
    options |= {
        "stream": True,
        "allow_redirects": False,
        "verify": True,
        "timeout": (min(CONNECT_S, seconds), seconds),
        "proxies": None,
    }
    try:
        with (
            track_connections(ConnectionTracker(), deadline),
            session(url) as http,
            http.request(method, url, **options) as response,
        ):
            text = _beginning(response)
            return Answer(response.status_code, text, _retry_after(response.headers.get("Retry-After")))
    except requests.exceptions.InvalidURL as error:
        raise Unreached("This address is not let through.") from error
    except requests.exceptions.SSLError as error:
        raise Unreached("Its certificate does not hold.") from error
    except (requests.exceptions.RequestException, OSError) as error:
        raise Unreached(_why(error, url, time.monotonic() >= deadline, seconds)) from error


def session(url: str) -> HTTPPolicySession:
    """A session for this address. Without TLS it leads to networks that an administrator allowed, and nowhere else."""
    is_plain = urlsplit(url).scheme == "http"
    policy = HTTPPolicy(address_filter=_allowed_inside if is_plain else may_reach)  # type: ignore[no-untyped-call]
    return HTTPPolicySession(policy)  # type: ignore[no-untyped-call]


def may_reach(address: str) -> bool:
    """Whether something may be sent to this IP address."""
    return bool(is_public_ip_address(address)) or _allowed_inside(address)  # type: ignore[no-untyped-call]


def _allowed_inside(address: str) -> bool:
    found = ipaddress.ip_address(address)
    found = getattr(found, "ipv4_mapped", None) or found
    # Link-local is where clouds keep credentials: no setting opens it.
    return not found.is_link_local and is_allowed_inside(found)


def _beginning(response: requests.Response) -> str:
    """The first characters of the body; the rest is not read."""
    content = b""
    for chunk in response.iter_content(chunk_size=2048):
        content += chunk
        if len(content) >= MOST_BYTES:
            break
    return content[:MOST_BYTES].decode(errors="replace")


def _retry_after(header: str | None) -> float | None:
    """Seconds of a Retry-After header, which has a number or a date; None for none that can be read."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header.strip()[:9])
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return None
    if timezone.is_naive(moment):
        return None
    return max(0.0, (moment - timezone.now()).total_seconds())


def _why(error: Exception, url: str, is_late: bool, seconds: float) -> str:
    host = urlsplit(url).hostname
    if is_late or isinstance(error, requests.exceptions.Timeout):
        return f"{host} did not answer within {seconds:g} s."
    if "outbound HTTP policy" in str(error):
        return f"{host} leads to an address inside a network, where nothing is sent (NOTIFY_NETWORKS)."
    if "DNS" in str(error):
        return f"The name {host} leads nowhere."
    return f"{host} could not be reached, or broke the connection off."
