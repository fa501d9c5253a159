"""Needed though no call of the sandbox shows it and no handler documents it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Need:
    """Actions of one service, apart by spaces, that a role needs besides; the reason names where that is written."""

    role: str
    service: str
    actions: str
    reason: str

    def listed(self) -> list[str]:
        """The actions with their service."""
        return [f"{self.service}:{action}" for action in self.actions.split()]


_BEANSTALK = (
    "Beanstalk makes the environment by a stack awseb-* with the rights of whoever made the environment "
    "(AWS managed policy AdministratorAccess-AWSElasticBeanstalk, on awseb-* and for what the blueprint uses)"
)

BESIDE: tuple[Need, ...] = (
    Need(
        "deployer",
        "cloudformation",
        "TagResource",
        "stacks are created and changed with tags (Service Authorization Reference; mem: whether it is asked)",
    ),
    Need(
        "deployer",
        "ce",
        "UpdateCostAllocationTagsStatus",
        "billing sees a tag a day after a resource has it, which is later than a recorded flow ends (Billing user "
        "guide, Activating user-defined cost allocation tags)",
    ),
    Need(
        "execution",
        "cloudformation",
        "CancelUpdateStack ContinueUpdateRollback CreateStack DeleteStack Describe* GetTemplate ListStackResources "
        "SignalResource TagResource UntagResource UpdateStack",
        _BEANSTALK,
    ),
    Need(
        "execution",
        "cloudformation",
        "DescribeStacks",
        "the application's stack reads the proxy's addresses from outputs of the data stack (aws-cdk-lib 2.275, "
        "Fn.getStackOutput: with the role that the stack is made with)",
    ),
    Need(
        "execution",
        "autoscaling",
        "AttachInstances AttachLoadBalancerTargetGroups CancelInstanceRefresh CreateAutoScalingGroup "
        "CreateOrUpdateTags DeleteAutoScalingGroup DeleteNotificationConfiguration DeletePolicy "
        "DeleteScheduledAction DeleteTags Describe* DetachInstances DetachLoadBalancerTargetGroups "
        "EnableMetricsCollection PutNotificationConfiguration PutScalingPolicy PutScheduledUpdateGroupAction "
        "ResumeProcesses SetDesiredCapacity SetInstanceProtection StartInstanceRefresh SuspendProcesses "
        "TerminateInstanceInAutoScalingGroup UpdateAutoScalingGroup",
        _BEANSTALK,
    ),
    Need(
        "execution",
        "ec2",
        "CreateLaunchTemplate CreateLaunchTemplateVersion DeleteLaunchTemplate DeleteLaunchTemplateVersions "
        "Describe* ModifyLaunchTemplate RunInstances TerminateInstances",
        _BEANSTALK,
    ),
    Need(
        "execution",
        "elasticloadbalancing",
        "AddListenerCertificates CreateTargetGroup DeleteTargetGroup DeregisterTargets Describe* ModifyTargetGroup "
        "ModifyTargetGroupAttributes RegisterTargets RemoveListenerCertificates",
        _BEANSTALK,
    ),
    Need("execution", "elasticbeanstalk", "Describe*", _BEANSTALK),
    Need(
        "execution",
        "codebuild",
        "BatchGetProjects",
        "AWS::CodeBuild::Project has no handlers in the registry that would document them (CodeBuild API reference)",
    ),
    Need("execution", "s3", "GetObjectAcl", _BEANSTALK),
    Need(
        "execution",
        "ssm",
        "GetParameter GetParameters",
        "the platform's stack names its image by a public parameter (mem: Amazon Linux 2023 platforms)",
    ),
    Need(
        "execution",
        "ec2",
        "GetSecurityGroupsForVpc",
        "a load balancer is given security groups (AWS managed policy ElasticLoadBalancingFullAccess)",
    ),
    Need(
        "execution",
        "logs",
        "GetLogDelivery ListLogDeliveries UpdateLogDelivery",
        "flow and firewall logs go to log groups (CloudWatch Logs user guide, Logging that requires additional "
        "permissions [V1])",
    ),
    Need(
        "execution",
        "codeconnections",
        "PassConnection",
        "a pipeline's source names the connection (CodeConnections user guide, Permissions for passing a connection; "
        "the handler of AWS::CodePipeline::Pipeline documents it by the service's older name)",
    ),
    Need(
        "execution",
        "mobiletargeting",
        "GetApp GetApnsChannel UpdateApnsChannel DeleteApnsChannel GetApnsSandboxChannel UpdateApnsSandboxChannel "
        "DeleteApnsSandboxChannel GetGcmChannel ListTagsForResource TagResource UntagResource",
        "the handlers of AWS::Pinpoint::* read and tag what they make (mem: legacy types document no permissions)",
    ),
)
