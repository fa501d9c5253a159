from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("workers", "0001_initial")]

    operations = [
        migrations.RemoveField(model_name="watch", name="moved_at"),
        migrations.AddField(
            model_name="watch",
            name="handled",
            field=models.JSONField(
                blank=True,
                default=list,
                help_text="Receipt handles of messages that are in rows and not deleted yet.",
            ),
        ),
    ]
