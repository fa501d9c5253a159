"""Applications whose registries are there, versions whose images are in them, and what Beanstalk says that runs."""

import json
from contextlib import contextmanager, suppress

from environments.operations.models import Operation
from tests.factories import application_make, version_make
from tests.workers.support import REGION


@contextmanager
def registry(sandbox, keys, environment, name="till"):
    """An application of the environment's team and account, with a registry as its stack makes one; it goes at the end,
    and its copies in other regions with it.
    """
    row = application_make(
        name,
        team=environment.team,
        owner=environment.owner,
        account=environment.account,
        release=environment.release,
    )
    client = sandbox.client("ecr", keys, REGION)
    client.create_repository(repositoryName=row.stack_name)
    try:
        yield row
    finally:
        for region in environment.account.regions:
            client = sandbox.client("ecr", keys, region)
            with suppress(client.exceptions.RepositoryNotFoundException):
                client.delete_repository(repositoryName=row.stack_name, force=True)


def version_push(sandbox, keys, application, commit):
    """A version whose image is in the registry; the account's replication copies it to its other regions."""
    body = json.dumps({"schemaVersion": 2, "layers": [], "config": {"digest": commit}})
    answer = sandbox.client("ecr", keys, REGION).put_image(
        repositoryName=application.stack_name, imageManifest=body, imageTag=f"release-{commit}"
    )
    return version_make(application, commit, digest=answer["image"]["imageId"]["imageDigest"])


def label_running(sandbox, keys, environment, region=REGION):
    """The label of the version that Beanstalk says the environment has in a region."""
    client = sandbox.client("elasticbeanstalk", keys, region)
    name = f"sy-{environment.full_name}"
    found = client.describe_environments(IncludeDeleted=False)["Environments"]
    [label] = [row["VersionLabel"] for row in found if row["EnvironmentName"].startswith(name)]
    return label


def versions_named(sandbox, keys, environment, label, region=REGION):
    """The application versions of that label that Beanstalk has in a region."""
    client = sandbox.client("elasticbeanstalk", keys, region)
    rows = client.describe_application_versions(VersionLabels=[label])["ApplicationVersions"]
    return [row for row in rows if row["ApplicationName"].startswith(f"sy-{environment.full_name}")]


def changed_stacks(operation: Operation):
    """The keys of the stacks that the operation's plan changes."""
    return [row["key"] for row in operation.plan.document["stacks"] if row["action"] != "none"]
