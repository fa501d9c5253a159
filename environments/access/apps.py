from django.apps import AppConfig


class AccessConfig(AppConfig):
    """What people may do in AWS: the AWS roles of an environment, from its release's own data."""

    name = "environments.access"
    label = "access"
