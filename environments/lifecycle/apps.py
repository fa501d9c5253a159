from django.apps import AppConfig


class LifecycleConfig(AppConfig):
    """Accounts, releases, environments and plans; request and teardown."""

    name = "environments.lifecycle"
    label = "lifecycle"

    def ready(self) -> None:
        from environments.lifecycle import kinds, policies, settings

        kinds.register()
        settings.register()
        policies.register()
