"""Bases of the API's serializers."""

import difflib
from typing import Any

from rest_framework import serializers


class Input(serializers.Serializer):
    """What a request may say. Keys that it does not know are refused by name, never ignored."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            if self.parent is not None:
                raise serializers.ValidationError(f"This has to be a JSON object; it is {_json_type(data)}.")
            raise serializers.ValidationError(
                {"body": f"The body has to be a JSON object, as {{…}}; this is {_json_type(data)}."}
            )
        unknown = {key: self._unknown(key) for key in data if key not in self.fields}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**error.detail, **unknown}) from error  # type: ignore[dict-item]
        if unknown:
            raise serializers.ValidationError(unknown)
        return values

    def _unknown(self, key: str) -> list[str]:
        near = difflib.get_close_matches(key, list(self.fields), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(self.fields) or 'none'}."
        return [f"{key[:80]} is not known here. {hint}"]


class Nothing(Input):
    """The body of a verb that needs no more than its address: {} or none at all."""


def _json_type(value: Any) -> str:
    for kinds, name in ((bool, "true or false"), (list, "a list"), (str, "text"), (int | float, "a number")):
        if isinstance(value, kinds):
            return name
    return "null"
