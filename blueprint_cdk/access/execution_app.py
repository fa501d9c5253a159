"""Where CloudFormation may do what the app stack needs: load balancer, firewall, certificate, Beanstalk."""

from __future__ import annotations

from blueprint_cdk.access.portal import ZONES
from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import arn, bucket

BEANSTALK_BUCKET = "elasticbeanstalk-*-${AWS::AccountId}"

EDGE = (
    Scope(
        "LoadBalancers",
        "elasticloadbalancing",
        "Create* Delete* Modify* Set* *Targets AddTags RemoveTags *ListenerCertificates GetLoadBalancerWebACL",
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
    Scope("LoadBalancersAnywhere", "elasticloadbalancing", "Describe* SetWebAcl"),
    Scope(
        "WebFirewall",
        "wafv2",
        "*WebACL *WebACLForResource *LoggingConfiguration *Resource",
        [
            arn("wafv2", "regional/webacl/sy-*"),
            arn("wafv2", "regional/managedruleset/*", account="*"),
            arn("elasticloadbalancing", "loadbalancer/app/sy-*"),
            arn("cognito-idp", "userpool/*"),
            arn("appsync", "apis/*"),
        ],
    ),
    Scope("Certificates", "acm", "*Certificate UpdateCertificateOptions", arn("acm", "certificate/*")),
    Scope("CertificatesMake", "acm", "RequestCertificate"),
    Scope("Records", "route53", "ChangeResourceRecordSets ListResourceRecordSets GetHostedZone", ZONES),
    Scope("RecordsWait", "route53", "GetChange ListHostedZones"),
)

APP = (
    Scope(
        "Beanstalk",
        "elasticbeanstalk",
        "Create* Delete* Update* TerminateEnvironment *Tags ListTagsForResource *EnvironmentOperationsRole",
        [
            arn("elasticbeanstalk", f"{kind}/sy-*")
            for kind in ("application", "applicationversion", "environment", "configurationtemplate")
        ],
    ),
    Scope("BeanstalkLook", "elasticbeanstalk", "Describe*"),
    Scope(
        "BeanstalkBucket",
        "s3",
        "CreateBucket GetBucketLocation GetBucketPolicy ListBucket GetObject GetObjectAcl GetObjectVersion PutObject "
        "PutObjectAcl DeleteObject PutBucketAcl PutBucketObjectLockConfiguration PutBucketPolicy "
        "PutBucketOwnershipControls PutBucketPublicAccessBlock PutBucketVersioning",
        [bucket(BEANSTALK_BUCKET), bucket(f"{BEANSTALK_BUCKET}/*")],
    ),
    # AWS's own buckets, one a region: Beanstalk reads what it adds to an environment (its patches of instances) with
    # the rights of whoever makes or changes one (AWS managed policy AWSElasticBeanstalkRoleCore, S3Obj).
    Scope(
        "BeanstalkResources",
        "s3",
        "GetObject",
        [bucket("elasticbeanstalk-env-resources-*/*"), bucket("elasticbeanstalk-samples-*/*")],
    ),
    Scope("StackOutputs", "cloudformation", "DescribeStacks", arn("cloudformation", "stack/sy-*")),
    Scope("BeanstalkStacks", "cloudformation", "*", arn("cloudformation", "stack/awseb-*")),
    Scope(
        "BeanstalkGroups",
        "autoscaling",
        "*Instance *Instances *Group *Groups *Tags *Policy *Action *Processes *Capacity *Configuration *Refresh "
        "*Collection *Protection",
        arn("autoscaling", "autoScalingGroup:*:autoScalingGroupName/awseb-*"),
    ),
    Scope("BeanstalkGroupsLook", "autoscaling", "Describe*"),
    Scope(
        "BeanstalkInstances",
        "ec2",
        "RunInstances TerminateInstances *LaunchTemplate *LaunchTemplateVersion *LaunchTemplateVersions",
        [arn("ec2", "*"), arn("ec2", "image/*", account="")],
    ),
    Scope(
        "BeanstalkImages",
        "ssm",
        "GetParameter GetParameters",
        arn("ssm", "parameter/aws/service/*", account=""),
    ),
    Scope("BeanstalkAlarms", "cloudwatch", "PutMetricAlarm *Alarms", arn("cloudwatch", "alarm:awseb-*")),
)
