"""CloudWatch: metrics in memory, and alarms that follow them."""

from sandbox.services.cloudwatch.metrics import put_metric_data

__all__ = ["put_metric_data"]
