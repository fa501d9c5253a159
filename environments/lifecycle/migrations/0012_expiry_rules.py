"""The first expiry rules, as data; and an expiry for the development environments that are there already.

Those get what a request of today would get, counted from this migration: nobody loses an environment to an upgrade
of the portal without the warnings that everybody gets.
"""

from datetime import timedelta

from django.db import migrations
from django.utils import timezone

RULES = [
    {"tier": "dev", "default_days": 14, "maximum_days": 30, "approves_teardown": True},
    {"tier": "staging", "default_days": None, "maximum_days": None, "approves_teardown": False},
    {"tier": "prod", "default_days": None, "maximum_days": None, "approves_teardown": False},
]
GONE = ["torn-down", "withdrawn"]
FIRST_WARNING = timedelta(days=2)


def add_rules(apps, schema_editor):
    alias = schema_editor.connection.alias
    for rule in RULES:
        apps.get_model("lifecycle", "ExpiryRule").objects.using(alias).create(**rule)
    now = timezone.now()
    expires_at = now + timedelta(days=RULES[0]["default_days"])
    living = apps.get_model("lifecycle", "Environment").objects.using(alias).exclude(status__in=GONE)
    living.filter(tier="dev", is_canary=False).update(
        expiry_from=now, expires_at=expires_at, expiry_due_at=expires_at - FIRST_WARNING
    )


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0011_expiry_and_limits")]
    operations = [migrations.RunPython(add_rules, migrations.RunPython.noop)]
