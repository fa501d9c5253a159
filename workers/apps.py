from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """Listed for its management commands; it has no rows."""

    name = "workers"
    label = "workers"

    def ready(self) -> None:
        # The app that send_task uses in every process, the web's too. Its tasks load in workers only.
        import workers.celery  # noqa: F401
