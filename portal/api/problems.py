"""Every error of the API as application/problem+json (RFC 9457): a sentence, and the field it belongs to."""

import math
from typing import Any

import psycopg.errors
import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, UnreadablePostError
from rest_framework import exceptions, status
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from environments.errors import Conflict, DomainError, Forbidden, InvalidFields

log = structlog.get_logger(__name__)

CONTENT_TYPE = "application/problem+json"
TYPE = "urn:switchyard:problem:"

TITLES = {
    400: ("invalid", "The request is not acceptable"),
    401: ("unauthenticated", "Sign in first"),
    403: ("forbidden", "You may not do this"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "This address does not do that"),
    406: ("not-acceptable", "The API answers in JSON only"),
    409: ("conflict", "It is not in a state for this"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body has to be JSON"),
    422: ("key-reused", "This idempotency key belongs to another request"),
    429: ("throttled", "Too many requests"),
    500: ("error", "Switchyard made a mistake"),
    503: ("unavailable", "Try again in a moment"),
}


def problem(
    code: int, detail: str, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """A problem answer; `errors` as [{"field", "detail"}]."""
    name, title = TITLES.get(code, ("error", "This did not work"))
    body = {"type": TYPE + name, "title": title, "status": code, "detail": detail, "errors": errors or []}
    return Response(body, status=code, headers=headers, content_type=CONTENT_TYPE)


def problem_handler(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's EXCEPTION_HANDLER: answers every exception, ours and anybody's."""
    request = context.get("request")
    if request is not None:
        # The OpenAPI document is YAML; its problems are JSON all the same.
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
    return _answer(error, context)


def _answer(error: Exception, context: dict[str, Any]) -> Response:
    if isinstance(error, DomainError):
        return _domain(error)
    if isinstance(error, exceptions.ValidationError):
        errors = _flat(error.detail)
        return problem(400, " ".join(dict.fromkeys(row["detail"] for row in errors)), errors)
    if isinstance(error, exceptions.APIException):
        return _framework(error)
    if isinstance(error, Http404):
        return problem(404, "There is nothing at this address.")
    if isinstance(error, PermissionDenied):
        return problem(403, str(error) or "You may not do this.")
    if isinstance(error, RequestDataTooBig):
        return problem(413, "The body is too large.")
    if isinstance(error, SuspiciousOperation | UnreadablePostError):
        return problem(400, "The request could not be read.")
    if isinstance(error, IntegrityError) and isinstance(error.__cause__, psycopg.errors.UniqueViolation):
        # Two requests passed the same check at the same moment, and the database settled it.
        return problem(409, "Somebody else did the same at this moment. Look again, then retry.")
    if isinstance(error, OperationalError | InterfaceError):
        log.warning("api.database-unreachable", reason=str(error))
        return problem(503, "The database cannot be reached at this moment.", headers={"Retry-After": "2"})
    return _ours(error, context)


def _domain(error: DomainError) -> Response:
    code = 400
    if isinstance(error, Forbidden):
        code = status.HTTP_403_FORBIDDEN
    elif isinstance(error, Conflict):
        code = status.HTTP_409_CONFLICT
    if isinstance(error, InvalidFields):
        errors = [{"field": field, "detail": sentence} for field, sentence in error.errors.items()]
    else:
        errors = [{"field": error.field, "detail": error.message}] if error.field else []
    return problem(code, str(error), errors)


def _framework(error: exceptions.APIException) -> Response:
    headers = {}
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = error.auth_header  # type: ignore[attr-defined]
    if getattr(error, "wait", None):
        headers["Retry-After"] = str(math.ceil(error.wait))  # type: ignore[attr-defined]
    detail = error.detail if isinstance(error.detail, str) else " ".join(map(str, error.detail))
    if isinstance(error, exceptions.NotAuthenticated):
        detail = "Send an API token, as Authorization: Bearer <token>."
    if isinstance(error, exceptions.Throttled):
        again = headers.get("Retry-After", "60")
        detail = f"These are too many requests. Wait {again} seconds, then go on more slowly."
    return problem(error.status_code, str(detail), headers=headers)


def _ours(error: Exception, context: dict[str, Any]) -> Response:
    request = context.get("request")
    # Whoever logs or counts exceptions (structlog, metrics, tests) hears of it as if Django had caught it.
    got_request_exception.send(sender=problem_handler, request=getattr(request, "_request", None))
    return problem(500, "Something went wrong here, and it was logged. Nothing of this request was kept.")


def _flat(detail: Any, path: str = "") -> list[dict[str, str]]:
    """[{"field", "detail"}] of nested errors: {"copies": {"database": ["…"]}} is field copies.database."""
    if isinstance(detail, dict):
        return [
            row
            for key, inner in detail.items()
            for row in _flat(inner, path if key == "non_field_errors" else f"{path}.{key}".strip("."))
        ]
    if isinstance(detail, list):
        return [row for inner in detail for row in _flat(inner, path)]
    return [{"field": path, "detail": str(detail)}]
