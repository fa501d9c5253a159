from django.apps import AppConfig


class WorkersConfig(AppConfig):
    """Listed for its management commands and for the rows of the observer."""

    name = "workers"
    label = "workers"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # The app that send_task uses in every process, the web's too. Its tasks load in workers only.
        import workers.celery  # noqa: F401
