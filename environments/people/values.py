"""What a model's field takes, asked before anything is written: services save rows without a form."""

from django.core.exceptions import ValidationError
from django.db.models import Model

from environments.errors import Invalid


def value_require(model: type[Model], field: str, value: str) -> None:
    """Raises Invalid at the field, with its validators' sentences; an empty value is for others to judge."""
    try:
        model._meta.get_field(field).run_validators(value)  # type: ignore[union-attr]
    except ValidationError as error:
        raise Invalid(" ".join(error.messages), field=field) from error
