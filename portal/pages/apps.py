from django.apps import AppConfig


class PagesConfig(AppConfig):
    """Pages and their template tags; it has no rows."""

    name = "portal.pages"
    label = "pages"
