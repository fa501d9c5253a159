from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """Listed for its management commands; it has no rows."""

    name = "workers"
    label = "workers"
