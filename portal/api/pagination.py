"""How lists are cut: {count, next, previous, results}."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request


class Pages(PageNumberPagination):
    """Numbered pages of 50, or ?page_size= up to 200."""

    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200
    invalid_page_message = "There is no such page."

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: Any = None
    ) -> list[Any] | None:
        number = request.query_params.get(self.page_query_param, "1")
        if not (number.isascii() and number.isdigit() and len(number) < 10 and int(number) > 0):
            raise ValidationError({"page": "A page is a whole number from 1."})
        return super().paginate_queryset(queryset, request, view)

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param, str(self.page_size))
        if not (asked.isascii() and asked.isdigit() and len(asked) < 10):
            raise ValidationError({"page_size": f"A page has 1 to {self.max_page_size} rows."})
        if not 1 <= int(asked) <= self.max_page_size:
            raise ValidationError({"page_size": f"A page has 1 to {self.max_page_size} rows."})
        return int(asked)
