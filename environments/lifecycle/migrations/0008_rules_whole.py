"""Rules say how many people a plan needs, by more than kind and tier. Present rules go on meaning what they meant.

They approved without a person, whatever risk a plan carried. From now on grave risks have to be named: those that lie
in the nature of what a present rule is about are (a new environment brings roles of its own, a teardown loses data).
"""

import django.contrib.postgres.fields
import django.core.validators
from django.db import migrations, models

import environments.lifecycle.models.rule

ALL = ["replacement", "removal", "data-loss", "iam-broadening", "drift"]
IN_THE_NATURE_OF = {
    "provision": ["removal", "drift", "iam-broadening"],
    "teardown": ["removal", "drift", "data-loss"],
}
USUAL = ["removal", "drift"]
FIRST = [
    {
        "name": "Updates that may lose data need two people",
        "operation_kinds": ["update"],
        "risks_needed": ["data-loss"],
        "risks_covered": ALL,
        "approvals": 2,
        "expires_after_h": 72,
        "remind_after_h": 4,
    },
    {
        "name": "Every change of production needs two people",
        "tiers": ["prod"],
        "risks_covered": ALL,
        "approvals": 2,
        "expires_after_h": 168,
        "remind_after_h": 12,
    },
]


def convert(apps, schema_editor):
    rules = apps.get_model("lifecycle", "ApprovalRule").objects.using(schema_editor.connection.alias)
    for rule in rules.all():
        rule.position += len(FIRST)
        rule.operation_kinds = [rule.operation_kind]
        rule.tiers = [rule.tier]
        rule.sizes = [rule.size] if rule.size else []
        rule.approvals = 0
        rule.risks_covered = IN_THE_NATURE_OF.get(rule.operation_kind, USUAL)
        rule.save()
    for position, fields in enumerate(FIRST, start=1):
        rules.create(position=position, **fields)


class Migration(migrations.Migration):
    dependencies = [
        ("lifecycle", "0007_sandbox_scripts"),
    ]

    operations = [
        migrations.AddField(
            model_name="approvalrule",
            name="approvals",
            field=models.PositiveSmallIntegerField(
                default=1,
                help_text="How many people have to approve: 0, 1 or 2. Never who asked.",
                validators=[django.core.validators.MaxValueValidator(2)],
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="approver_roles",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("administrator", "Administrator"),
                        ("approver", "Approver"),
                        ("team-lead", "Team lead"),
                        ("engineer", "Engineer"),
                        ("auditor", "Auditor"),
                    ],
                    max_length=20,
                ),
                blank=True,
                default=list,
                help_text="Only these portal roles may approve. Empty: all that may approve at all.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="expires_after_h",
            field=models.PositiveSmallIntegerField(
                default=168,
                help_text="Hours until an approval that nobody gave expires.",
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="max_cost_increase",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="USD a month more than before, at most.",
                max_digits=12,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="min_cost_increase",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="USD a month more than before, at least.",
                max_digits=12,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="min_monthly_cost",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="USD a month after the change, at least.",
                max_digits=12,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="operation_kinds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40),
                blank=True,
                default=list,
                help_text="Empty: every kind of change.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="remind_after_h",
            field=models.PositiveSmallIntegerField(
                blank=True,
                default=24,
                help_text="Hours until approvers are reminded, once. Empty: never.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="risks_covered",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("replacement", "Replaces a resource"),
                        ("removal", "Removes a resource"),
                        ("data-loss", "May lose data"),
                        ("iam-broadening", "Broadens what IAM allows"),
                        ("drift", "Finds changes made by hand"),
                    ],
                    max_length=20,
                ),
                blank=True,
                default=environments.lifecycle.models.rule.risks_usual,
                help_text="The plan carries no risk beyond these.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="risks_needed",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("replacement", "Replaces a resource"),
                        ("removal", "Removes a resource"),
                        ("data-loss", "May lose data"),
                        ("iam-broadening", "Broadens what IAM allows"),
                        ("drift", "Finds changes made by hand"),
                    ],
                    max_length=20,
                ),
                blank=True,
                default=list,
                help_text="The plan carries at least one of these. Empty: it need not carry any.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="sizes",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=20),
                blank=True,
                default=list,
                help_text="Empty: every size.",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approvalrule",
            name="tiers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[("dev", "Development"), ("staging", "Staging"), ("prod", "Production")],
                    max_length=10,
                ),
                blank=True,
                default=list,
                help_text="Empty: every tier.",
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="approvalrule",
            name="max_monthly_cost",
            field=models.DecimalField(
                blank=True,
                decimal_places=2,
                help_text="USD a month after the change, at most.",
                max_digits=12,
                null=True,
            ),
        ),
        migrations.RunPython(convert, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name="approvalrule",
            name="operation_kind",
        ),
        migrations.RemoveField(
            model_name="approvalrule",
            name="size",
        ),
        migrations.RemoveField(
            model_name="approvalrule",
            name="tier",
        ),
        migrations.AddConstraint(
            model_name="approvalrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("approvals__lte", 2)), name="rule_approvals_at_most_two"
            ),
        ),
        migrations.AddConstraint(
            model_name="approvalrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("remind_after_h__isnull", True),
                    ("remind_after_h__lt", models.F("expires_after_h")),
                    _connector="OR",
                ),
                name="rule_reminds_before_it_expires",
            ),
        ),
    ]
