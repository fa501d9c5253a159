"""Serializer fields that take what the OpenAPI document says and nothing that merely resembles it."""

from typing import Any

from django.db.models import Model, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers


def shown_by(attribute: str, **options: Any) -> "serializers.Field[Any, Any, Any, Any]":
    """A related object, read-only, by one of its attributes: its name, its slug."""
    return serializers.SlugRelatedField(attribute, read_only=True, **options)


class Text(serializers.CharField):
    """A JSON string; numbers and booleans are refused, and nothing is trimmed."""

    default_error_messages = {"invalid": "This has to be text, in quotes."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"trim_whitespace": False, "max_length": 2000} | kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Flag(serializers.BooleanField):
    """JSON true or false."""

    default_error_messages = {"invalid": "This has to be true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid")
        return data


class Whole(serializers.IntegerField):
    """A JSON whole number."""

    default_error_messages = {"invalid": "This has to be a whole number."}

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int | float) or data != int(data):
            self.fail("invalid")
        return super().to_internal_value(int(data))


@extend_schema_field(OpenApiTypes.STR)
class Named(serializers.RelatedField):
    """A related object by its name: `Named("account", Account.objects.all(), by="name")` takes "sandbox-1"."""

    def __init__(self, noun: str, queryset: QuerySet[Any], *, by: str, **kwargs: Any) -> None:
        self.noun, self.by = noun, by
        super().__init__(queryset=queryset, **kwargs)

    def to_internal_value(self, data: Any) -> Model:
        if not isinstance(data, str):
            raise serializers.ValidationError(f"This has to be the {self.noun}'s {self.by}, in quotes.")
        rows = self.get_queryset()
        found = rows.filter(**{self.by: data}).first() if rows is not None else None
        if found is None:
            raise serializers.ValidationError(f"There is no {self.noun} {data[:80]}.")
        return found

    def to_representation(self, value: Any) -> str:
        return getattr(value, self.by)
