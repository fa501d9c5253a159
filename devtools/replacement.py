"""`make schemas`: what replaces a resource of the blueprint's types, from the registry schemas that cfn-lint ships.

Written into blueprint_cdk/data/replacement.json, so that a release carries it and plans need no cfn-lint.
"""

import importlib.metadata
import json
import sys
from typing import Any

from devtools import references
from devtools.places import ROOT

FILE = ROOT / "blueprint_cdk" / "data" / "replacement.json"
STACKS = ROOT / "blueprint_cdk" / "data" / "stacks.json"
BOOTSTRAP = (
    "AWS::ECR::Repository",
    "AWS::IAM::Role",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SSM::Parameter",
)
STATEFUL = (
    "AWS::Backup::BackupVault",
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::GlobalTable",
    "AWS::DynamoDB::Table",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::RDS::DBCluster",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
)
"""Types that hold what nobody could make again: replacing or removing one loses it."""


def replacement() -> dict[str, Any]:
    """The file's content: {"source", "types": {type: {"create_only": [path], "conditional": [path]}}, "stateful"}.

    Paths are dotted; a list's elements have no part of their own.
    """
    stacks = json.loads(STACKS.read_text())
    named = {name for group in stacks.values() for stack in group for name in stack["types"]}
    return {
        "source": f"CloudFormation registry schemas, as cfn-lint {importlib.metadata.version('cfn-lint')} ships them",
        "types": {name: _rules(name) for name in sorted(named.union(BOOTSTRAP))},
        "stateful": sorted(STATEFUL),
    }


def _rules(type_name: str) -> dict[str, list[str]]:
    document = references.schema(type_name)
    return {
        "create_only": _paths(document.get("createOnlyProperties")),
        "conditional": _paths(document.get("conditionalCreateOnlyProperties")),
    }


def _paths(pointers: list[str] | None) -> list[str]:
    return sorted(
        pointer.removeprefix("/properties/").split("/*")[0].replace("/", ".") for pointer in pointers or ()
    )


def main() -> int:
    """Write the file."""
    FILE.write_text(json.dumps(replacement(), indent=1) + "\n")
    print(f"Written: {FILE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
