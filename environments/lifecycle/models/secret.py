"""What is known of an application's own secrets. Never a value: the portal may not read one."""

from django.db import models

from environments.lifecycle.models.environment import Environment


class SecretState(models.Model):
    """Whether a secret that the spec names has a value in AWS, as a worker saw it last."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="secret_states")
    name = models.CharField(max_length=63)
    is_set = models.BooleanField()
    changed_at = models.DateTimeField(
        null=True, help_text="When its value was set, by AWS; empty: it has none."
    )
    seen_at = models.DateTimeField()

    class Meta:
        ordering = ["environment", "name"]
        constraints = [models.UniqueConstraint(fields=["environment", "name"], name="secret_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.environment}"
