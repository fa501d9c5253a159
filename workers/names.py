"""Physical names of an environment's things."""

from environments.lifecycle.models import Account, Environment
from environments.lifecycle.naming import names_derive


def names_of(environment: Environment) -> dict[str, str]:
    """Physical names by the release's own rules: db-cluster, uploads-bucket …"""
    return {row["key"]: row["value"] for row in names_derive(environment.release.naming, environment.spec)}


def stack_name(environment: Environment, key: str) -> str:
    """The name of one of its stacks."""
    return f"sy-{environment.full_name}-{key}"


def execution_role_arn(account: Account, region: str) -> str:
    """The role that CDK's bootstrap made for CloudFormation in that region."""
    name = f"cdk-swyard-cfn-exec-role-{account.account_id}-{region}"
    return f"arn:aws:iam::{account.account_id}:role/{name}"
