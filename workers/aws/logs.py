"""CloudWatch Logs: log groups and what they hold."""

from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "logs"
# Names that the blueprint and AWS's services give log groups, before the environment's prefix.
PREFIXES = (
    "/switchyard/",
    "aws-waf-logs-",
    "/aws/rds/cluster/",
    "/aws/rds/proxy/",
    "/aws/elasticbeanstalk/",
    "/aws/codebuild/",
    "",
)


def groups_named(session: Session, name: str) -> dict[str, int]:
    """Log groups of that prefix, behind each of PREFIXES: name to bytes, which AWS counts a while later."""
    client = session.client(SERVICE)
    found = {}
    for prefix in PREFIXES:
        begins = f"{prefix}{name}"
        for entry in entries(client, "describe_log_groups", "logGroups", logGroupNamePrefix=begins):
            found[str(entry["logGroupName"])] = int(entry.get("storedBytes", 0))
    return found
