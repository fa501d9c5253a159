"""How many operations run side by side in an account and region, until an administrator says otherwise."""

from django.db import migrations


def add_limit(apps, schema_editor):
    # CloudFormation throttles by calls, not by stacks; Beanstalk and RDS work well below this figure.
    apps.get_model("operations", "OperationLimit").objects.using(schema_editor.connection.alias).create(
        scope="*", max_running=25
    )


class Migration(migrations.Migration):
    dependencies = [("operations", "0002_initial")]
    operations = [migrations.RunPython(add_limit, migrations.RunPython.noop)]
