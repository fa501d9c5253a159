"""Where CloudFormation may do what it needs for push messages, e-mail, and the tokens of devices."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import SERVICE_LINKED, arn, linked_to

MESSAGING: tuple[Scope, ...] = (
    # Applications have generated ids, and are found by no name.
    Scope(
        "Push",
        "mobiletargeting",
        "*App *Channel UpdateApplicationSettings *Resource",
        [arn("mobiletargeting", "apps/*"), arn("mobiletargeting", "apps")],
    ),
    Scope(
        "Mail",
        "ses",
        "*ConfigurationSet *ConfigurationSetEventDestination *ConfigurationSetEventDestinations "
        "PutConfigurationSet* *Resource",
        arn("ses", "configuration-set/sy-*"),
    ),
    # An identity is called by the environment's domain.
    Scope(
        "MailDomains",
        "ses",
        "*EmailIdentity PutEmailIdentity* *Resource",
        arn("ses", "identity/*"),
    ),
    # A further replica is filled with the rights of who adds it, items and all.
    Scope(
        "Devices",
        "dynamodb",
        "CreateTable UpdateTable DeleteTable Describe* UpdateTimeToLive UpdateContinuousBackups *Resource "
        "ListTagsOfResource GetResourcePolicy CreateTableReplica DeleteTableReplica *Item Query Scan",
        arn("dynamodb", "table/sy-*"),
    ),
    Scope(
        "DevicesReplication",
        "iam",
        "CreateServiceLinkedRole",
        SERVICE_LINKED,
        linked_to("replication.dynamodb"),
    ),
    Scope("Orders", "sqs", "*Queue *QueueAttributes *QueueTags GetQueueUrl", arn("sqs", "sy-*")),
)
