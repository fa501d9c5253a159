"""What a plan would replace or remove although it holds data: refused, unless each is named."""

from collections.abc import Collection, Mapping
from typing import Any

from workers.workflow import StepFailed

HOLDS = {
    "AWS::RDS::DBCluster": "the database: every table and row",
    "AWS::RDS::DBInstance": "the database instance and its data",
    "AWS::S3::Bucket": "every object and version in the bucket",
    "AWS::KMS::Key": "the key: what it encrypted can no longer be read",
    "AWS::SecretsManager::Secret": "the secret's value and its versions",
    "AWS::DynamoDB::Table": "every item of the table",
    "AWS::DynamoDB::GlobalTable": "every item of the table, in each region",
    "AWS::Backup::BackupVault": "every recovery point in the vault",
    "AWS::EFS::FileSystem": "every file",
    "AWS::Cognito::UserPool": "every user of the pool, with their passwords",
}
LEFT = {
    "Retain": "The old one stays behind, outside of any stack.",
    "RetainExceptOnCreate": "The old one stays behind, outside of any stack.",
    "Snapshot": "CloudFormation takes a last snapshot.",
}

Loss = dict[str, str]
"""{"name": "data/Cluster", "type", "action": "replaced"|"removed", "because", "holds", "left"}."""


def losses_of(document: Mapping[str, Any], policies: Mapping[str, Mapping[str, Any]]) -> list[Loss]:
    """Everything that holds data and would be replaced or removed.

    `policies` are the deployed templates' resources by stack key: their deletion policies say what is left behind.
    """
    found = []
    for row in document["stacks"]:
        for change in row["changes"]:
            if not (change["stateful"] and change["action"] in ("replaced", "removed")):
                continue
            old = policies.get(row["key"], {}).get(change["logical_id"], {})
            attribute = "UpdateReplacePolicy" if change["action"] == "replaced" else "DeletionPolicy"
            paths = [p["path"] for p in change["properties"] if p["replaces"] == "always"]
            found.append(
                {
                    "name": loss_name(row["key"], change["logical_id"]),
                    "type": change["type"],
                    "action": change["action"],
                    "because": f"a change of {', '.join(paths)}" if paths else change["detail"],
                    "holds": HOLDS.get(change["type"], "what it holds"),
                    "left": LEFT.get(str(old.get(attribute, "")), "Nothing of it is left."),
                }
            )
    return found


def loss_name(stack: str, logical_id: str) -> str:
    """How a resource is named that may be lost: data/Cluster. Logical ids alone may be in two stacks."""
    return f"{stack}/{logical_id}"


def require_losses_named(losses: list[Loss], named: Collection[str]) -> None:
    """Refuse a plan that loses what was not named, or that leaves what was. Raises StepFailed, with the losses."""
    refused = [loss for loss in losses if loss["name"] not in named]
    if refused:
        first = refused[0]
        because = f" by {first['because']}" if first["because"] else ""
        others = f" So would {len(refused) - 1} more." if len(refused) > 1 else ""
        raise StepFailed(
            f"{first['name']} ({first['type']}) would be {first['action']}{because}, which loses {first['holds']}."
            f" {first['left']}{others}",
            resource=first["name"],
            reason="data would be lost",
            remedy="Ask for values that leave it in place, or ask again and name each resource that may be lost.",
            losses=losses,
        )
    left = sorted(set(named) - {loss["name"] for loss in losses})
    if left:
        raise StepFailed(
            f"{', '.join(left)} was named to be replaced or removed, and this change does neither.",
            resource=left[0],
            reason="named for nothing",
            remedy="Ask again without naming it.",
        )
