"""What the portal's roles ask AWS for is what blueprint_cdk/data/calls.json holds, whatever is built."""

import json
from contextlib import contextmanager

import pytest

from devtools.calls import CALLS, EXECUTION, unrecorded
from environments.lifecycle.models import Environment, TeardownReport
from environments.lifecycle.update import environment_update
from tests.workers.support import ACCOUNT_ID, REGION, approve, ask_teardown, drive

pytestmark = pytest.mark.django_db(transaction=True)
EXECUTION_ROLE = f"cdk-swyard-cfn-exec-role-{ACCOUNT_ID}-{REGION}"


def built(people, operation):
    """Drive it through its approval, if it needs one, to a good end; the environment."""
    if drive(operation).status == "awaiting-approval":
        drive(approve(operation, people))
    assert operation.status == "succeeded", operation.sentence
    return Environment.objects.latest("pk")


def test_sizes_update_restore_and_teardown_need_no_more(ask, people, sandbox, keys):
    source = built(people, ask(size="large"))
    clone = built(
        people, ask(size="medium", restore_source={"kind": "cluster", "id": f"sy-{source.full_name}"})
    )
    bucket = f"sy-{clone.full_name}-uploads-{ACCOUNT_ID}-{REGION}"
    s3 = sandbox.client("s3", keys, REGION)
    s3.put_object(Bucket=bucket, Key="whole", Body=b"text")
    s3.create_multipart_upload(Bucket=bucket, Key="half")
    built(people, ask_teardown(people, clone))
    changes = {"log_retention_days": 7}
    built(people, environment_update(environment=source, changes=changes, actor=people["team-lead"]))
    built(people, ask_teardown(people, source, database=True, uploads=True))
    kept = {row["type"]: row["id"] for row in TeardownReport.objects.latest("pk").kept}
    copy = {"kind": "snapshot", "id": kept["AWS::RDS::DBClusterSnapshot"]}
    built(people, ask_teardown(people, built(people, ask(restore_source=copy))))


@pytest.mark.enforced
def test_cloudformations_role_is_held_to_its_policies_in_a_flow(ask, sandbox, keys):
    """Were the execution role not decided on, every other flow would prove nothing of its policies."""
    decisions = sandbox.control("GET", "decisions", account=ACCOUNT_ID, principal=f"role/{EXECUTION_ROLE}")
    before = max((row["n"] for row in decisions), default=0)
    with denied(sandbox, keys, "ec2:CreateVpc"):
        operation = drive(ask())
    assert operation.status == "failed"
    assert "ec2:CreateVpc" in operation.sentence and EXECUTION_ROLE in operation.sentence
    found = sandbox.control("GET", "decisions", after=before, principal=f"role/{EXECUTION_ROLE}")
    assert [row["via"] for row in found if not row["allowed"]] == ["cloudformation.amazonaws.com"]


@contextmanager
def denied(sandbox, keys, action):
    """An action that the execution role is denied for a while."""
    iam = sandbox.client("iam", keys, REGION)
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": action, "Resource": "*"}]}
    iam.put_role_policy(RoleName=EXECUTION_ROLE, PolicyName="deny", PolicyDocument=json.dumps(deny))
    try:
        yield
    finally:
        iam.delete_role_policy(RoleName=EXECUTION_ROLE, PolicyName="deny")


def test_a_call_that_was_never_recorded_is_told():
    known = json.loads(CALLS.read_text())
    asked = {"account": ACCOUNT_ID, "via": "", "allowed": True}
    deployer = "role/SwitchyardDeployer"
    rows = [
        {"principal": deployer, "action": "cloudformation:CreateStack", "kind": "stack", **asked},
        {"principal": deployer, "action": "ec2:TerminateInstances", "kind": "instance", **asked},
        {"principal": f"{EXECUTION}1-eu-west-1", "action": "ec2:CreateVpc", "kind": "bucket", **asked},
        {"principal": "role/sy-shop-app", "action": "s3:GetObject", "kind": "object", **asked},
    ]
    first, second = unrecorded(rows, known)
    assert first.startswith("The deployer role asks for ec2:TerminateInstances (instance)")
    assert second.startswith("The execution role asks for ec2:CreateVpc (bucket)")
    assert "`make calls`" in first
