"""Elastic Beanstalk: platforms, applications, environments."""

from typing import Any

from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "elasticbeanstalk"
ASSETS = "cdk-swyard-assets-"
VERSIONS = "versions"
"""Prefix of the bundles of versions in the bucket of assets."""
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
    """Whether a version is the placeholder: its bundle is among the assets that synthesis names. Those of versions are
    in the same bucket, under a prefix of their own.
    """
    answer = session.client(SERVICE).describe_application_versions(
        ApplicationName=application, VersionLabels=[label]
    )
    return any(
        source.get("S3Bucket", "").startswith(ASSETS)
        and not source.get("S3Key", "").startswith(f"{VERSIONS}/")
        for version in answer["ApplicationVersions"]
        for source in [version.get("SourceBundle", {})]
    )


def version_exists(session: Session, application: str, label: str) -> bool:
    """Whether an application has a version of that label."""
    answer = session.client(SERVICE).describe_application_versions(
        ApplicationName=application, VersionLabels=[label]
    )
    return bool(answer["ApplicationVersions"])


def version_create(
    session: Session, application: str, label: str, description: str, bucket: str, key: str
) -> None:
    """Name a bundle in S3 as a version of an application."""
    session.client(SERVICE).create_application_version(
        ApplicationName=application,
        VersionLabel=label,
        Description=description[:200],
        SourceBundle={"S3Bucket": bucket, "S3Key": key},
        Process=False,
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
