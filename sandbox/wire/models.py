"""Service models, and which operation an HTTP request asks for."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from moto.core.loaders import create_loader
from moto.core.model import OperationModel, ServiceModel
from werkzeug.datastructures import MultiDict

# Signing names (the credential scope) of the services whose botocore name is another.
SIGNING_NAMES: dict[str, tuple[str, ...]] = {
    "elasticloadbalancing": ("elbv2",),
    "monitoring": ("cloudwatch",),
    "tagging": ("resourcegroupstaggingapi",),
    "servicequotas": ("service-quotas",),
    "cognito-idp": ("cognito-idp",),
    "mobiletargeting": ("pinpoint",),
    "ses": ("sesv2",),
    "states": ("stepfunctions",),
    "application-autoscaling": ("application-autoscaling",),
}

# IAM's service prefix where it is not the botocore name.
IAM_PREFIXES: dict[str, str] = {
    "elbv2": "elasticloadbalancing",
    "pinpoint": "mobiletargeting",
    "resourcegroupstaggingapi": "tag",
    "s3control": "s3",
    "service-quotas": "servicequotas",
    "sesv2": "ses",
    "stepfunctions": "states",
}

# Deprecated operations with the same URI as their successors.
SUPERSEDED = {"PutBucketLifecycle", "GetBucketLifecycle", "PutBucketNotification", "GetBucketNotification"}


@functools.cache
def _loader() -> Any:
    return create_loader()


@functools.cache
def service_model(name: str) -> ServiceModel:
    """The model of a botocore service. Raises botocore's UnknownServiceError."""
    return ServiceModel(_loader().load_service_model(name, "service-2"), name)


def service_name(signing_name: str) -> str:
    """The botocore name for the service part of a credential scope."""
    return SIGNING_NAMES.get(signing_name, (signing_name,))[0]


@dataclass(frozen=True)
class Route:
    """One REST operation: how its path looks and what its query and headers must hold."""

    operation: str
    method: str
    path: re.Pattern[str]
    names: tuple[str, ...]
    literals: tuple[tuple[str, str], ...]
    query: frozenset[str]
    headers: frozenset[str]

    @property
    def weight(self) -> tuple[int, int, int]:
        return (len(self.literals), len(self.query) + len(self.headers), -len(self.names))


@functools.cache
def routes(service: str) -> tuple[Route, ...]:
    """The routes of a REST service, those that ask for most first."""
    model = service_model(service)
    found = []
    for name in model.operation_names:
        if name in SUPERSEDED:
            continue
        operation = model.operation_model(name)
        trait = operation.http_trait
        names: list[str] = []

        def part(match: re.Match[str], names: list[str] = names) -> str:
            # What was escaped for the pattern is in the name too: {application-id}.
            names.append(match[1].replace("\\", ""))
            return "(.+)" if match[2] else "([^/]+)"

        escaped = re.sub(r"\\([{}+])", r"\1", re.escape(trait.path.rstrip("/") or "/"))
        pattern = re.sub(r"\{([^}+]+)(\+?)\}", part, escaped)
        shape = operation.input_shape
        found.append(
            Route(
                name,
                trait.method,
                re.compile(f"^{pattern}/?$"),
                tuple(names),
                tuple((k, v) for k, v in trait.query_args.items() if k != "x-id"),
                frozenset(shape.required_query_args if shape else ()),
                frozenset(h.lower() for h in (shape.required_headers if shape else ())),
            )
        )
    return tuple(sorted(found, key=lambda r: r.weight, reverse=True))


def route(
    service: str, method: str, path: str, query: MultiDict[str, str], headers: Mapping[str, str]
) -> tuple[OperationModel, dict[str, str]] | None:
    """The operation that a REST request means and the values in its path; None if there is none."""
    lower = {h.lower() for h in headers}
    for candidate in routes(service):
        if candidate.method != method:
            continue
        match = candidate.path.match(path)
        if match is None:
            continue
        if any(k not in query or (v and query[k] != v) for k, v in candidate.literals):
            continue
        if not all(k in query for k in candidate.query) or not candidate.headers <= lower:
            continue
        values = dict(zip(candidate.names, (unquote(g) for g in match.groups()), strict=True))
        return service_model(service).operation_model(candidate.operation), values
    return None
