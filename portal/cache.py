"""The cache that all web processes share: counters of requests, and allauth's of sign-ins."""

import time
from collections.abc import Callable
from typing import Any, ClassVar

import structlog
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

# After a failure nobody asks for this long, so that a server that hangs does not slow every request.
LEFT_ALONE_S = 5.0


class SharedCache(RedisCache):
    """Django's Redis cache, on Valkey, whose loss costs nobody a request: what cannot be had is a miss.

    Nothing may be kept here that must not be lost. While it is away requests are served and not counted.
    """

    _away_until: ClassVar[float] = 0.0

    def _attempt(self, act: Callable[[], Any], otherwise: Any) -> Any:
        if time.monotonic() < SharedCache._away_until:
            return otherwise
        try:
            return act()
        except RedisError as error:
            SharedCache._away_until = time.monotonic() + LEFT_ALONE_S
            log.warning("cache.unreachable", reason=str(error), left_alone_s=LEFT_ALONE_S)
            return otherwise

    def add(self, *args: Any, **options: Any) -> bool:
        return bool(self._attempt(lambda: super(SharedCache, self).add(*args, **options), False))

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._attempt(lambda: super(SharedCache, self).get(key, default, version), default)

    def set(self, *args: Any, **options: Any) -> None:
        self._attempt(lambda: super(SharedCache, self).set(*args, **options), None)

    def touch(self, *args: Any, **options: Any) -> bool:
        return bool(self._attempt(lambda: super(SharedCache, self).touch(*args, **options), False))

    def delete(self, *args: Any, **options: Any) -> bool:
        return bool(self._attempt(lambda: super(SharedCache, self).delete(*args, **options), False))

    def get_many(self, *args: Any, **options: Any) -> dict[str, Any]:
        found: dict[str, Any] = self._attempt(lambda: super(SharedCache, self).get_many(*args, **options), {})
        return found

    def has_key(self, *args: Any, **options: Any) -> bool:
        return bool(self._attempt(lambda: super(SharedCache, self).has_key(*args, **options), False))

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """The new figure. Raises ValueError for a key that is not there, as it is for all of them when away."""
        value = self._attempt(lambda: super(SharedCache, self).incr(key, delta, version), None)
        if value is None:
            raise ValueError(f"Key '{key}' not found.")
        return int(value)

    def set_many(self, *args: Any, **options: Any) -> list[str]:
        kept: list[str] = self._attempt(lambda: super(SharedCache, self).set_many(*args, **options), [])
        return kept

    def delete_many(self, *args: Any, **options: Any) -> None:
        self._attempt(lambda: super(SharedCache, self).delete_many(*args, **options), None)

    def clear(self) -> None:
        self._attempt(lambda: super(SharedCache, self).clear(), None)
