"""Who may do what in an environment: AWS role, action, resource. What a role is not named for, it may not do.

`tagged`: the resource has the environment's tags, which AWS tells a policy. `everywhere`: a list that AWS knows no
narrower resource for, so it is the same in every environment. `before_prod`: who besides in tiers dev and staging.
`simulated`: iam-simulate knows it; where not, the sandbox alone is asked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ACCOUNT, REGION = "111122223333", "eu-west-1"
HERE = f"{REGION}:{ACCOUNT}"
OPERATOR, DEVELOPER, DBA, AUDITOR = "aws-operator", "aws-developer", "aws-dba", "aws-auditor"
ALL = (OPERATOR, DEVELOPER, DBA, AUDITOR)
ON_LOGS = (OPERATOR, DEVELOPER, DBA)
NOBODY: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """{prefix} and {role} (unique id of the role) of `resource` are those of the environment that is asked about."""

    action: str
    resource: str
    may: tuple[str, ...]
    tagged: bool = False
    everywhere: bool = False
    before_prod: tuple[str, ...] = NOBODY
    keys: dict[str, Any] = field(default_factory=dict)
    simulated: bool = True


def looks(*actions: str) -> list[Row]:
    return [Row(action, "*", ALL, everywhere=True) for action in actions]


INSTANCE = f"arn:aws:ec2:{HERE}:instance/i-0123456789abcdef0"
CLUSTER = f"arn:aws:rds:{HERE}:cluster:{{prefix}}"
DATABASE = f"arn:aws:rds:{HERE}:db:{{prefix}}-1"
BEANSTALK = f"arn:aws:elasticbeanstalk:{HERE}:environment/{{prefix}}/{{prefix}}"
SECRET = f"arn:aws:secretsmanager:{HERE}:secret:{{prefix}}/database-AbCdEf"
OWN_SECRET = f"arn:aws:secretsmanager:{HERE}:secret:{{prefix}}/app/SMTP_PASSWORD-AbCdEf"
KEY = f"arn:aws:kms:{HERE}:key/mrk-0a1b"
STACK = f"arn:aws:cloudformation:{HERE}:stack/{{prefix}}-app/0a1b"
GROUP = f"arn:aws:autoscaling:{HERE}:autoScalingGroup:0a1b:autoScalingGroupName/awseb-e-abc-stack-Group"
UPLOADS = f"arn:aws:s3:::{{prefix}}-uploads-{ACCOUNT}-{REGION}"
APPLICATION_LOGS = (
    f"arn:aws:logs:{HERE}:log-group:/aws/elasticbeanstalk/{{prefix}}/var/log/eb-engine.log:log-stream:i-1"
)
SHELL = f"arn:aws:ssm:{HERE}:document/SSM-SessionManagerRunShell"
TUNNEL = f"arn:aws:ssm:{HERE}:document/AWS-StartPortForwardingSessionToRemoteHost"
VIA_SECRETS = {"kms:ViaService": f"secretsmanager.{REGION}.amazonaws.com"}

TABLE: tuple[Row, ...] = (
    *looks(
        "cloudwatch:GetMetricData",
        "ec2:DescribeInstances",
        "elasticloadbalancing:DescribeTargetHealth",
        "logs:DescribeLogGroups",
        "autoscaling:DescribeScalingActivities",
    ),
    Row("cloudformation:DescribeStackEvents", STACK, ALL, tagged=True),
    Row("cloudformation:UpdateStack", STACK, NOBODY, tagged=True),
    Row("cloudformation:DeleteStack", STACK, NOBODY, tagged=True),
    Row("elasticbeanstalk:DescribeEnvironmentHealth", BEANSTALK, ALL),
    Row("elasticbeanstalk:RestartAppServer", BEANSTALK, (OPERATOR,)),
    Row("elasticbeanstalk:UpdateEnvironment", BEANSTALK, NOBODY),
    Row("elasticbeanstalk:TerminateEnvironment", BEANSTALK, NOBODY),
    # Logs: the environment's own, and whatever comes from people's requests not for auditors.
    Row("logs:GetLogEvents", APPLICATION_LOGS, ON_LOGS),
    Row("logs:StartQuery", f"arn:aws:logs:{HERE}:log-group:/aws/rds/cluster/{{prefix}}/error", ON_LOGS),
    Row("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:aws-waf-logs-{{prefix}}", ALL),
    Row("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:/switchyard/{{prefix}}/flow-logs", ALL),
    Row("logs:DeleteLogGroup", f"arn:aws:logs:{HERE}:log-group:/switchyard/{{prefix}}/flow-logs", NOBODY),
    Row("logs:FilterLogEvents", f"arn:aws:logs:{HERE}:log-group:/aws/lambda/payroll", NOBODY),
    # Sessions on instances; a developer's end where production begins.
    Row("ssm:StartSession", INSTANCE, (OPERATOR, DBA), tagged=True, before_prod=(DEVELOPER,)),
    Row("ssm:StartSession", SHELL, (OPERATOR, DEVELOPER), everywhere=True),
    Row("ssm:StartSession", TUNNEL, (DBA,), everywhere=True),
    Row("ssm:StartSession", f"arn:aws:ssm:{HERE}:document/AWS-RunShellScript", NOBODY),
    Row("ssm:SendCommand", INSTANCE, NOBODY, tagged=True),
    *(
        Row(action, f"arn:aws:ssm:{HERE}:session/{whose}", may, everywhere=True)
        for action in ("ssm:ResumeSession", "ssm:TerminateSession")
        for whose, may in (("AROAEXAMPLE:anna-0a1b", ON_LOGS), ("AROAEXAMPLE:bert-0a1b", NOBODY))
    ),
    # The Systems Manager user guide names the session, the simulator's reference knows no resource of it yet.
    Row(
        "ssmmessages:OpenDataChannel",
        f"arn:aws:ssm:{HERE}:session/AROAEXAMPLE:anna-0a1b",
        ON_LOGS,
        everywhere=True,
        simulated=False,
    ),
    # What puts things right.
    Row("ec2:RebootInstances", INSTANCE, (OPERATOR,), tagged=True),
    Row("ec2:TerminateInstances", INSTANCE, NOBODY, tagged=True),
    Row("autoscaling:SetInstanceHealth", GROUP, (OPERATOR,), tagged=True),
    Row("autoscaling:TerminateInstanceInAutoScalingGroup", GROUP, (OPERATOR,), tagged=True),
    Row("autoscaling:UpdateAutoScalingGroup", GROUP, NOBODY, tagged=True),
    Row("cloudwatch:DisableAlarmActions", f"arn:aws:cloudwatch:{HERE}:alarm:a", (OPERATOR,), tagged=True),
    Row("cloudwatch:EnableAlarmActions", f"arn:aws:cloudwatch:{HERE}:alarm:a", (OPERATOR,), tagged=True),
    Row("cloudwatch:DeleteAlarms", f"arn:aws:cloudwatch:{HERE}:alarm:a", NOBODY, tagged=True),
    Row("rds:FailoverDBCluster", CLUSTER, (OPERATOR, DBA), tagged=True),
    Row("rds:RebootDBInstance", DATABASE, (OPERATOR, DBA), tagged=True),
    Row("rds:ModifyDBCluster", CLUSTER, NOBODY, tagged=True),
    Row("rds:DeleteDBCluster", CLUSTER, NOBODY, tagged=True),
    # The database itself.
    Row("secretsmanager:GetSecretValue", SECRET, (DBA,), tagged=True),
    Row("secretsmanager:DescribeSecret", SECRET, (DBA, AUDITOR), tagged=True),
    Row("secretsmanager:PutSecretValue", SECRET, (DBA,), tagged=True),
    Row("secretsmanager:DeleteSecret", SECRET, NOBODY, tagged=True),
    Row("secretsmanager:PutSecretValue", OWN_SECRET, (OPERATOR,), tagged=True),
    Row("secretsmanager:DescribeSecret", OWN_SECRET, (OPERATOR, AUDITOR), tagged=True),
    Row("secretsmanager:GetSecretValue", OWN_SECRET, NOBODY, tagged=True),
    Row("kms:Decrypt", KEY, (OPERATOR, DBA), tagged=True, keys=VIA_SECRETS),
    Row("kms:GenerateDataKey", KEY, (OPERATOR, DBA), tagged=True, keys=VIA_SECRETS),
    Row("kms:GenerateDataKey", KEY, NOBODY, tagged=True),
    Row("kms:Decrypt", KEY, NOBODY, tagged=True),
    Row("kms:ScheduleKeyDeletion", KEY, NOBODY, tagged=True),
    Row("rds:CreateDBClusterSnapshot", CLUSTER, (DBA,), tagged=True),
    Row("rds:DescribeDBClusterSnapshots", f"arn:aws:rds:{HERE}:cluster-snapshot:a", (DBA,), tagged=True),
    Row("rds:DownloadDBLogFilePortion", DATABASE, (DBA,), tagged=True),
    # How it is set up, without what is in it.
    Row(
        "iam:GetRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{{prefix}}-app-Instances", (AUDITOR,), tagged=True
    ),
    Row("kms:GetKeyPolicy", KEY, (AUDITOR,), tagged=True),
    Row("s3:GetBucketPolicy", UPLOADS, (AUDITOR,)),
    Row("s3:GetObject", f"{UPLOADS}/photo.jpg", NOBODY),
    Row("s3:DeleteObject", f"{UPLOADS}/photo.jpg", NOBODY),
    Row("wafv2:GetWebACL", f"arn:aws:wafv2:{HERE}:regional/webacl/{{prefix}}/0a1b", (AUDITOR,), tagged=True),
    Row("acm:DescribeCertificate", f"arn:aws:acm:{HERE}:certificate/0a1b", (AUDITOR,), tagged=True),
    # Nobody makes themselves or others stronger, and nobody moves a tag.
    Row("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/{{prefix}}-aws-operator", NOBODY, tagged=True),
    Row("iam:TagRole", f"arn:aws:iam::{ACCOUNT}:role/{{prefix}}-aws-operator", NOBODY, tagged=True),
    Row("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/{{prefix}}-app-Instances", NOBODY),
    Row("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/people/anna", NOBODY),
    Row("ec2:CreateTags", INSTANCE, NOBODY, tagged=True),
    Row("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/SwitchyardDeployer", NOBODY),
    Row("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{HERE}:trail/switchyard", NOBODY),
)
