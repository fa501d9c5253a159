from django.apps import AppConfig
from django.db.models.signals import post_migrate


class OperationsConfig(AppConfig):
    """The engine's rows and their moves. Knows no sibling app: subjects are generic."""

    name = "environments.operations"
    label = "operations"

    def ready(self) -> None:
        from environments.operations.grants import grant_application_role

        post_migrate.connect(grant_application_role, dispatch_uid="operations.grants")
