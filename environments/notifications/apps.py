from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    """Who is told what, and by which way: preferences, channels, the inbox, and each delivery."""

    name = "environments.notifications"
    label = "notifications"
