"""Where CloudFormation may do what watches and works for an environment: topic, alarms, dashboard, budget, canary,
runner, readers that scale.
"""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import OWN_ROLES, arn, passed_to

OPERATIONS = (
    Scope(
        "AlarmTopics",
        "sns",
        "CreateTopic DeleteTopic *TopicAttributes Subscribe ListSubscriptionsByTopic "
        "GetDataProtectionPolicy *Resource",
        arn("sns", "sy-*"),
    ),
    Scope("AlarmTopicsLeave", "sns", "Unsubscribe"),
    Scope("Alarms", "cloudwatch", "*Alarm *Alarms *Resource", arn("cloudwatch", "alarm:sy-*")),
    Scope(
        "Dashboards",
        "cloudwatch",
        "*Dashboard *Dashboards *Resource",
        arn("cloudwatch", "dashboard/sy-*", region=""),
    ),
    Scope(
        "LogMetrics",
        "logs",
        "*MetricFilter *MetricFilters",
        arn("logs", "log-group:/aws/rds/cluster/sy-*"),
    ),
    Scope(
        "Canaries",
        "synthetics",
        "*Canary *CanaryDryRun *CanaryRuns *Resource",
        arn("synthetics", "canary:sy-*"),
    ),
    Scope("CanariesAnywhere", "synthetics", "CreateCanary DescribeCanaries"),
    Scope("CanaryBuckets", "s3", "ListAllMyBuckets"),
    # Synthetics makes a function and a layer for each canary with the rights of who asks.
    Scope(
        "CanaryFunctions",
        "lambda",
        "AddPermission *Function PublishVersion *FunctionCode *FunctionConfiguration *LayerVersion ListTags *Resource",
        [arn("lambda", "function:cwsyn-sy-*"), arn("lambda", "layer:cwsyn-sy-*")],
    ),
    # Synthetics' own library is a layer of an account of AWS.
    Scope("CanaryLibrary", "lambda", "GetLayerVersion*"),
    Scope("CanaryRole", "iam", "PassRole", OWN_ROLES, passed_to("lambda")),
    Scope("Budgets", "budgets", "*", arn("budgets", "budget/*", region="")),
    Scope("BudgetsView", "billing", "GetBillingViewData", arn("billing", "billingview/*", region="")),
    Scope("Runner", "codebuild", "*Project *Projects", arn("codebuild", "project/sy-*")),
    Scope(
        "ReaderScaling",
        "application-autoscaling",
        "*",
        arn("application-autoscaling", "scalable-target/*"),
    ),
    Scope("ReaderScalingLook", "application-autoscaling", "Describe*"),
    Scope(
        "DatabaseEvents",
        "rds",
        "*EventSubscription *EventSubscriptions *SourceIdentifier*",
        [arn("rds", "es:*"), arn("rds", "cluster:sy-*")],
    ),
)
