"""Elastic Beanstalk: platforms, applications, environments."""

from typing import Any

from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "elasticbeanstalk"
ASSETS = "cdk-swyard-assets-"
BRANCH = "Docker running on 64bit Amazon Linux 2023"
HEALTHY = frozenset({"Green", "Yellow"})
"""Colours of an environment that serves; Yellow is one that is short of something."""


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
    """{"name", "application", "status", "health", "url", "version_label", "platform_arn"} of the environment of that
    name that is not terminated; None when there is none.
    """
    answer = session.client(SERVICE).describe_environments(EnvironmentNames=[name], IncludeDeleted=False)
    for found in answer["Environments"]:
        return {
            "name": found["EnvironmentName"],
            "application": found["ApplicationName"],
            "version_label": found.get("VersionLabel", ""),
            "platform_arn": found["PlatformArn"],
            "status": found["Status"],
            "health": found.get("Health", "Grey"),
            "url": found.get("EndpointURL", ""),
        }
    return None


def capacity(session: Session, application: str, name: str) -> dict[str, int]:
    """{"min_instances", "max_instances"} of an environment, as its settings are now."""
    answer = session.client(SERVICE).describe_configuration_settings(
        ApplicationName=application, EnvironmentName=name
    )
    found = {
        option["OptionName"]: int(option["Value"])
        for option in answer["ConfigurationSettings"][0]["OptionSettings"]
        if option["Namespace"] == "aws:autoscaling:asg" and option["OptionName"] in ("MinSize", "MaxSize")
    }
    return {"min_instances": found["MinSize"], "max_instances": found["MaxSize"]}


def version_is_ours(session: Session, application: str, label: str) -> bool:
    """Whether a version is the placeholder: its bundle is among the assets that the portal uploads."""
    answer = session.client(SERVICE).describe_application_versions(
        ApplicationName=application, VersionLabels=[label]
    )
    return any(
        version.get("SourceBundle", {}).get("S3Bucket", "").startswith(ASSETS)
        for version in answer["ApplicationVersions"]
    )


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
