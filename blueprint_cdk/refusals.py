"""Refusing a request: one sentence for a person, and the field it belongs to."""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

ModelT = TypeVar("ModelT", bound=BaseModel)

_PLAIN = {
    "missing": "{field} is missing.",
    "extra_forbidden": "{field} is not known to this blueprint.",
    "string_type": "{field} must be text.",
    "bool_type": "{field} must be true or false.",
    "int_type": "{field} must be a whole number.",
}


class SpecError(ValueError):
    """A request that the blueprint refuses: `sentence` for a person, `field` as a dotted path or None."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.field = field


def parse(model: type[ModelT], data: Any, prefix: str = "") -> ModelT:
    """`data` as a `model`; raises SpecError with a sentence and the field."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise sentence_of(error, model, prefix) from None


def sentence_of(error: ValidationError, model: type[BaseModel], prefix: str = "") -> SpecError:
    """The first fault of a pydantic error as one sentence with its field.

    `prefix` comes before the dotted path, for parts of a request ("facts.eu-west-1").
    """
    fault = error.errors(include_url=False)[0]
    path = ".".join(str(part) for part in fault["loc"])
    field = ".".join(part for part in (prefix, path) if part) or None
    context = fault.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, SpecError):
        return cause
    if isinstance(cause, ValueError):
        return SpecError(str(cause), field)
    label = field or "The specification"
    if fault["type"] in _PLAIN:
        return SpecError(_PLAIN[fault["type"]].format(field=label), field)
    if fault["type"] == "literal_error":
        return SpecError(
            f"{label} must be one of {context['expected']}, not {_shown(fault['input'])}.", field
        )
    if fault["type"] == "string_pattern_mismatch":
        described = model.model_fields.get(str(fault["loc"][0])) if fault["loc"] else None
        hint = f" {described.description}" if described and described.description else ""
        return SpecError(f"{label} {_shown(fault['input'])} is malformed.{hint}", field)
    if fault["type"] == "string_too_long":
        return SpecError(f"{label} may have at most {context['max_length']} characters.", field)
    if fault["type"] == "string_too_short":
        return SpecError(f"{label} must have at least {context['min_length']} characters.", field)
    return SpecError(f"{label}: {fault['msg'][0].lower()}{fault['msg'][1:]}.", field)


def _shown(value: Any) -> str:
    """A value in a sentence: short, and never a whole document."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
