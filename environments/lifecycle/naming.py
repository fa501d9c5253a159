"""Names that follow from an environment's name, by the release's own rules."""

import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

from environments.lifecycle.when import holds

ALPHABET = string.ascii_lowercase + string.digits
# Before there is an environment, previews show where its suffix will stand.
PREVIEW_SUFFIX = "xxxx"
RESERVED = frozenset({"admin", "api", "aws", "cdk", "default", "portal", "root", "switchyard", "test", "www"})


def suffix_make() -> str:
    """Four characters that make physical names unique, so that a name can be built again at once."""
    return "".join(secrets.choice(ALPHABET) for _ in range(4))


def names_needed(naming: list[dict[str, Any]], values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rules of names that an environment with these choices has."""
    return [rule for rule in naming if holds(rule.get("when"), values)]


def names_derive(naming: list[dict[str, Any]], values: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each rule that is needed applied: [{"key", "label", "value", "error"}]; error is empty for an acceptable name."""
    derived = []
    for rule in names_needed(naming, values):
        value = rule["pattern"].format_map(values)
        error = ""
        if len(value) > rule["max_length"]:
            over = len(value) - rule["max_length"]
            error = (
                f"{rule['label']} would be {value}, {over} characters longer than AWS allows"
                f" ({rule['max_length']}). Choose a shorter name."
            )
        elif rule.get("charset") and not re.fullmatch(rule["charset"], value):
            refusal = rule.get("refusal") or "which has characters that AWS does not allow there"
            error = f"{rule['label']} would be {value}, {refusal}."
        derived.append({"key": rule["key"], "label": rule["label"], "value": value, "error": error})
    return derived
