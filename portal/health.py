"""For load balancers and orchestrators: is this process alive, and could it serve a request?"""

import structlog
from celery import current_app
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, HttpResponsePermanentRedirect, JsonResponse
from django.templatetags.static import static
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all; asks nobody."""
    return HttpResponse("ok", content_type="text/plain")


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database answers, else 503. A broker that is down only delays: it is told, not refused."""
    database, broker = database_answers(), broker_answers()
    return JsonResponse({"database": database, "broker": broker}, status=200 if database else 503)


@require_safe
def favicon(request: HttpRequest) -> HttpResponse:
    """Where the symbol is."""
    return HttpResponsePermanentRedirect(static("portal/icon.svg"))


def database_answers() -> bool:
    """Whether a query comes back."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        log.warning("health.database", reason=str(error))
        return False
    return True


def broker_answers() -> bool:
    """Whether the broker takes a connection within two seconds."""
    try:
        with current_app.connection_for_write() as broker:
            broker.ensure_connection(max_retries=1, timeout=2)
    except (OperationalError, OSError) as error:
        log.warning("health.broker", reason=str(error))
        return False
    return True
