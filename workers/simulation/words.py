"""What a simulation found, in plain words."""

import re
from typing import Any

from workers.simulation.documents import Subject

SHOWN = 3
AT_ONCE = 6
"""So many actions are all named."""
PLACEHOLDER = re.compile(r"\bin\.[a-z0-9-]+\.([A-Za-z0-9]+)")
CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
ANYBODY, ANY_ACCOUNT, OWN = "anybody", "any account", "own"


def finding(
    who: str, sentence: str, *, action: str = "", count: int = 0, resource: str = ""
) -> dict[str, Any]:
    """One thing that is allowed from now on."""
    return {
        "sentence": sentence,
        "who": who,
        "action": action,
        "count": count,
        "resource": resource,
        "judged": True,
    }


def unjudged(who: str, sentence: str) -> dict[str, Any]:
    """One thing that nobody could tell."""
    return {**finding(who, sentence), "judged": False}


def told(subject: Subject, *, is_new: bool, broadened: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A finding per entry of the simulator; who is everybody is told once, not for each account besides."""
    found = []
    wide = {_same(entry) for entry in broadened if entry["principal"] in (ANYBODY, ANY_ACCOUNT)}
    for entry in broadened:
        narrower = entry["principal"] not in (ANYBODY, ANY_ACCOUNT)
        if subject.kind != "identity" and narrower and _same(entry) in wide:
            continue
        if entry["principal"] == ANY_ACCOUNT and any(
            row["principal"] == ANYBODY and _same(row) == _same(entry) for row in broadened
        ):
            continue
        resource = _resources(subject, entry)
        sentence = _sentence(subject, entry, resource, is_new=is_new)
        found.append(
            finding(
                _who(subject, entry),
                sentence,
                action=entry["actions"][0],
                count=entry["count"],
                resource=resource,
            )
        )
    return found


def _same(entry: dict[str, Any]) -> str:
    return repr((sorted(entry["actions"]), entry["resources"], entry["when"]))


def _sentence(subject: Subject, entry: dict[str, Any], resource: str, *, is_new: bool) -> str:
    who = _who(subject, entry)
    when = f", under conditions on {', '.join(entry['when'])}" if entry["when"] else ""
    if subject.kind == "trust":
        return f"{_first_upper(who)} may now assume {subject.label}{when}."
    also = "may" if is_new else "may now also"
    subject_words = (
        f"The new {_noun(subject)} {who}" if is_new and subject.kind == "identity" else _first_upper(who)
    )
    return f"{subject_words} {also} {_actions(entry)} on {resource}{when}."


def _actions(entry: dict[str, Any]) -> str:
    first = entry["actions"][0]
    if entry["count"] == 1:
        return f"{_verb(first)} ({first})"
    services = ", ".join(sorted({name.split(":")[0] for name in entry["actions"]})[:SHOWN])
    if entry["count"] > min(AT_ONCE, len(entry["actions"])):
        shown = ", ".join(entry["actions"][:SHOWN])
        return f"{_verb(first)} and carry out {entry['count'] - 1} more actions ({shown} … of {services})"
    return f"{', '.join(_verb(name) for name in entry['actions'])} ({', '.join(entry['actions'])})"


def _verb(action: str) -> str:
    """DeleteObject as "delete object"."""
    return " ".join(CAMEL.split(action.split(":", 1)[-1])).lower()


def _who(subject: Subject, entry: dict[str, Any]) -> str:
    if subject.kind == "identity":
        return subject.label
    principal = str(entry["principal"])
    words = {
        ANYBODY: "anybody, without signing in,",
        ANY_ACCOUNT: "anyone in any AWS account",
        OWN: "anyone in this account, as far as their own policies let them,",
    }
    if principal in words:
        return words[principal]
    if principal.startswith("account "):
        return f"anyone in {principal}"
    if principal.startswith("arn:"):
        return _plain(principal.rsplit(":", 1)[-1])
    return f"the service {principal}"


def _resources(subject: Subject, entry: dict[str, Any]) -> str:
    if entry["everywhere"]:
        return "any resource"
    names = [_plain(pattern) for pattern in entry["resources"]]
    if subject.kind == "resource" and len(names) > 1:
        names = names[:1]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _plain(text: str) -> str:
    """An ARN without what everybody knows: the bucket's or role's own name."""
    bare = re.sub(r"^arn:aws:([a-z0-9-]*):[a-z0-9-]*:\d*:", lambda found: f"{found[1]} ", text)
    return PLACEHOLDER.sub(r"\1", bare)


def _noun(subject: Subject) -> str:
    return subject.type.rsplit("::", 1)[-1].lower()


def _first_upper(text: str) -> str:
    # A label is a logical id and stays as it is; words begin with a capital letter.
    return text if not text.startswith(("any", "the ")) else text[0].upper() + text[1:]
