"""Query parameters of lists: what is not known, or not understood, is refused and not ignored."""

from datetime import UTC, datetime
from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django_filters.fields import IsoDateTimeField
from rest_framework.exceptions import ValidationError
from rest_framework.filters import OrderingFilter
from rest_framework.request import Request


class _YesNoField(forms.Field):
    widget = forms.TextInput

    def to_python(self, value: str | None) -> bool | None:
        known = {None: None, "": None, "true": True, "false": False}
        if value not in known:
            raise forms.ValidationError("This is true or false.")
        return known[value]


class _MomentField(IsoDateTimeField):
    def to_python(self, value: str | None) -> datetime | None:
        moment = super().to_python(value)
        try:
            # Some offsets that ISO 8601 can write are none to PostgreSQL.
            return moment.astimezone(UTC) if moment else None
        except OverflowError as error:
            raise forms.ValidationError("That moment is beyond all calendars.") from error


class Moment(django_filters.IsoDateTimeFilter):
    """A moment with its offset, as 2026-11-28T12:00:00+01:00."""

    field_class = _MomentField


class YesNo(django_filters.BooleanFilter):
    """?gone=true or ?gone=false; the library's own filter takes anything else for no filter at all."""

    field_class = _YesNoField


class StrictOrdering(OrderingFilter):
    """?ordering=name,-created_at of the view's `ordering_fields`; anything else is refused."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        asked = [term.strip() for term in request.query_params.get(self.ordering_param, "").split(",")]
        known = list(view.ordering_fields)
        for term in asked:
            if term and term.removeprefix("-") not in known:
                raise ValidationError(
                    {"ordering": f"Cannot order by {term[:80]}. Choose from: {', '.join(known)}."}
                )
        return super().filter_queryset(request, queryset, view)


def parameters_check(request: Request, known: set[str]) -> None:
    """Raise ValidationError, per parameter, for query parameters that are not known here."""
    unknown = sorted(set(request.query_params) - known)
    if unknown:
        hint = f"Known: {', '.join(sorted(known))}." if known else "There are none here."
        raise ValidationError({name[:80]: f"{name[:80]} is no parameter here. {hint}" for name in unknown})
