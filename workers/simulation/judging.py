"""What a plan's templates newly allow, compared with what is deployed. Narrowing and rewording are no news."""

from collections.abc import Mapping
from typing import Any

from workers.simulation.documents import Subject, subjects_of
from workers.simulation.process import NotJudged, simulate
from workers.simulation.resolving import Place, Resolver
from workers.simulation.words import finding, told, unjudged

DENIES = ("AWSDenyAll", "AWSCompromisedKeyQuarantine")
"""AWS's managed policies that deny: taking them away broadens."""

Finding = dict[str, Any]
"""{"sentence", "who", "action", "count", "resource", "judged"}: see Plan.document."""


def broadenings(before: Place, after: Place) -> list[Finding]:
    """Who may do what that they could not before; and, with `judged` false, what nobody could tell.

    Starts a process only when a policy was changed.
    """
    old, new = subjects_of(before), subjects_of(after)
    found: list[Finding] = []
    asked: list[tuple[Subject, Subject | None]] = []
    for key, subject in new.items():
        then = old.get(key)
        if then is not None and then.content == subject.content:
            continue
        found += _beyond_simulation(then, subject)
        asked.append((subject, then))
    asked += [(_emptied(subject), subject) for subject in _lost(old, new, after)]
    return found + _simulated(after.account, [pair for pair in asked if _differs(*pair)])


def _emptied(subject: Subject) -> Subject:
    return Subject(subject.id, subject.kind, subject.label, subject.type, subject.arns)


def _lost(old: Mapping[str, Subject], new: Mapping[str, Subject], after: Place) -> list[Subject]:
    """Policies of resources that stay while their policy goes: what it denied is denied no longer."""
    there = {
        Resolver(after, key).arn(logical_id)
        for key, template in after.templates.items()
        for logical_id in template.get("Resources", {})
    }
    return [
        subject
        for key, subject in old.items()
        if key not in new and subject.kind == "resource" and there.intersection(subject.arns)
    ]


def _differs(subject: Subject, then: Subject | None) -> bool:
    return then is None or (then.policies, _known(then)) != (subject.policies, _known(subject))


def _known(subject: Subject) -> Any:
    """Its boundary, where its content is known."""
    return subject.boundary if isinstance(subject.boundary, dict) else None


def _beyond_simulation(then: Subject | None, subject: Subject) -> list[Finding]:
    """What no document at hand can tell: managed policies and boundaries by ARN, functions that were not resolved."""
    found = []
    label = subject.label
    before = then.foreign if then else set()
    for arn in sorted(subject.foreign - before):
        found.append(
            unjudged(label, f"{label} now has the managed policy {arn}, whose content is not judged here.")
        )
    for arn in sorted(before - subject.foreign):
        if any(name in arn for name in DENIES):
            found.append(finding(label, f"{label} no longer has {arn}, which denies.", resource=arn))
    unresolved = subject.unresolved | (then.unresolved if then else set())
    if unresolved:
        functions = ", ".join(sorted(unresolved))
        found.append(
            unjudged(label, f"Policies of {label} use {functions}, which is not looked through here.")
        )
    return found + _boundary(then, subject)


def _boundary(then: Subject | None, subject: Subject) -> list[Finding]:
    old, new = (then.boundary if then else None), subject.boundary
    label = subject.label
    if then is None or old == new or old is None:
        return []
    if new is None and not isinstance(old, dict):
        sentence = f"{label} is no longer held within the permissions boundary {old}."
        return [finding(label, sentence, resource=str(old))]
    if isinstance(old, dict) and (new is None or isinstance(new, dict)):
        return []  # simulated
    return [unjudged(label, f"{label} has another permissions boundary, whose content is not judged here.")]


def _simulated(account: str, pairs: list[tuple[Subject, Subject | None]]) -> list[Finding]:
    if not pairs:
        return []
    asked = [
        {
            "id": subject.id,
            "kind": subject.kind,
            "arns": subject.arns,
            "before": _side(then),
            "after": _side(subject),
        }
        for subject, then in pairs
    ]
    by_id = {subject.id: (subject, then) for subject, then in pairs}
    try:
        answers = simulate(account, asked)
    except NotJudged as error:
        return [
            unjudged(subject.label, f"Policies of {subject.label} change and were not judged: {error}")
            for subject, _ in pairs
        ]
    found = []
    for answer in answers:
        subject, then = by_id[answer["id"]]
        found += told(subject, is_new=then is None, broadened=answer["broadened"])
        found += [unjudged(subject.label, f"{subject.label}: {text}") for text in answer["unjudged"]]
    return found


def _side(subject: Subject | None) -> dict[str, Any]:
    if subject is None:
        return {"policies": [], "boundary": None}
    return {"policies": subject.policies, "boundary": _known(subject)}
