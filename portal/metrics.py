"""/metrics for Prometheus: what all web processes counted together, and how the engine is, from the database."""

import os
from collections.abc import Iterator

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector

from environments.notifications.figures import TellingFigures, telling_figures
from environments.operations.figures import LATE_S, EngineFigures, engine_figures

log = structlog.get_logger(__name__)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The text that Prometheus scrapes. A database that is away is told in it, and is no error of ours."""
    page = generate_latest(_counted()) + generate_latest(_engine())
    return HttpResponse(page, content_type=CONTENT_TYPE_LATEST)


def _counted() -> CollectorRegistry:
    """Counters of requests: of every process below one gunicorn (portal/gunicorn.py), else of this one."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return registry


def _engine() -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_EngineCollector())
    return registry


class _EngineCollector:
    """Asks the database at each scrape: every web process tells the same, and none has to remember."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        read = _figures()
        yield _gauge("database_up", "1 when the figures below could be read.", 0 if read is None else 1)
        if read is None:
            return
        figures, telling = read
        family = GaugeMetricFamily(
            "switchyard_operations", "Operations that have not ended, by status.", labels=["status"]
        )
        for status, count in figures.by_status.items():
            family.add_metric([status], count)
        yield family
        yield _gauge("operations_due", "Operations that a worker should look at now.", figures.due)
        yield _gauge("operations_late", f"Of these, due for more than {LATE_S} s.", figures.late)
        yield _gauge(
            "operations_oldest_due_seconds",
            "How long the oldest of them has been due.",
            figures.oldest_due_s or 0,
        )
        yield _gauge("operations_failed_last_day", "Failed within a day, and not retried.", figures.failed)
        yield _gauge(
            "approvals_oldest_seconds",
            "How long ago the oldest that awaits approval was asked for.",
            figures.oldest_approval_s or 0,
        )
        family = GaugeMetricFamily(
            "switchyard_operations_stuck",
            "What the watchdog has found not to move, by cause.",
            labels=["cause"],
        )
        for cause, count in figures.stuck.items():
            family.add_metric([cause], count)
        yield family
        yield _gauge(
            "operations_oldest_stuck_seconds",
            "How long ago the watchdog found the oldest of them.",
            figures.oldest_stuck_s or 0,
        )
        yield _gauge("pauses", "Pauses that are set.", figures.pauses)
        yield from _told(telling)
        if figures.tick_age_s is not None:
            yield _gauge(
                "tick_age_seconds", "Since a worker last carried out beat's tick.", figures.tick_age_s
            )


def _told(telling: TellingFigures) -> Iterator[GaugeMetricFamily]:
    family = GaugeMetricFamily(
        "switchyard_deliveries", "Notifications that are to be sent, by status.", labels=["status"]
    )
    family.add_metric(["pending"], telling.pending)
    family.add_metric(["failed"], telling.failed)
    yield family
    yield _gauge("notices_untold", "What happened and is not addressed to people yet.", telling.untold)
    yield _gauge(
        "deliveries_oldest_due_seconds", "How long the oldest has been due.", telling.oldest_due_s or 0
    )
    yield _gauge("deliveries_abandoned_last_day", "Given up within a day.", telling.abandoned)
    yield _gauge("channels_disabled", "Chats and webhooks that are disabled.", telling.disabled)
    if telling.mail in ("answers", "silent"):
        yield _gauge(
            "mail_up", "1 when the mail server answered a worker last.", int(telling.mail == "answers")
        )


def _gauge(name: str, told: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"switchyard_{name}", told, value=value)


def _figures() -> tuple[EngineFigures, TellingFigures] | None:
    try:
        return engine_figures(), telling_figures()
    except DatabaseError as error:
        log.warning("metrics.database", reason=str(error))
        return None
