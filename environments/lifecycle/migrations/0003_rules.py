"""The first approval rules. Data, so that an administrator can see them and later parts can change them."""

from decimal import Decimal

from django.db import migrations

RULES = [
    {
        "position": 1,
        "name": "Small development environments up to 400 USD a month need no approval",
        "operation_kind": "provision",
        "tier": "dev",
        "size": "small",
        "max_monthly_cost": Decimal("400"),
    },
    {
        "position": 2,
        "name": "Development environments may be torn down without approval",
        "operation_kind": "teardown",
        "tier": "dev",
        "size": "",
        "max_monthly_cost": None,
    },
]


def add_rules(apps, schema_editor):
    rule_model = apps.get_model("lifecycle", "ApprovalRule")
    for rule in RULES:
        rule_model.objects.using(schema_editor.connection.alias).create(**rule)


class Migration(migrations.Migration):
    dependencies = [("lifecycle", "0002_initial")]
    operations = [migrations.RunPython(add_rules, migrations.RunPython.noop)]
