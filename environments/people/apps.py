from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Users, teams, portal roles and API tokens."""

    name = "environments.people"
    label = "people"
