"""What CloudFormation's execution role may do for the app stack: load balancer, firewall, certificate, Beanstalk."""

from __future__ import annotations

from blueprint_cdk.access.statements import allow, arn, bucket

EDGE = [
    allow(
        "LoadBalancers",
        "elasticloadbalancing",
        "CreateLoadBalancer DeleteLoadBalancer ModifyLoadBalancerAttributes SetSecurityGroups SetSubnets "
        "SetIpAddressType SetWebACL CreateListener DeleteListener ModifyListener ModifyListenerAttributes CreateRule "
        "DeleteRule ModifyRule SetRulePriorities CreateTargetGroup DeleteTargetGroup ModifyTargetGroup "
        "ModifyTargetGroupAttributes RegisterTargets DeregisterTargets AddTags RemoveTags AddListenerCertificates "
        "RemoveListenerCertificates",
        [
            arn("elasticloadbalancing", resource)
            for resource in (
                "loadbalancer/app/sy-*",
                "listener/app/sy-*",
                "listener-rule/app/sy-*",
                "targetgroup/awseb-*",
                "targetgroup/sy-*",
            )
        ],
    ),
    allow("LoadBalancersLook", "elasticloadbalancing", "Describe*"),
    allow(
        "WebFirewall",
        "wafv2",
        "CreateWebACL DeleteWebACL UpdateWebACL GetWebACL AssociateWebACL DisassociateWebACL GetWebACLForResource "
        "PutLoggingConfiguration DeleteLoggingConfiguration GetLoggingConfiguration TagResource UntagResource "
        "ListTagsForResource",
        [
            arn("wafv2", "regional/webacl/sy-*"),
            arn("wafv2", "regional/managedruleset/*", account="*"),
            arn("elasticloadbalancing", "loadbalancer/app/sy-*"),
        ],
    ),
    allow(
        "WebFirewallLook",
        "wafv2",
        "ListWebACLs ListLoggingConfigurations ListResourcesForWebACL DescribeManagedRuleGroup",
    ),
    allow(
        "Certificates",
        "acm",
        "RequestCertificate DeleteCertificate DescribeCertificate AddTagsToCertificate RemoveTagsFromCertificate "
        "ListTagsForCertificate UpdateCertificateOptions",
        arn("acm", "certificate/*"),
    ),
    allow("CertificatesMake", "acm", "RequestCertificate ListCertificates"),
    allow(
        "Records",
        "route53",
        "ChangeResourceRecordSets ListResourceRecordSets GetHostedZone",
        {"Fn::Sub": "arn:${AWS::Partition}:route53:::hostedzone/*"},
    ),
    allow("RecordsWait", "route53", "GetChange ListHostedZones ListHostedZonesByName"),
]

BEANSTALK_BUCKET = "elasticbeanstalk-*-${AWS::AccountId}"

APP = [
    allow(
        "Beanstalk",
        "elasticbeanstalk",
        "CreateApplication DeleteApplication UpdateApplication CreateApplicationVersion DeleteApplicationVersion "
        "UpdateApplicationVersion CreateEnvironment UpdateEnvironment TerminateEnvironment RebuildEnvironment "
        "AddTags RemoveTags ListTagsForResource UpdateTagsForResource AssociateEnvironmentOperationsRole "
        "CreateConfigurationTemplate DeleteConfigurationTemplate UpdateApplicationResourceLifecycle",
        [
            arn("elasticbeanstalk", f"{kind}/sy-*")
            for kind in ("application", "applicationversion", "environment", "configurationtemplate")
        ],
    ),
    allow(
        "BeanstalkLook",
        "elasticbeanstalk",
        "Describe* ListPlatformVersions ListAvailableSolutionStacks CheckDNSAvailability ValidateConfigurationSettings "
        "CreateStorageLocation",
    ),
    allow(
        "BeanstalkBucket",
        "s3",
        "CreateBucket GetBucketLocation GetBucketPolicy ListBucket GetObject GetObjectAcl GetObjectVersion PutObject "
        "PutObjectAcl DeleteObject PutBucketPolicy PutBucketOwnershipControls PutBucketPublicAccessBlock "
        "PutBucketVersioning",
        [bucket(BEANSTALK_BUCKET), bucket(f"{BEANSTALK_BUCKET}/*"), bucket("elasticbeanstalk-samples-*/*")],
    ),
    # Beanstalk works through a stack of its own, with the permissions of whoever made the environment.
    allow("BeanstalkStacks", "cloudformation", "*", arn("cloudformation", "stack/awseb-*")),
    allow(
        "BeanstalkGroups",
        "autoscaling",
        "CreateAutoScalingGroup DeleteAutoScalingGroup UpdateAutoScalingGroup CreateOrUpdateTags DeleteTags "
        "PutScalingPolicy DeletePolicy PutScheduledUpdateGroupAction DeleteScheduledAction SuspendProcesses "
        "ResumeProcesses SetDesiredCapacity TerminateInstanceInAutoScalingGroup PutNotificationConfiguration "
        "DeleteNotificationConfiguration AttachLoadBalancerTargetGroups DetachLoadBalancerTargetGroups "
        "StartInstanceRefresh CancelInstanceRefresh EnableMetricsCollection SetInstanceProtection AttachInstances "
        "DetachInstances",
        arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/awseb-*"),
    ),
    allow("BeanstalkGroupsLook", "autoscaling", "Describe*"),
    allow(
        "BeanstalkInstances",
        "ec2",
        "RunInstances TerminateInstances CreateLaunchTemplate DeleteLaunchTemplate CreateLaunchTemplateVersion "
        "DeleteLaunchTemplateVersions ModifyLaunchTemplate",
        [arn("ec2", "*"), arn("ec2", "image/*", account="")],
    ),
    allow(
        "BeanstalkImages",
        "ssm",
        "GetParameter GetParameters",
        arn("ssm", "parameter/aws/service/*", account=""),
    ),
    allow(
        "BeanstalkAlarms",
        "cloudwatch",
        "PutMetricAlarm DeleteAlarms DescribeAlarms TagResource UntagResource ListTagsForResource",
        arn("cloudwatch", "alarm:awseb-*"),
    ),
]
