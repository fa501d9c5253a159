"""Bases of the API's views."""

from typing import Any

from django.http import Http404
from django_filters.rest_framework import DjangoFilterBackend
from rest_framework import mixins, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.filters import SearchFilter
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from environments.rest.filters import StrictOrdering, parameters_check
from environments.rest.parsers import StrictJSONParser

LIST_PARAMETERS = {"page", "page_size", "ordering", "search"}


class Resource(GenericViewSet):
    """One resource. Views say their `noun`, the right to read them in `view_right`, their `scopes` per action, their
    serializer per action in `serializers` and `inputs`, the query parameters of actions other than lists in
    `parameters`, and in `secret_fields` what is shown once and not kept for a repeated POST.

    Lists have `ordering_fields`, `search_fields` and `filterset_class`.
    """

    parser_classes = [StrictJSONParser]
    filter_backends = [DjangoFilterBackend, SearchFilter, StrictOrdering]
    metadata_class = None
    http_method_names = ["get", "head", "post", "delete"]
    noun = "row"
    view_right = ""
    scopes: dict[str, str] = {}
    serializers: dict[str, type[Serializer]] = {}
    inputs: dict[str, type[Serializer]] = {}
    parameters: dict[str, set[str]] = {}
    secret_fields: dict[str, set[str]] = {}
    list_actions: set[str] = {"list"}
    ordering_fields: list[str] = []
    search_fields: list[str] = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if self.action is not None:
            parameters_check(request, self.known_parameters())

    def known_parameters(self) -> set[str]:
        """Query parameters that the current action takes."""
        known = self.parameters.get(self.action, set())
        if self.action in self.list_actions:
            filterset = getattr(self, "filterset_class", None)
            known = known | LIST_PARAMETERS | set(filterset.base_filters if filterset else ())
        return known

    @property
    def person(self) -> Any:
        """Who asks. Somebody does: views of resources are for people who are signed in."""
        return self.request.user

    def get_serializer_class(self) -> type[Any]:
        return self.serializers.get(self.action) or super().get_serializer_class()

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404 as error:
            value = self.kwargs[self.lookup_url_kwarg or self.lookup_field]
            raise NotFound(f"There is no {self.noun} {value}.") from error

    def said(self) -> dict[str, Any]:
        """The body of the request, checked by the action's input serializer. Raises ValidationError."""
        if self.request.data is None:
            # A serializer would take it for a body that was not sent.
            raise ValidationError({"body": "The body has to be a JSON object, as {…}; this is null."})
        context = self.get_serializer_context()
        serializer = self.inputs[self.action](data=self.request.data, context=context)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def show(self, row: Any, serializer: type[Serializer] | None = None, **options: Any) -> Response:
        """An answer with one object, as the action (or `serializer`) shows it."""
        shape = serializer or self.get_serializer_class()
        return Response(shape(row, context=self.get_serializer_context()).data, **options)

    def show_list(self, rows: Any, serializer: type[Serializer]) -> Response:
        """A page of a list that is not the resource's own."""
        page = self.paginate_queryset(rows)
        context = self.get_serializer_context()
        return self.get_paginated_response(serializer(page, many=True, context=context).data)

    def created(self, row: Any, serializer: type[Serializer] | None = None) -> Response:
        """201 with the new object."""
        return self.show(row, serializer, status=status.HTTP_201_CREATED)


class ReadOnlyResource(mixins.ListModelMixin, mixins.RetrieveModelMixin, Resource):
    """A resource with a list and single objects."""
