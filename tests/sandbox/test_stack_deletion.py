"""What refuses to be deleted with its stack: DELETE_FAILED with the service's reason, then RetainResources."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, parameter, refused, template

ACCOUNT = "110000000034"
Client = Callable[[str], Any]


def of(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": f"AWS::{name}", "Properties": properties}


def document(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": list(actions), **more}]}


CLUSTER = of(
    "RDS::DBCluster",
    Engine="aurora-mysql",
    MasterUsername="admin",
    MasterUserPassword="long-enough",
    DeletionProtection=True,
)
POLICY = of("IAM::ManagedPolicy", PolicyDocument=document("s3:*", Resource="*"))
ROLE = of(
    "IAM::Role",
    AssumeRolePolicyDocument=document("sts:AssumeRole", Principal={"Service": "ec2.amazonaws.com"}),
)


def nothing(client: Client, id: str) -> None:
    """The template alone protects it."""


def attach_policy(client: Client, id: str) -> None:
    client("iam").create_user(UserName="holder")
    client("iam").attach_user_policy(UserName="holder", PolicyArn=id)


def put_in_profile(client: Client, id: str) -> None:
    client("iam").create_instance_profile(InstanceProfileName="holder")
    client("iam").add_role_to_instance_profile(InstanceProfileName="holder", RoleName=id)


def push_image(client: Client, id: str) -> None:
    manifest = json.dumps({"schemaVersion": 2, "layers": []})
    client("ecr").put_image(repositoryName=id, imageManifest=manifest, imageTag="t")


def put_object(client: Client, id: str) -> None:
    client("s3").put_object(Bucket=id, Key="k", Body=b"x")


@pytest.mark.parametrize(
    ("resource", "use", "said", "found"),
    [
        (of("S3::Bucket"), put_object, "is not empty", lambda c, id: c("s3").head_bucket(Bucket=id)),
        (
            CLUSTER,
            nothing,
            "Cannot delete protected Cluster, please disable deletion protection and try again.",
            lambda c, id: c("rds").describe_db_clusters(DBClusterIdentifier=id)["DBClusters"],
        ),
        (
            POLICY,
            attach_policy,
            "Cannot delete a policy attached to entities.",
            lambda c, id: c("iam").get_policy(PolicyArn=id),
        ),
        (
            ROLE,
            put_in_profile,
            "Cannot delete entity, must remove roles from instance profile first.",
            lambda c, id: c("iam").get_role(RoleName=id),
        ),
        (
            of("ECR::Repository"),
            push_image,
            "cannot be deleted because it still contains images",
            lambda c, id: c("ecr").describe_repositories(repositoryNames=[id])["repositories"],
        ),
    ],
    ids=[
        "full bucket",
        "protected cluster",
        "attached policy",
        "role in a profile",
        "repository with images",
    ],
)
def test_what_refuses_fails_the_deletion_and_can_be_retained(
    sandbox: Sandbox,
    keys: Keys,
    stacks: Stacks,
    request: pytest.FixtureRequest,
    resource: dict[str, Any],
    use: Callable[[Client, str], None],
    said: str,
    found: Callable[[Client, str], Any],
) -> None:
    name = request.node.callspec.id.replace(" ", "-")

    def client(service: str) -> Any:
        return sandbox.client(service, keys)

    stack = stacks.create(name, template(R=resource, Beside=parameter("v")))
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events(name)
    id = stacks.physical(name)["R"]
    use(client, id)
    stack = stacks.delete(name)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "DELETE_FAILED",
        "The following resource(s) failed to delete: [R]. ",
    )
    reasons = [r for n, status, r in stacks.events(name) if (n, status) == ("R", "DELETE_FAILED")]
    assert len(reasons) == 1 and said in reasons[0]
    code, refusal = refused(stacks.client.delete_stack, StackName=name, RetainResources=["R", "Beside"])
    assert code == "ValidationError" and refusal.endswith("resources that are in the DELETE_COMPLETE state.")
    assert stacks.delete(name, RetainResources=["R"])["StackStatus"] == "DELETE_COMPLETE"
    assert found(client, id)
