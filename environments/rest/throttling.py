"""How many requests the API takes: per token, per person with a session, and refused tokens per address.

Counted in the cache that all web processes share, by windows of a second, minute, hour or day. While the cache is
away, requests are served and not counted. Rates are `settings.API_RATES`: {"token": "6000/min", …}; an empty
rate is no limit.
"""

import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def rate_parse(rate: str) -> tuple[int, int] | None:
    """("6000/min") -> (6000, 60); None for an empty rate. Raises ValueError for anything else."""
    if not rate:
        return None
    number, slash, period = rate.partition("/")
    if not slash or not number.isdecimal() or period[:1] not in SECONDS:
        raise ValueError(f"{rate} is no rate. Write it as 6000/min, with s, min, hour or day.")
    return int(number), SECONDS[period[:1]]


def count(scope: str, who: str) -> float | None:
    """Count one more; answers the seconds to wait when that is too many, else None."""
    rate = rate_parse(settings.API_RATES.get(scope, ""))
    if rate is None:
        return None
    most, seconds = rate
    now = time.time()
    key = f"rate:{scope}:{who}:{int(now // seconds)}"
    cache.add(key, 0, timeout=seconds + 1)
    try:
        counted = cache.incr(key)
    except ValueError:
        return None
    return seconds - now % seconds if counted > most else None


class PersonThrottle(BaseThrottle):
    """Each token by itself; all sessions of a person together. Who is not signed in is refused anyway."""

    waits: float | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        if not (request.user and request.user.is_authenticated):
            return True
        token: Any = request.auth
        if token is not None:
            self.waits = count("token", token.digest[:32])
        else:
            self.waits = count("session", str(request.user.pk))
        return self.waits is None

    def wait(self) -> float | None:
        return self.waits


def address_of(request: Any) -> str | None:
    """The address a request (Django's or REST framework's) comes from, as far as proxies of ours tell it
    (REST_FRAMEWORK's NUM_PROXIES)."""
    address: str | None = BaseThrottle().get_ident(request)
    return address
