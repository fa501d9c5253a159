from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The REST API's root and what all its resources share."""

    name = "portal.api"
    label = "api"
