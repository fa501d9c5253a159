"""What several stories need to know of an environment besides what its pages show."""

from environments.lifecycle.models import Environment


def uploads_of(environment: Environment) -> str:
    """The name of its bucket for uploads. Outputs of a stack are not kept where only events told of its end."""
    rows = environment.resources().filter(stack__key="storage", type="AWS::S3::Bucket")
    return str(rows.get(logical_id__startswith="Uploads").physical_id)
