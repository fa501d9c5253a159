"""The Celery app. Django's settings hold its configuration; tasks have explicit names."""

import gc
import os

from celery import Celery
from celery.signals import setup_logging, worker_init, worker_ready
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings.production")

app = Celery("switchyard")
app.conf.update(
    broker_url=settings.BROKER_URL,
    result_backend=None,
    task_ignore_result=True,
    task_default_queue="switchyard",
    # A message is a hint and the row is the truth: acknowledge early, and let the tick find what was lost.
    task_acks_late=False,
    worker_prefetch_multiplier=1,
    # Resident kilobytes, 180,000 of them shared with the parent (_share_memory): a child that has grown by plans and
    # deployments gives way to a fresh one. So one worker of two stays below 300 MB.
    worker_max_memory_per_child=205_000,
    broker_connection_retry_on_startup=True,
    broker_transport_options={
        "socket_timeout": 5,
        "socket_connect_timeout": 2,
        "visibility_timeout": 3600,
        # A sender tries twice, then leaves it to the tick: kombu's own patience held each request for 6 s.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0.1,
        "interval_max": 0.1,
    },
    timezone="UTC",
    imports=["workers.tasks", "workers.telling_tasks"],
    beat_schedule={
        "tick": {
            "task": "workers.tick",
            "schedule": settings.ENGINE_TICK_S,
            "options": {"expires": settings.ENGINE_TICK_S},
        },
        # Apart from the tick: whatever befalls notifications, operations go on.
        "tell": {
            "task": "workers.tell",
            "schedule": settings.ENGINE_TICK_S,
            "options": {"expires": settings.ENGINE_TICK_S},
        },
        "watchdog": {"task": "workers.watchdog", "schedule": 60.0, "options": {"expires": 60.0}},
    },
)


@setup_logging.connect
def _keep_our_logging(**_kwargs: object) -> None:
    """Celery would replace the structured logging that settings have configured."""


@worker_init.connect
def _stop_when_restored(**_kwargs: object) -> None:
    """Before the first message: a database that was restored is paused, so that nothing is done twice."""
    # Here and not above: the web loads this module too, and nothing else of the workers.
    from django.db import connections

    from workers.watermark import watermark_check

    watermark_check()
    # Children are forked from this process: none may inherit its connection.
    connections.close_all()
    _share_memory()


def _share_memory() -> None:
    """What every child would load for itself is loaded before they are forked, and kept from being copied."""
    import workers.tasks
    import workers.telling_tasks  # noqa: F401
    from workers.aws.session import preload

    # EC2's model alone is 18 MB; IAM's, S3's and STS's with what all share come next.
    preload(
        ("sts", "s3", "cloudformation", "ec2", "elasticbeanstalk", "elbv2", "iam", "rds", "route53", "sqs")
    )
    gc.collect()
    # The collector writes into each object it looks at, which would copy every page in every child.
    gc.freeze()


@worker_ready.connect
def _warm_up(**_kwargs: object) -> None:
    """The synthesis process takes seconds to start: it is there when the first request comes."""
    from workers.synthesis_process import synthesis_start

    synthesis_start()
