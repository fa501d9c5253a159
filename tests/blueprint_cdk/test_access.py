"""The template that lets the portal in: small enough for IAM, real actions, and no way to more."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from blueprint_cdk.access import LATER, POLICIES, bootstrap
from blueprint_cdk.access.execution import EXECUTION as EXECUTION_POLICIES
from blueprint_cdk.access.execution import FIRST
from blueprint_cdk.access.templates import ACCESS, ACCESS_EXECUTION, build_templates, role_templates
from blueprint_cdk.data import load
from tests.blueprint_cdk.linting import lint
from tests.blueprint_cdk.support import Synthesise

ACCOUNT = "111122223333"
PUT_IN = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": ACCOUNT,
    "ZoneName": "dev.example.org",
}


def resolved(value: Any) -> Any:
    """A template's value with its Fn::Sub put in, as IAM sees it."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            text = str(value["Fn::Sub"])
            for name, put in PUT_IN.items():
                text = text.replace(f"${{{name}}}", put)
            return text
        return {key: resolved(row) for key, row in value.items()}
    return [resolved(row) for row in value] if isinstance(value, list) else value


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from resolved(POLICIES[name][1])


def allowed(names: tuple[str, ...], action: str, resource: str, **context: Any) -> bool:
    """Whether identity policies allow it: IAM's order, with the conditions that this template uses."""
    verdict = False
    for row in statements(*names):
        if not any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in listed(row["Action"])):
            continue
        named = "Resource" if "Resource" in row else "NotResource"
        held = any(fnmatch.fnmatchcase(resource, pattern) for pattern in listed(row[named]))
        if held is (named == "NotResource"):
            continue
        if not all(_holds(operator, test, context) for operator, test in row.get("Condition", {}).items()):
            continue
        if row["Effect"] == "Deny":
            return False
        verdict = True
    return verdict


def _holds(operator: str, test: dict[str, Any], context: dict[str, Any]) -> bool:
    for key, wanted in test.items():
        value = context.get(key.rpartition(":")[2].rpartition("/")[2])
        if operator == "Null":
            if (value is None) is (wanted == "false"):
                return False
            continue
        match = value is not None and all(
            any(fnmatch.fnmatchcase(one, row) for row in listed(wanted)) for one in listed(value)
        )
        if match is (operator == "StringNotEquals"):
            return False
    return True


DEPLOYER = ("SwitchyardRead", "SwitchyardDeploy", "SwitchyardTeardown")
EXECUTION = tuple(EXECUTION_POLICIES)
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/SwitchyardBoundary"
CFN = f"arn:aws:cloudformation:eu-west-1:{ACCOUNT}"
IAM = f"arn:aws:iam::{ACCOUNT}"
BACKUP = f"arn:aws:backup:eu-west-1:{ACCOUNT}"


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_templates_are_valid_and_fit_a_request(form: Any) -> None:
    for name, text in role_templates(form).items():
        assert len(text.encode()) < 51_200, name
        parsed = yaml.safe_load(text) if form == "yaml" else json.loads(text)
        assert parsed == build_templates()[name]
        assert lint(text) == ()


def test_every_policy_is_in_one_stack_and_the_first_ones_stay_where_they_are() -> None:
    """Accounts have these attached under these names: a policy that moves would be away for a moment."""
    templates = build_templates()
    where = {
        resource["Properties"]["ManagedPolicyName"]: (name, logical_id)
        for name, template in templates.items()
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::IAM::ManagedPolicy"
    }
    assert where == {
        name: (ACCESS_EXECUTION if name in LATER else ACCESS, f"{name}Policy") for name in POLICIES
    }
    assert set(FIRST) == set(EXECUTION) - set(LATER)
    assert set(templates) == {ACCESS, *([ACCESS_EXECUTION] if LATER else [])}
    # A plan-only account has the first stack alone, and nobody of the portal's may touch either.
    assert ACCESS_EXECUTION.startswith(ACCESS)


def test_the_execution_role_holds_its_policies() -> None:
    """Ten managed policies a role (IAM's quota before it is raised)."""
    assert len(EXECUTION_POLICIES) <= 10
    assert all(EXECUTION_POLICIES.values())


