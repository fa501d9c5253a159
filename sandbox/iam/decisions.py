"""What principals asked to do: each distinct decision once, whether or not it was enforced.

Least-privilege policies are made from it, so it names kinds of resources, not resources: the number of entries stays
that of what a program does, however long it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.context import Principal
    from sandbox.iam.policy import Request

KEPT = 20_000
_WITHOUT_KIND = {"codecommit": "repository", "codepipeline": "pipeline", "sns": "topic", "sqs": "queue"}
_TOLD = {"passed_to": "iam:PassedToService", "service_name": "iam:AWSServiceName"}


class Decisions:
    """Numbered distinct decisions, the newest 20,000 of them. What root does is not decided, so not here."""

    def __init__(self) -> None:
        self._entries: dict[tuple[Any, ...], dict[str, Any]] = {}
        self.last = 0

    def add(self, principal: Principal, request: Request, *, allowed: bool) -> None:
        """Note a decision on a user or an assumed role."""
        if principal.entity is None:
            return
        via = request.key("aws:CalledVia") or []
        entry = {
            "account": principal.account,
            "principal": f"{principal.kind}/{principal.entity.id}",
            "action": request.action,
            "kind": kind_of(request.resource),
            "via": via[-1] if via else "",
            **{name: str(request.key(key) or "") for name, key in _TOLD.items()},
            "allowed": allowed,
        }
        key = tuple(entry.values())
        if key in self._entries:
            return
        self.last += 1
        self._entries[key] = {"n": self.last, **entry}
        if len(self._entries) > KEPT:
            del self._entries[next(iter(self._entries))]

    def after(self, n: int, **wanted: str) -> list[dict[str, Any]]:
        """Decisions first made after number n, with these values."""
        return [
            entry
            for entry in self._entries.values()
            if entry["n"] > n and all(str(entry[name]) == value for name, value in wanted.items())
        ]

    def clear(self) -> None:
        self._entries.clear()


def kind_of(resource: str) -> str:
    """The kind of resource that an ARN names: stack, role, bucket, object …; * for any."""
    parts = resource.split(":", 5)
    if len(parts) < 6:
        return resource
    service, rest = parts[2], parts[5]
    if service == "s3" and not parts[3]:
        # Buckets and objects are of no region; jobs are.
        return "object" if "/" in rest else "bucket"
    if service in _WITHOUT_KIND:
        return _WITHOUT_KIND[service]
    return rest.replace(":", "/").partition("/")[0]
