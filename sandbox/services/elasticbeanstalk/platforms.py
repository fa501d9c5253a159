"""Platform versions: a small canned list.

Source of the names: Elastic Beanstalk supported platforms (Docker and ECS on Amazon Linux 2023); the version numbers
are examples, as AWS publishes a new one about every month.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.context import Context
from sandbox.registry import operation
from sandbox.services.elasticbeanstalk.common import invalid, page

OPERATING_SYSTEM = "64bit Amazon Linux 2023"
# platform: versions, oldest first
PLATFORMS = {
    "Docker": ("4.5.1", "4.5.2", "4.6.0"),
    "ECS": ("4.1.1", "4.2.0"),
    "Python 3.13": ("4.6.1", "4.7.0"),
}
PUBLISHED_AT = 1_760_000_000


def _branch(name: str) -> str:
    return f"{name} running on {OPERATING_SYSTEM}"


def _arn(region: str, name: str, version: str) -> str:
    return f"arn:aws:elasticbeanstalk:{region}::platform/{_branch(name)}/{version}"


def _stack(name: str, version: str) -> str:
    return f"{OPERATING_SYSTEM} v{version} running {name}"


def _all(region: str) -> list[dict[str, Any]]:
    found = []
    for name, versions in PLATFORMS.items():
        for version in reversed(versions):
            newest = version == versions[-1]
            found.append(
                {
                    "PlatformArn": _arn(region, name, version),
                    "PlatformOwner": "AWSElasticBeanstalk",
                    "PlatformStatus": "Ready",
                    "PlatformCategory": name.split()[0],
                    "OperatingSystemName": "Amazon Linux",
                    "OperatingSystemVersion": "2023",
                    "SupportedTierList": ["WebServer/Standard", "Worker/SQS/HTTP"],
                    "SupportedAddonList": ["Log/S3", "Monitoring/Healthd", "WorkerDaemon/SQSD"],
                    "PlatformLifecycleState": "Recommended" if newest else "",
                    "PlatformVersion": version,
                    "PlatformBranchName": _branch(name),
                    "PlatformBranchLifecycleState": "Supported",
                }
            )
    return found


def resolve(ctx: Context, arn: str | None, stack: str | None) -> tuple[str, str]:
    """Platform ARN and solution stack name of what was asked (an ARN may leave the version out: the newest).

    Raises InvalidParameterValue for a platform that is not there.
    """
    for name, versions in PLATFORMS.items():
        for version in reversed(versions):
            if arn in (_arn(ctx.region, name, version), _arn(ctx.region, name, version).rpartition("/")[0]):
                return _arn(ctx.region, name, version), _stack(name, version)
            if stack and stack == _stack(name, version):
                return _arn(ctx.region, name, version), stack
    if arn:
        raise invalid(f"No Platform found for PlatformArn = '{arn}'.")
    raise invalid(f"No Solution Stack named '{stack}' found.")


def newer(arn: str, level: str) -> tuple[str, str] | None:
    """ARN and number of the newest version that a managed update of this level (patch, minor) goes to."""
    branch, _, version = arn.rpartition("/")
    mine = [int(part) for part in version.split(".")]
    kept = 2 if level == "patch" else 1
    for name, versions in PLATFORMS.items():
        if not branch.endswith(f"platform/{_branch(name)}"):
            continue
        numbers = [[int(part) for part in v.split(".")] for v in versions]
        fitting = [n for n in numbers if n > mine and n[:kept] == mine[:kept]]
        if fitting:
            found = ".".join(str(part) for part in max(fitting))
            return f"{branch}/{found}", found
    return None


TESTS: dict[str, Callable[[str, list[str]], bool]] = {
    "=": lambda value, wanted: value in wanted,
    "!=": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: any(w in value for w in wanted),
    "begins_with": lambda value, wanted: any(value.startswith(w) for w in wanted),
    "ends_with": lambda value, wanted: any(value.endswith(w) for w in wanted),
    "in": lambda value, wanted: value in wanted,
    "not_in": lambda value, wanted: value not in wanted,
}


def _fits(item: dict[str, Any], rule: dict[str, Any], kind: str) -> bool:
    name, wanted = rule[kind], list(rule.get("Values") or ())
    test = TESTS.get(rule.get("Operator", "="))
    if test is None:
        raise invalid(f"The operator {rule['Operator']} is not valid.")
    if name == "PlatformName":
        value = item["PlatformBranchName"]
    elif name == "PlatformVersion" and wanted == ["latest"]:
        return item["PlatformLifecycleState"] == "Recommended"
    elif name in ("SupportedTier", "SupportedAddon"):
        return any(test(v, wanted) for v in item[f"{name}List"])
    else:
        value = item.get(name) or item.get(f"Platform{name}")
        if name not in item and value is None:
            raise invalid(f"The filter {name} is not valid.")
    return test(str(value or ""), wanted)


@operation("elasticbeanstalk", "ListPlatformVersions")
def list_platform_versions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    rules = params.get("Filters") or ()
    found = [i for i in _all(ctx.region) if all(_fits(i, rule, "Type") for rule in rules)]
    return page(found, params, "PlatformSummaryList", 100)


@operation("elasticbeanstalk", "ListPlatformBranches")
def list_platform_branches(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    found = [
        {
            "PlatformName": name.split()[0],
            "BranchName": _branch(name),
            "LifecycleState": "Supported",
            "BranchOrder": number,
            "SupportedTierList": ["WebServer/Standard", "Worker/SQS/HTTP"],
        }
        for number, name in enumerate(PLATFORMS, 1)
    ]
    rules = params.get("Filters") or ()
    return page(
        [i for i in found if all(_fits(i, rule, "Attribute") for rule in rules)],
        params,
        "PlatformBranchSummaryList",
    )


@operation("elasticbeanstalk", "DescribePlatformVersion")
def describe_platform_version(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    arn, stack = resolve(ctx, params.get("PlatformArn") or "", None)
    item = next(i for i in _all(ctx.region) if i["PlatformArn"] == arn)
    more = {
        "PlatformName": item["PlatformBranchName"],
        "SolutionStackName": stack,
        "DateCreated": PUBLISHED_AT,
        "DateUpdated": PUBLISHED_AT,
        "Maintainer": "AWSElasticBeanstalk",
        "ProgrammingLanguages": [],
        "Frameworks": [],
        "CustomAmiList": [],
    }
    return {"PlatformDescription": {**item, **more}}


@operation("elasticbeanstalk", "ListAvailableSolutionStacks")
def list_available_solution_stacks(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = [_stack(name, v) for name, versions in PLATFORMS.items() for v in reversed(versions)]
    details = [{"SolutionStackName": n, "PermittedFileTypes": ["json", "yml", "zip"]} for n in names]
    return {"SolutionStacks": names, "SolutionStackDetails": details}
