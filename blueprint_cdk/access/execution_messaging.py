"""Where CloudFormation may do what it needs for push messages, e-mail, and the tokens of devices."""

from __future__ import annotations

from blueprint_cdk.access.scopes import Scope
from blueprint_cdk.access.statements import arn

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
    Scope("MailLook", "ses", "DescribeConfigurationSet"),
    # An identity is called by the environment's domain.
    Scope(
        "MailDomains",
        "ses",
        "*EmailIdentity PutEmailIdentity* *Resource",
        arn("ses", "identity/*"),
    ),
    Scope("Orders", "sqs", "*Queue *QueueAttributes *QueueTags GetQueueUrl", arn("sqs", "sy-*")),
)