@pytest.mark.parametrize("name", list(POLICIES))
def test_policy_fits_iam(name: str) -> None:
    """6,144 characters without white space; ten policies a role."""
    document: dict[str, Any] = {"Version": "2012-10-17", "Statement": list(statements(name))}
    assert len(json.dumps(document, separators=(",", ":"))) <= 6_144
    sids = [row["Sid"] for row in document["Statement"]]
    assert len(set(sids)) == len(sids)


def test_no_policy_but_the_boundary_allows_everything_of_anything() -> None:
    for name in set(POLICIES) - {"SwitchyardBoundary"}:
        for row in statements(name):
            actions = listed(row["Action"])
            if row["Effect"] == "Allow" and "*" in listed(row["Resource"]):
                assert not [action for action in actions if action.endswith(":*")], (name, row["Sid"])
                broad = [action for action in actions if action.endswith("*")]
                assert all(
                    action.partition(":")[2].startswith(("Describe", "List", "Get")) for action in broad
                )


def test_portal_comes_in_with_its_external_id_only() -> None:
    resources = build_templates()[ACCESS]["Resources"]
    for role in ("SwitchyardReader", "SwitchyardDeployer"):
        assume, session = resources[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert assume["Action"] == ["sts:AssumeRole"]
        assert assume["Condition"] == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
        assert session["Action"] == ["sts:SetSourceIdentity", "sts:TagSession"]
        for statement in (assume, session):
            assert statement["Principal"] == {"AWS": {"Ref": "PortalPrincipalArn"}}


def test_every_role_is_within_the_boundary() -> None:
    roles = [
        row for row in build_templates()[ACCESS]["Resources"].values() if row["Type"] == "AWS::IAM::Role"
    ]
    assert len(roles) == 4
    for role in roles:
        assert role["Properties"]["PermissionsBoundary"] == {"Ref": "SwitchyardBoundaryPolicy"}


ZONE = "arn:aws:route53:::hostedzone/Z1"
GUARD = f"{IAM}:role/SwitchyardGuard"
AUDIT = f"arn:aws:s3:::switchyard-audit-{ACCOUNT}-eu-west-1"
TRAIL = f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/switchyard"


def record_change(action: str, kind: str, *names: str) -> dict[str, Any]:
    """The condition keys of a change of records."""
    told = "ChangeResourceRecordSets"
    return {
        f"{told}Actions": [action],
        f"{told}RecordTypes": [kind],
        f"{told}NormalizedRecordNames": list(names),
    }


PROOF, OTHER = "_8f3c.shop.dev.example.org", "_8f3c.shop.payroll.example.org"
MAY = [
    # policies, action, resource, context, allowed
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/CDKToolkit-swyard/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteChangeSet", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteChangeSet", f"{CFN}:stack/payroll/1", {}, False),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-baseline/1", {}, True),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-access/1", {}, False),
    *(
        (who, f"cloudformation:{verb}", f"{CFN}:stack/{name}/1", {}, False)
        for who in (DEPLOYER, EXECUTION)
        for name in (ACCESS, ACCESS_EXECUTION)
        for verb in (
            "CreateStack",
            "UpdateStack",
            "DeleteStack",
            "CancelUpdateStack",
            "ContinueUpdateRollback",
        )
    ),
    (DEPLOYER, "cloudformation:UpdateStack", f"{CFN}:stack/payroll/1", {}, False),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/cdk-swyard-cfn-exec-role-{ACCOUNT}-eu-west-1",
        {"PassedToService": "cloudformation.amazonaws.com"},
        True,
    ),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/cdk-swyard-cfn-exec-role-{ACCOUNT}-eu-west-1",
        {"PassedToService": "ec2.amazonaws.com"},
        False,
    ),
    (
        DEPLOYER,
        "iam:PassRole",
        f"{IAM}:role/Admin",
        {"PassedToService": "cloudformation.amazonaws.com"},
        False,
    ),
    (DEPLOYER, "iam:PutRolePolicy", f"{IAM}:role/SwitchyardDeployer", {}, False),
    (DEPLOYER, "iam:CreatePolicyVersion", BOUNDARY, {}, False),
    (DEPLOYER, "cloudtrail:StopLogging", f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main", {}, False),
    (
        DEPLOYER,
        "secretsmanager:GetSecretValue",
        f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:sy-a",
        {},
        False,
    ),
    (DEPLOYER, "s3:PutObject", f"arn:aws:s3:::cdk-swyard-assets-{ACCOUNT}-eu-west-1/a.json", {}, True),
    (DEPLOYER, "s3:PutObject", "arn:aws:s3:::sy-shop-k3x9-uploads/x", {}, False),
    (DEPLOYER, "s3:DeleteObjectVersion", "arn:aws:s3:::sy-shop-k3x9-uploads/x", {}, True),
    (DEPLOYER, "s3:DeleteObjectVersion", "arn:aws:s3:::payroll/x", {}, False),
    (
        DEPLOYER,
        "kms:ScheduleKeyDeletion",
        f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1",
        {"environment": "shop-k3x9"},
        True,
    ),
    (DEPLOYER, "kms:ScheduleKeyDeletion", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1", {}, False),
    (
        DEPLOYER,
        "rds:CreateDBClusterSnapshot",
        f"arn:aws:rds:eu-west-1:{ACCOUNT}:cluster:sy-shop-k3x9",
        {},
        True,
    ),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "CNAME", PROOF), True),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("UPSERT", "CNAME", PROOF), False),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "A", PROOF), False),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, record_change("DELETE", "CNAME", OTHER), False),
    (
        DEPLOYER,
        "route53:ChangeResourceRecordSets",
        ZONE,
        record_change("DELETE", "CNAME", PROOF, "www.dev.example.org"),
        False,
    ),
    (DEPLOYER, "route53:ChangeResourceRecordSets", ZONE, {}, False),
    # The guard is made once, by its own role, and that role makes nothing else.
    (DEPLOYER, "cloudformation:CreateStack", f"{CFN}:stack/switchyard-guard/1", {"RoleArn": GUARD}, True),
    (DEPLOYER, "cloudformation:CreateStack", f"{CFN}:stack/switchyard-x/1", {"RoleArn": GUARD}, False),
    (
        DEPLOYER,
        "cloudformation:CreateStack",
        f"{CFN}:stack/switchyard-guard/1".replace("eu-west-1", "us-east-1"),
        {"RoleArn": GUARD},
        False,
    ),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/sy-a/1", {"RoleArn": GUARD}, False),
    (DEPLOYER, "cloudformation:CreateChangeSet", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "cloudformation:UpdateStack", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "cloudformation:DeleteStack", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "cloudformation:SetStackPolicy", f"{CFN}:stack/switchyard-guard/1", {}, False),
    (DEPLOYER, "s3:DeleteObjectVersion", f"{AUDIT}/chain/1.json", {}, False),
    (DEPLOYER, "s3:PutBucketPolicy", AUDIT, {}, False),
    (EXECUTION, "cloudtrail:StopLogging", TRAIL, {}, False),
    (EXECUTION, "cloudtrail:CreateTrail", TRAIL, {}, False),
    (EXECUTION, "s3:PutBucketPolicy", AUDIT, {}, False),
    (EXECUTION, "s3:PutLifecycleConfiguration", AUDIT, {}, False),
    (EXECUTION, "iam:PutGroupPolicy", f"{IAM}:group/switchyard-aws-operator", {}, False),
    *(
        (("SwitchyardBoundary",), action, resource, {"PrincipalArn": who}, who == GUARD)
        for who in (GUARD, f"{IAM}:role/SwitchyardDeployer", f"{IAM}:role/sy-shop-k3x9-app-Role")
        for action, resource in (
            ("cloudtrail:UpdateTrail", TRAIL),
            ("s3:PutBucketPolicy", AUDIT),
            ("s3:PutLifecycleConfiguration", AUDIT),
            ("s3:DeleteObjectVersion", f"{AUDIT}/chain/1.json"),
            ("s3:PutObjectRetention", f"{AUDIT}/chain/1.json"),
            ("iam:PutGroupPolicy", f"{IAM}:group/switchyard-aws-operator"),
        )
    ),
    (("SwitchyardBoundary",), "s3:PutObject", f"{AUDIT}/chain/1.json", {}, True),
    (("SwitchyardBoundary",), "s3:PutObject", AUDIT.replace("audit", "trail") + "/x", {}, False),
    # Backups: vaults of environments' names; recovery points of theirs, and of nobody else's.
    (EXECUTION, "backup:CreateBackupVault", f"{BACKUP}:backup-vault:sy-shop-k3x9", {}, True),
    (EXECUTION, "backup:DeleteBackupVault", f"{BACKUP}:backup-vault:Default", {}, False),
    (EXECUTION, "backup:DeleteRecoveryPoint", f"{BACKUP}:recovery-point:x", {}, False),
    (DEPLOYER, "backup:DeleteRecoveryPoint", f"{BACKUP}:recovery-point:x", {}, False),
    (
        DEPLOYER,
        "backup:DeleteRecoveryPoint",
        f"{BACKUP}:recovery-point:x",
        {"environment": "shop-k3x9"},
        True,
    ),
    (DEPLOYER, "backup:UpdateRegionSettings", "*", {}, True),
    (("SwitchyardRead",), "backup:UpdateRegionSettings", "*", {}, False),
    (("SwitchyardRead",), "route53:UpdateHostedZoneFeatures", "*", {}, False),
    (DEPLOYER, "route53:UpdateHostedZoneFeatures", "*", {}, False),
    (("SwitchyardRead",), "cloudformation:DeleteStack", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, False),
    (("SwitchyardRead",), "cloudformation:DescribeStacks", f"{CFN}:stack/sy-shop-k3x9-data/1", {}, True),
    (
        EXECUTION,
        "iam:CreateRole",
        f"{IAM}:role/sy-shop-k3x9-app-Role",
        {"PermissionsBoundary": BOUNDARY},
        True,
    ),
    (EXECUTION, "iam:CreateRole", f"{IAM}:role/sy-shop-k3x9-app-Role", {}, False),
    (EXECUTION, "iam:CreateRole", f"{IAM}:role/Admin", {"PermissionsBoundary": BOUNDARY}, False),
    (
        EXECUTION,
        "iam:PutRolePolicy",
        f"{IAM}:role/SwitchyardDeployer",
        {"PermissionsBoundary": BOUNDARY},
        False,
    ),
    (EXECUTION, "iam:DeleteRolePermissionsBoundary", f"{IAM}:role/sy-shop-k3x9-app-Role", {}, False),
    (EXECUTION, "iam:CreateUser", f"{IAM}:user/mallory", {}, False),
    *(
        (EXECUTION, action, f"arn:aws:{service}:eu-west-1:{ACCOUNT}:{resource}", {}, expected)
        for service, action, resource, expected in (
            ("firehose", "firehose:CreateDeliveryStream", "deliverystream/sy-shop-k3x9-events", True),
            ("firehose", "firehose:CreateDeliveryStream", "deliverystream/other", False),
            ("firehose", "firehose:PutRecord", "deliverystream/sy-shop-k3x9-events", False),
            ("glue", "glue:CreateTable", "table/sy_shop_k3x9/events", True),
            ("glue", "glue:CreateTable", "table/default/events", False),
            ("athena", "athena:CreateWorkGroup", "workgroup/sy-shop-k3x9", True),
            ("athena", "athena:UpdateWorkGroup", "workgroup/primary", False),
            ("athena", "athena:StartQueryExecution", "workgroup/sy-shop-k3x9", False),
            ("quicksight", "quicksight:CreateDashboard", "dashboard/sy-shop-k3x9", True),
            ("quicksight", "quicksight:DeleteDashboard", "dashboard/other", False),
            ("quicksight", "quicksight:RegisterUser", "user/default/mallory", False),
            ("dynamodb", "dynamodb:CreateTable", "table/sy-shop-k3x9-devices", True),
            ("dynamodb", "dynamodb:DeleteTable", "table/other", False),
            ("dynamodb", "dynamodb:CreateTableReplica", "table/sy-shop-k3x9-user-data", True),
            ("dynamodb", "dynamodb:Scan", "table/other", False),
            ("cognito-idp", "cognito-idp:CreateUserPoolReplica", "userpool/eu-west-1_abc", True),
            ("cognito-idp", "cognito-idp:UpdateUserPoolReplica", "userpool/eu-west-1_abc", True),
            ("cognito-idp", "cognito-idp:AdminCreateUser", "userpool/eu-west-1_abc", False),
            ("ses", "ses:CreateEmailIdentity", "identity/shop.dev.example.com", True),
            ("ses", "ses:SendEmail", "identity/shop.dev.example.com", False),
            ("ses", "ses:DeleteConfigurationSet", "configuration-set/other", False),
            ("mobiletargeting", "mobiletargeting:UpdateGcmChannel", "apps/1/channels/gcm", True),
            ("mobiletargeting", "mobiletargeting:SendMessages", "apps/1/messages", False),
            ("sqs", "sqs:CreateQueue", "sy-shop-k3x9-orders", True),
            ("sqs", "sqs:DeleteQueue", "other", False),
            ("synthetics", "synthetics:CreateCanary", "canary:sy-shop-k3x9", True),
            ("synthetics", "synthetics:DeleteCanary", "canary:other", False),
            ("lambda", "lambda:CreateFunction", "function:cwsyn-sy-shop-k3x9-1", True),
            ("lambda", "lambda:CreateFunction", "function:other", False),
            ("lambda", "lambda:InvokeFunction", "function:cwsyn-sy-shop-k3x9-1", False),
        )
    ),
    *(
        (EXECUTION, "iam:PassRole", f"{IAM}:role/{role}", {"PassedToService": service}, expected)
        for role, service, expected in (
            ("sy-shop-k3x9-analytics-Role", "firehose.amazonaws.com", True),
            ("sy-shop-k3x9-analytics-Role", "quicksight.amazonaws.com", True),
            ("sy-shop-k3x9-analytics-Role", "glue.amazonaws.com", False),
            ("sy-shop-k3x9-operations-Role", "lambda.amazonaws.com", True),
            ("Admin", "firehose.amazonaws.com", False),
        )
    ),
    (("SwitchyardBoundary",), "iam:CreateRole", f"{IAM}:role/sy-x", {"PermissionsBoundary": BOUNDARY}, True),
    (("SwitchyardBoundary",), "iam:CreateRole", f"{IAM}:role/sy-x", {}, False),
    (("SwitchyardBoundary",), "iam:CreatePolicyVersion", BOUNDARY, {}, False),
    (("SwitchyardBoundary",), "iam:CreateUser", f"{IAM}:user/mallory", {}, False),
    (
        ("SwitchyardBoundary",),
        "cloudtrail:StopLogging",
        f"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/x",
        {},
        False,
    ),
    *(
        (EXECUTION, action, f"arn:aws:{resource}", {}, expected)
        for action, resource, expected in (
            ("codecommit:CreateRepository", f"codecommit:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", True),
            ("codecommit:DeleteRepository", f"codecommit:eu-west-1:{ACCOUNT}:payroll", False),
            ("codecommit:GitPush", f"codecommit:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", False),
            ("codepipeline:CreatePipeline", f"codepipeline:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", True),
            ("codepipeline:DeletePipeline", f"codepipeline:eu-west-1:{ACCOUNT}:payroll", False),
            ("codepipeline:PutApprovalResult", f"codepipeline:eu-west-1:{ACCOUNT}:sy-app-shop-k3x9", False),
            ("ecr:CreateRepository", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", True),
            ("ecr:DeleteRepository", f"ecr:eu-west-1:{ACCOUNT}:repository/payroll", False),
            ("ecr:BatchDeleteImage", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", False),
            ("ecr:PutImage", f"ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9", False),
            ("events:PutRule", f"events:eu-west-1:{ACCOUNT}:rule/sy-app-shop-k3x9-commits", True),
            ("events:PutRule", f"events:eu-west-1:{ACCOUNT}:rule/payroll", False),
        )
    ),
    *(
        (
            EXECUTION,
            "iam:PassRole",
            f"{IAM}:role/{role}",
            {"PassedToService": f"{to}.amazonaws.com"},
            expected,
        )
        for role, to, expected in (
            ("sy-app-shop-k3x9-PipelineRole", "codepipeline", True),
            ("sy-app-shop-k3x9-RepositoryStarterRole", "events", True),
            ("sy-app-shop-k3x9-PipelineRole", "ecs-tasks", False),
            ("Admin", "codepipeline", False),
        )
    ),
    (
        ("SwitchyardRead",),
        "ecr:DescribeImages",
        f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9",
        {},
        True,
    ),
    (
        ("SwitchyardRead",),
        "ecr:BatchGetImage",
        f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/sy-app-shop-k3x9",
        {},
        False,
    ),
    (
        ("SwitchyardBootstrap",),
        "iam:CreateRole",
        f"{IAM}:role/cdk-swyard-deploy-role",
        {"PermissionsBoundary": BOUNDARY},
        True,
    ),
    (
        ("SwitchyardBootstrap",),
        "iam:CreateRole",
        f"{IAM}:role/Admin",
        {"PermissionsBoundary": BOUNDARY},
        False,
    ),
]


@pytest.mark.parametrize(("policies", "action", "resource", "context", "expected"), MAY)
def test_who_may_do_what(
    policies: tuple[str, ...], action: str, resource: str, context: dict[str, Any], expected: bool
) -> None:
    assert allowed(policies, action, resource, **context) is expected


def test_whatever_a_role_may_do_the_boundary_lets_it() -> None:
    """An action outside the boundary would be denied on AWS although its policy allows it."""
    services = {
        action.partition(":")[0]
        for row in statements("SwitchyardBoundary")
        for action in listed(row["Action"])
    }
    for name in set(POLICIES) - {"SwitchyardBoundary"}:
        for row in statements(name):
            assert {action.partition(":")[0] for action in listed(row["Action"])} <= services, (
                name,
                row["Sid"],
            )


def test_blueprints_own_roles_stay_within_the_boundary(synthesise: Synthesise) -> None:
    for policy in synthesise().all("AWS::IAM::Policy"):
        for row in policy["Properties"]["PolicyDocument"]["Statement"]:
            for action in listed(row["Action"]):
                assert allowed(("SwitchyardBoundary",), action, "anything"), action


def test_execution_covers_every_service_of_the_blueprint() -> None:
    prefixes = {
        "ElasticLoadBalancingV2": "elasticloadbalancing",
        "CertificateManager": "acm",
        "WAFv2": "wafv2",
        "AccessAnalyzer": "access-analyzer",
        "ApplicationAutoScaling": "application-autoscaling",
        "Cognito": "cognito-idp",
        "KinesisFirehose": "firehose",
        "Pinpoint": "mobiletargeting",
    }
    covered = {action.partition(":")[0] for row in statements(*EXECUTION) for action in listed(row["Action"])}
    for stack in [*load("stacks")["environment"], *load("stacks")["baseline"]]:
        # The guard is made by a role of its own.
        for kind in stack["types"] if "made_by" not in stack else ():
            service = kind.split("::")[1]
            assert prefixes.get(service, service.lower()) in covered, kind


def test_bootstrap_names_what_the_template_makes() -> None:
    given = bootstrap()
    named = given["parameters"]["CloudFormationExecutionPolicies"].format(account_id=ACCOUNT).split(",")
    assert [arn.rpartition("/")[2] for arn in named] == list(EXECUTION)
    assert given["parameters"]["InputPermissionsBoundary"] == "SwitchyardBoundary"
    assert given["environment_boundary"].format(account_id=ACCOUNT) == BOUNDARY
    roles = build_templates()[ACCESS]["Resources"]
    policies = roles[given["service_role_name"]]["Properties"]["ManagedPolicyArns"]
    assert policies == [{"Ref": "SwitchyardBootstrapPolicy"}]


def test_the_reader_sees_whether_a_secret_is_set_and_what_a_standby_leaves_and_no_value() -> None:
    reader = ("SwitchyardRead",)
    secret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:sy-shop-k3x9/app/SMTP_PASSWORD-AbCdEf"
    assert allowed(reader, "secretsmanager:DescribeSecret", secret)
    assert allowed(reader, "secretsmanager:ListSecrets", "*")
    for action in ("GetSecretValue", "PutSecretValue", "UpdateSecret", "DeleteSecret"):
        assert not allowed(reader, f"secretsmanager:{action}", secret)
    assert allowed(
        reader, "rds:DescribeGlobalClusters", "arn:aws:rds::111122223333:global-cluster:sy-shop-k3x9"
    )
    assert allowed(reader, "route53:ListHealthChecks", "*")
    assert not allowed(
        reader, "rds:DeleteGlobalCluster", "arn:aws:rds::111122223333:global-cluster:sy-shop-k3x9"
    )


def test_the_reader_reads_quotas_and_asks_for_no_more_of_them() -> None:
    reader = ("SwitchyardRead",)
    assert allowed(reader, "servicequotas:ListServiceQuotas", "*")
    assert allowed(reader, "iam:GetAccountSummary", "*")
    assert not allowed(DEPLOYER, "servicequotas:RequestServiceQuotaIncrease", "*")
