"""What two people change together: per verb, how its subject is told as data, and what acts on it.

An app registers its verbs; `environments.people.proposals` carries them out.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model

from environments.people.models import Proposal, User


@dataclass(frozen=True)
class Change:
    """One verb that needs a second person.

    `right` is that of who proposes. `state(subject)` tells the subject as JSON, as far as the verb can change it (None
    for what is not there yet, and is asked with None). `act(proposal, subject, actor)` does it in the name of `actor`
    and answers the subject, None when that is gone then.
    """

    verb: str
    title: str
    right: str
    state: Callable[[Any], dict[str, Any] | None]
    act: Callable[[Proposal, Any, User], Model | None]


_changes: dict[str, Change] = {}


def change_register(change: Change) -> None:
    """Make a verb known. Registering one name twice is a mistake in the code."""
    if _changes.get(change.verb, change) is not change:
        raise ValueError(f"Two changes are named {change.verb}.")
    _changes[change.verb] = change


def change_get(verb: str) -> Change:
    """The registered change of that verb; KeyError if no app has registered it."""
    return _changes[verb]


def proposal_moved(proposal: Proposal) -> str:
    """What has changed of its subject since it was proposed, in a sentence; empty when nothing has."""
    return moved_from(proposal, proposal.subject)


def moved_from(proposal: Proposal, row: Any) -> str:
    """The same of the subject's row as the caller has it, say locked; None when it is gone."""
    if proposal.subject_id is not None and row is None:
        return f"{proposal.subject_label} is gone."
    now = change_get(proposal.verb).state(row)
    if now == proposal.before:
        return ""
    old, new = proposal.before or {}, now or {}
    names = [name.replace("_", " ") for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    return f"{proposal.subject_label} has changed since this was proposed: {', '.join(names)}."


def title_of(proposal: Proposal) -> str:
    """What it would do, in words: "change the person Lena Fischer"."""
    return change_get(proposal.verb).title.format(proposal.subject_label)


def digest_of(proposal: Proposal) -> str:
    """SHA-256 of what is decided, as canonical JSON."""
    told = [proposal.verb, proposal.subject_type_id, proposal.subject_id, proposal.before, proposal.after]
    canonical = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
