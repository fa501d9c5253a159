"""The policies of an environment's templates: who may do what (identity), who may become whom (trust), and what a
resource lets others do (resource)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workers.simulation.resolving import Place, Resolver

IDENTITIES = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users", "AWS::IAM::Group": "Groups"}
ATTACHED = {
    "AWS::IAM::Policy": "",
    "AWS::IAM::ManagedPolicy": "",
    "AWS::IAM::RolePolicy": "RoleName",
    "AWS::IAM::UserPolicy": "UserName",
    "AWS::IAM::GroupPolicy": "GroupName",
}
# Where the resource of a policy that is a resource of its own stands.
GUARDED = (
    "Bucket",
    "Queues",
    "Topics",
    "SecretId",
    "RepositoryName",
    "TableArn",
    "ResourceArn",
    "FileSystemId",
)


@dataclass
class Subject:
    """One thing whose policies are compared. `arns`: who acts (identity), or what is acted on (trust, resource).
    `foreign` are policies by ARN that no template has; `boundary` a document, an ARN of one, or None.
    """

    id: str
    kind: str
    label: str
    type: str
    arns: list[str]
    policies: list[dict[str, Any]] = field(default_factory=list)
    foreign: set[str] = field(default_factory=set)
    boundary: Any = None
    unresolved: set[str] = field(default_factory=set)

    @property
    def content(self) -> Any:
        """What differs when it was changed."""
        return (self.policies, sorted(self.foreign), self.boundary)


def subjects_of(place: Place) -> dict[str, Subject]:
    """Every subject of the templates by its id, which stays the same from release to release."""
    found: dict[str, Subject] = {}
    for key in place.templates:
        for subject in _own(place, key):
            found[subject.id] = subject
    _attach(place, found)
    return found


def _resources(place: Place, key: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for logical_id, row in place.templates[key].get("Resources", {}).items():
        yield logical_id, row["Type"], row.get("Properties", {})


def _own(place: Place, key: str) -> Iterator[Subject]:
    managed = _managed(place)
    for logical_id, kind, properties in _resources(place, key):
        if kind in IDENTITIES:
            yield _identity(place, key, logical_id, kind, properties, managed)
            if "AssumeRolePolicyDocument" in properties:
                yield _single(place, key, logical_id, kind, "trust", properties["AssumeRolePolicyDocument"])
        elif kind not in ATTACHED:
            for name, value in properties.items():
                if _is_policy(value):
                    yield _single(place, key, logical_id, kind, "resource", value, name, properties)


def _is_policy(value: Any) -> bool:
    return isinstance(value, dict) and "Statement" in value


def _identity(
    place: Place,
    key: str,
    logical_id: str,
    kind: str,
    properties: Mapping[str, Any],
    managed: Mapping[str, tuple[str, Any]],
) -> Subject:
    resolver = Resolver(place, key)
    subject = Subject(
        f"identity:{key}/{logical_id}", "identity", logical_id, kind, [resolver.arn(logical_id)]
    )
    for policy in properties.get("Policies", []):
        subject.policies.append(resolver.resolve(policy.get("PolicyDocument", {})))
    for arn in resolver.resolve(properties.get("ManagedPolicyArns", [])):
        _add_by_arn(subject, str(arn), managed, place)
    boundary = resolver.resolve(properties.get("PermissionsBoundary"))
    if boundary is not None:
        known = managed.get(str(boundary))
        subject.boundary = Resolver(place, known[0]).resolve(known[1]) if known else str(boundary)
    subject.unresolved |= resolver.unresolved
    return subject


def _add_by_arn(subject: Subject, arn: str, managed: Mapping[str, tuple[str, Any]], place: Place) -> None:
    known = managed.get(arn)
    if known is None:
        subject.foreign.add(arn)
    else:
        subject.policies.append(Resolver(place, known[0]).resolve(known[1]))


def _managed(place: Place) -> dict[str, tuple[str, Any]]:
    """(stack, document) of the templates' managed policies by ARN."""
    return {
        Resolver(place, key).arn(logical_id): (key, properties.get("PolicyDocument", {}))
        for key in place.templates
        for logical_id, kind, properties in _resources(place, key)
        if kind == "AWS::IAM::ManagedPolicy"
    }


def managed_documents(place: Place) -> dict[str, dict[str, Any]]:
    """The templates' managed policies by ARN, resolved."""
    return {arn: Resolver(place, key).resolve(document) for arn, (key, document) in _managed(place).items()}


def _single(
    place: Place,
    key: str,
    logical_id: str,
    type_name: str,
    kind: str,
    document: Any,
    name: str = "",
    properties: Mapping[str, Any] | None = None,
) -> Subject:
    resolver = Resolver(place, key)
    arns = [resolver.arn(logical_id)]
    for guarded in GUARDED if name and properties else ():
        target = (properties or {}).get(guarded)
        if target is not None:
            arns = _arns(resolver, target)
            break
    label = logical_id if kind == "trust" or len(arns) != 1 else arns[0]
    subject = Subject(f"{kind}:{key}/{logical_id}/{name}", kind, label, type_name, arns)
    subject.policies = [resolver.resolve(document)]
    subject.unresolved = resolver.unresolved
    return subject


def _arns(resolver: Resolver, target: Any) -> list[str]:
    """ARNs of what a policy guards, which templates name by reference or by ARN."""
    found = []
    for item in target if isinstance(target, list) else [target]:
        reference = item.get("Ref") if isinstance(item, dict) else None
        told = resolver.arn(reference) if reference else str(resolver.resolve(item))
        found.append(told if told.startswith("arn:") else f"arn:aws:s3:::{told}")
    return found


def _attach(place: Place, found: dict[str, Subject]) -> None:
    """Policies that are resources of their own go to whom they name; one that names nobody here stands alone."""
    by_name = {
        (subject.type, subject.arns[0].rsplit("/", 1)[-1]): subject
        for subject in found.values()
        if subject.kind == "identity"
    }
    for key in place.templates:
        for _, kind, properties in _resources(place, key):
            if kind not in ATTACHED or "PolicyDocument" not in properties:
                continue
            resolver = Resolver(place, key)
            document = resolver.resolve(properties["PolicyDocument"])
            holders = _holders(resolver, kind, properties)
            for holder in holders:
                subject = by_name.get(holder)
                if subject is None:
                    arn = f"arn:aws:iam::{place.account}:{holder[0].rsplit('::', 1)[-1].lower()}/{holder[1]}"
                    subject = Subject(f"identity:{arn}", "identity", holder[1], holder[0], [arn])
                    by_name[holder] = found[subject.id] = subject
                subject.policies.append(document)
                subject.unresolved |= resolver.unresolved


def _holders(resolver: Resolver, kind: str, properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(type, name) of each identity that the policy is attached to."""
    if ATTACHED[kind]:
        named = resolver.resolve(properties.get(ATTACHED[kind], ""))
        return [(kind.removesuffix("Policy"), str(named))]
    return [
        (type_name, str(name))
        for type_name, property_name in IDENTITIES.items()
        for name in resolver.resolve(properties.get(property_name, []))
    ]
