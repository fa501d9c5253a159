"""Elastic Beanstalk: platforms, applications, environments."""

from typing import Any

from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "elasticbeanstalk"
BRANCH = "Docker running on 64bit Amazon Linux 2023"


def platform_newest(session: Session, branch: str = BRANCH) -> str:
    """ARN of the newest ready platform version of a branch; empty when the region has none."""
    filters = [
        {"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]},
        {"Type": "PlatformStatus", "Operator": "=", "Values": ["Ready"]},
    ]
    pages = session.client(SERVICE).get_paginator("list_platform_versions").paginate(Filters=filters)
    arns = [entry["PlatformArn"] for page in pages for entry in page["PlatformSummaryList"]]
    return max(arns, key=_version, default="")


def environment_find(session: Session, name: str) -> dict[str, Any] | None:
    """{"status", "health", "url"} of the environment of that name that is not terminated; None when there is none."""
    answer = session.client(SERVICE).describe_environments(EnvironmentNames=[name], IncludeDeleted=False)
    for found in answer["Environments"]:
        return {
            "status": found["Status"],
            "health": found.get("Health", "Grey"),
            "url": found.get("EndpointURL", ""),
        }
    return None


def applications_named(session: Session, prefix: str) -> list[str]:
    """Names of applications that begin so."""
    answer = session.client(SERVICE).describe_applications()
    return [a["ApplicationName"] for a in answer["Applications"] if a["ApplicationName"].startswith(prefix)]


def environments_named(session: Session, prefix: str) -> list[str]:
    """Names of environments that begin so and are not terminated."""
    found = entries(session.client(SERVICE), "describe_environments", "Environments", IncludeDeleted=False)
    return [e["EnvironmentName"] for e in found if e["EnvironmentName"].startswith(prefix)]


def _version(arn: str) -> tuple[int, ...]:
    return tuple(int(part) for part in arn.rsplit("/", 1)[-1].split(".") if part.isdigit())
