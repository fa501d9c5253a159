"""Whether what was typed makes a fault, and where faults may be: only in accounts that live in the sandbox."""

import math
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from environments.errors import InvalidFields
from environments.lifecycle.fault_kinds import KINDS, Field, Kind
from environments.lifecycle.models import Account

LONGEST_S = 366 * 86400


def sandbox_accounts() -> QuerySet[Account]:
    """The accounts that live in the sandbox; none where there is none."""
    accounts = Account.objects.filter(is_on_sandbox=True).order_by("name")
    return accounts if settings.SANDBOX_URL else accounts.none()


def sandbox_regions() -> list[str]:
    """The regions of those accounts."""
    return sorted(
        {region for regions in sandbox_accounts().values_list("regions", flat=True) for region in regions}
    )


def fault_checked(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fault as the sandbox takes it. given: a text, a number or a list of texts for each field; empty ones say
    nothing. Raises InvalidFields.
    """
    described = KINDS.get(kind)
    if described is None:
        raise InvalidFields({"kind": f"Choose one of these kinds: {', '.join(KINDS)}."})
    problems: dict[str, str] = {}
    body: dict[str, Any] = {"kind": kind}
    places = {
        "account": [account.account_id for account in sandbox_accounts()],
        "region": sandbox_regions(),
    }
    for field in described.all_fields():
        typed = _texts(given.get(field.name))
        if not typed:
            if field.required:
                problems[field.name] = f"{field.label} is needed."
            continue
        try:
            values = [_value(field, one, places.get(field.name)) for one in typed]
        except ValueError as problem:
            problems[field.name] = str(problem)
            continue
        if field.is_number and not values[-1] and not field.least:
            continue  # 0 is what an empty one means
        body[field.name] = values if field.several and len(values) > 1 else values[-1]
    if not problems:
        problems = _says_nothing(described, body)
    if problems:
        raise InvalidFields(problems)
    return body


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for one in values if one is not None and (text := str(one).strip())]


def _value(field: Field, typed: str, places: list[str] | None) -> Any:
    """One value of a field. Raises ValueError with a sentence."""
    if field.is_number:
        number = number_of(typed)
        if number is None or not field.least <= number <= LONGEST_S:
            raise ValueError(f"{field.label} is a number from {field.least:g} on.")
        return int(number) if field.is_whole or number.is_integer() else number
    allowed = places if places is not None else [value for value, _ in field.choices]
    if (places is not None or field.choices) and typed not in allowed:
        raise ValueError(f"{field.label}: {typed[:60]} is not one of {', '.join(allowed) or 'none'}.")
    if len(typed) > 200:
        raise ValueError(f"{field.label} has at most 200 characters.")
    return typed


def _says_nothing(kind: Kind, body: dict[str, Any]) -> dict[str, str]:
    if not kind.one_of or any(body.get(name) for name in kind.one_of):
        return {}
    labels = {field.name: field.label.lower() for field in kind.fields}
    return {kind.one_of[0]: f"Say {' or '.join(labels[name] for name in kind.one_of)}."}


def number_of(typed: str) -> float | None:
    """The number that was typed; None if it is none."""
    try:
        number = float(typed)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
