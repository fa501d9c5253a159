"""Users' attributes: the standard ones, custom ones, and what a pool's schema asks of their values.

Source: Cognito developer guide, "Working with user attributes"; defaults as DescribeUserPool shows them.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.errors import AwsError
from sandbox.services.cognito_idp.names import invalid
from sandbox.store import Record

_TEXT = ("0", "2048")
_STANDARD: tuple[tuple[str, str, bool], ...] = (
    # name, type, mutable
    ("sub", "String", False),
    ("name", "String", True),
    ("given_name", "String", True),
    ("family_name", "String", True),
    ("middle_name", "String", True),
    ("nickname", "String", True),
    ("preferred_username", "String", True),
    ("profile", "String", True),
    ("picture", "String", True),
    ("website", "String", True),
    ("email", "String", True),
    ("email_verified", "Boolean", True),
    ("gender", "String", True),
    ("birthdate", "String", True),
    ("zoneinfo", "String", True),
    ("locale", "String", True),
    ("phone_number", "String", True),
    ("phone_number_verified", "Boolean", True),
    ("address", "String", True),
    ("updated_at", "Number", True),
)
STANDARD_NAMES = frozenset(name for name, _, _ in _STANDARD)
READ_ONLY = frozenset(("sub", "email_verified", "phone_number_verified"))
"""What a user cannot write, whatever the client's write attributes."""
Attributes = dict[str, str]


def _standard(name: str, kind: str, mutable: bool) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "Name": name,
        "AttributeDataType": kind,
        "DeveloperOnlyAttribute": False,
        "Mutable": mutable,
        "Required": name == "sub",
    }
    if kind == "String":
        least, most = ("1", "2048") if name == "sub" else ("10", "10") if name == "birthdate" else _TEXT
        shape["StringAttributeConstraints"] = {"MinLength": least, "MaxLength": most}
    elif kind == "Number":
        shape["NumberAttributeConstraints"] = {"MinValue": "0"}
    return shape


def custom_name(wanted: dict[str, Any]) -> str:
    """How a schema entry is called among a user's attributes."""
    name = str(wanted["Name"])
    if name in STANDARD_NAMES or name.startswith(("custom:", "dev:")):
        return name
    return f"dev:custom:{name}" if wanted.get("DeveloperOnlyAttribute") else f"custom:{name}"


def full_schema(wanted: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """SchemaAttributes of a pool that was made with `wanted`: all standard attributes and its custom ones."""
    given = {custom_name(w): w for w in wanted}
    shapes = []
    for name, kind, mutable in _STANDARD:
        own = given.pop(name, {})
        shapes.append({**_standard(name, kind, mutable), **{k: v for k, v in own.items() if k != "Name"}})
    for name, own in given.items():
        kind = own.get("AttributeDataType", "String")
        shape = {
            "AttributeDataType": kind,
            "DeveloperOnlyAttribute": False,
            "Mutable": True,
            "Required": False,
            **own,
            "Name": name,
        }
        if kind in ("String", "Number"):
            shape.setdefault(f"{kind}AttributeConstraints", {})
        shapes.append(shape)
    return shapes


def check_schema(wanted: list[dict[str, Any]]) -> None:
    """Refuse schema entries that Cognito refuses."""
    for entry in wanted:
        if not entry.get("Name"):
            raise invalid("Invalid schema attribute: it has no name.")
        name = custom_name(entry)
        for limits in ("StringAttributeConstraints", "NumberAttributeConstraints"):
            for limit in (entry.get(limits) or {}).values():
                if not re.fullmatch(r"-?\d+", str(limit), re.ASCII):
                    raise invalid(f"Invalid {limits} of {name}: {limit} is not a number.")
        if name not in STANDARD_NAMES and entry.get("Required"):
            raise invalid("Required custom attributes are not supported currently.")
        kind = next((k for n, k, _ in _STANDARD if n == name), None)
        if kind and entry.get("AttributeDataType", kind) != kind:
            raise invalid(
                "You can not change AttributeDataType or set developerOnlyAttribute for standard schema "
                f"attribute {name}"
            )


def as_dict(given: list[dict[str, Any]] | None) -> Attributes:
    """A request's attribute list as a dict."""
    return {str(a["Name"]): str(a.get("Value") or "") for a in given or ()}


def as_list(attributes: Attributes) -> list[dict[str, str]]:
    return [{"Name": k, "Value": v} for k, v in attributes.items()]


def check(pool: Record, given: Attributes, current: Attributes | None, by_admin: bool) -> None:
    """Refuse values that do not conform to the pool's schema.

    current: the user's attributes at an update (None: the user is being made, and required ones must be there).
    """
    schema = {s["Name"]: s for s in pool.data["schema"]}
    for name, value in given.items():
        rule = schema.get(name)
        if rule is None:
            raise invalid(
                f"Attributes did not conform to the schema: Type for attribute {{{name}}} could not be determined"
            )
        if current is not None and not rule["Mutable"] and current.get(name) != value:
            raise invalid(f"user.{name}: Attribute cannot be updated.")
        if name == "sub" or (not by_admin and name in READ_ONLY):
            raise AwsError("NotAuthorizedException", "A client attempted to write unauthorized attribute")
        _check_value(rule, name, value)
    if current is None:
        missing = [n for n, rule in schema.items() if rule["Required"] and n != "sub" and not given.get(n)]
        if missing:
            told = "".join(f"{n}: The attribute {n} is required\n" for n in missing)
            raise invalid(f"Attributes did not conform to the schema: {told}")


def _check_value(rule: dict[str, Any], name: str, value: str) -> None:
    problem = ""
    text = rule.get("StringAttributeConstraints") or {}
    number = rule.get("NumberAttributeConstraints") or {}
    if rule["AttributeDataType"] == "Number":
        if not re.fullmatch(r"-?\d+(\.\d+)?", value):
            problem = f"Attribute {name} is not a number"
        elif not float(number.get("MinValue", value)) <= float(value) <= float(number.get("MaxValue", value)):
            problem = f"Attribute {name} is out of range"
    elif rule["AttributeDataType"] == "Boolean" and value not in ("true", "false"):
        problem = f"Attribute {name} is not a boolean"
    elif len(value) < int(text.get("MinLength", 0)):
        problem = f"String must be at least {text['MinLength']} characters"
    elif len(value) > int(text.get("MaxLength", 2048)):
        problem = f"String must be no longer than {text.get('MaxLength', 2048)} characters"
    if problem:
        raise invalid(f"Attributes did not conform to the schema: {name}: {problem}\n")
    if name == "email" and value and not is_email(value):
        raise invalid("Invalid email address format.")
    if name == "phone_number" and value and not is_phone(value):
        raise invalid("Invalid phone number format.")


def is_email(value: str) -> bool:
    return re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value) is not None


def is_phone(value: str) -> bool:
    return re.fullmatch(r"\+\d{5,15}", value) is not None
