from django.apps import AppConfig


class PeopleConfig(AppConfig):
    """Users, teams, portal roles and API tokens."""

    name = "environments.people"
    label = "people"

    def ready(self) -> None:
        # Its models are there only now.
        from environments.people.persons import register
        from environments.people.signins import connect

        connect()
        register()
