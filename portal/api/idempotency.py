"""Idempotency-Key: a POST that is sent again, because its answer was lost, is done once.

The key's row, what the request changes, and the answer are one transaction: a process that dies in the middle
leaves none of them. While it runs, it holds an advisory lock, by which a second one knows to answer 409.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from environments.errors import Conflict
from portal.api.models import IdempotencyKey
from portal.api.problems import problem

KEPT_FOR = timedelta(hours=24)
HEADER = "Idempotency-Key"


class IdempotentPosts:
    """Mixin of API resources, which say in `secret_fields`, per action, what an answer shows only once."""

    secret_fields: dict[str, set[str]]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method == "POST" and HEADER in request.headers:
            # dispatch() looks the method up after this.
            self.post = partial(self._once, self.post)  # type: ignore[has-type]

    def _once(
        self, handler: Callable[..., Response], request: Request, *args: Any, **kwargs: Any
    ) -> Response:
        key = request.headers[HEADER].strip()
        if not 1 <= len(key) <= 200 or not key.isprintable():
            raise ValidationError({HEADER: "A key has 1 to 200 printable characters, for example a UUID."})
        if len(request.path) > 200:
            return handler(request, *args, **kwargs)
        body_hash = _body_hash(request)
        person: Any = request.user
        with transaction.atomic():
            _lock(f"{person.pk}\x1f{request.path}\x1f{key}")
            _forget_old()
            row, fresh = IdempotencyKey.objects.get_or_create(
                user=person, path=request.path, key=key, defaults={"body_hash": body_hash}
            )
            if not fresh:
                return _again(row, body_hash)
            answer = self._attempt(handler, request, *args, **kwargs)
            # A file that is asked for again is made again. What was refused changed nothing: the corrected request
            # may have the key, and the same one may fare better later.
            if not isinstance(answer, Response) or answer.status_code >= 400:
                row.delete()
            else:
                self._keep(row, answer)
        return answer

    def _attempt(self, handler: Callable[..., Response], *args: Any, **kwargs: Any) -> Response:
        try:
            with transaction.atomic():
                return handler(*args, **kwargs)
        except Exception as error:
            return self.handle_exception(error)  # type: ignore[attr-defined]

    def _keep(self, row: IdempotencyKey, answer: Response) -> None:
        # Through the renderer, so that what is kept is what was sent: dates and decimals as text.
        data = json.loads(JSONRenderer().render(answer.data) or b"null")
        for name in self.secret_fields.get(self.action, ()):  # type: ignore[attr-defined]
            if isinstance(data, dict) and name in data:
                data[name] = None
        row.status, row.answer, row.location = answer.status_code, data, answer.get("Location", "")
        row.save(update_fields=["status", "answer", "location"])


def _again(row: IdempotencyKey, body_hash: str) -> Response:
    if row.body_hash != body_hash:
        return problem(422, f"{HEADER} was used for another body. Send a new key with a new request.")
    headers = {"Idempotency-Replayed": "true"}
    if row.location:
        headers["Location"] = row.location
    return Response(row.answer, status=row.status, headers=headers)


def _lock(name: str) -> None:
    """Take the key's lock until the transaction ends. Raises Conflict when another request holds it."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        if not cursor.fetchone()[0]:
            raise Conflict("The first request with this key is still running. Ask again in a moment.")


def _forget_old() -> None:
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT_FOR).delete()


def _body_hash(request: Request) -> str:
    canonical = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
