"""Random passwords, as GetRandomPassword and GenerateSecretString make them."""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from sandbox.errors import AwsError

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"  # GetRandomPassword, API reference


def generate(options: dict[str, Any]) -> str:
    """A password. options: PasswordLength (32), Exclude…, IncludeSpace, RequireEachIncludedType (true)."""
    length = int(options.get("PasswordLength") or 32)
    kinds = [
        ("ExcludeLowercase", string.ascii_lowercase),
        ("ExcludeUppercase", string.ascii_uppercase),
        ("ExcludeNumbers", string.digits),
        ("ExcludePunctuation", PUNCTUATION),
    ]
    excluded = set(options.get("ExcludeCharacters") or "")
    sets = [[c for c in letters if c not in excluded] for name, letters in kinds if not options.get(name)]
    if options.get("IncludeSpace"):
        sets.append([" "])
    sets = [s for s in sets if s]
    if not sets or not 1 <= length <= 4096:
        text = "The password length is not between 1 and 4096, or every character is excluded."
        raise AwsError("InvalidParameterException", text)
    each = options.get("RequireEachIncludedType", True)
    chosen = [secrets.choice(s) for s in sets][:length] if each else []
    everything = [c for s in sets for c in s]
    chosen += [secrets.choice(everything) for _ in range(length - len(chosen))]
    secrets.SystemRandom().shuffle(chosen)
    return "".join(chosen)


def secret_string(options: dict[str, Any]) -> str:
    """The secret string of a CloudFormation GenerateSecretString."""
    password = generate(options)
    template, key = options.get("SecretStringTemplate"), options.get("GenerateStringKey")
    if template is None and key is None:
        return password
    if template is None or key is None:
        text = "You must specify both SecretStringTemplate and GenerateStringKey, or neither."
        raise AwsError("InvalidParameterException", text)
    try:
        document = json.loads(template)
    except ValueError as problem:
        text = "Could not parse SecretStringTemplate JSON."
        raise AwsError("InvalidParameterException", text) from problem
    return json.dumps({**document, key: password}, separators=(",", ":"))
