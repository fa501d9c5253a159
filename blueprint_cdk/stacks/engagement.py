"""What the application is told of the modules `analytics` and `notifications`, and what it may do with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from aws_cdk import aws_iam as iam

from blueprint_cdk.constructs.engagement_rights import analytics_rights, messaging_rights
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.analytics import AnalyticsStack, database_name
from blueprint_cdk.stacks.messaging import MessagingStack, OtherMessagingStack


@dataclass
class Engagement:
    """Environment variables, statements for the instances' role, and services by which it uses the data key."""

    variables: dict[str, str] = field(default_factory=dict)
    statements: list[iam.PolicyStatement] = field(default_factory=list)
    key_services: list[str] = field(default_factory=list)


def engagement(
    stack: EnvironmentStack,
    spec: Spec,
    analytics: AnalyticsStack | None,
    messaging: MessagingStack | OtherMessagingStack | None,
) -> Engagement:
    """For the application in `stack`, with the stacks of its region; a module that is off adds nothing."""
    found = Engagement()
    if analytics is not None:
        stack.add_stack_dependency(analytics)
        found.variables |= {
            "EVENTS_STREAM": spec.named("events-stream"),
            "ATHENA_WORKGROUP": spec.named("workgroup"),
        }
        found.statements += analytics_rights(
            stack,
            stream=spec.named("events-stream"),
            workgroup=spec.named("workgroup"),
            database=database_name(spec),
            events=stack.named("events-bucket"),
            results=stack.named("results-bucket"),
        )
    if messaging is not None:
        stack.add_stack_dependency(messaging)
        application = messaging.push_application
        found.variables |= {
            "DEVICES_TABLE": spec.named("devices-table"),
            "ORDERS_QUEUE": messaging.orders_url,
            **({"PUSH_APPLICATION_ID": application} if application else {}),
            "MAIL_DOMAIN": spec.domain,
            "MAIL_CONFIGURATION_SET": spec.named("mail"),
        }
        found.statements += messaging_rights(
            stack,
            application=application,
            domain=spec.domain,
            configuration_set=spec.named("mail"),
            table=spec.named("devices-table"),
            queue=spec.named("orders-queue"),
        )
        found.key_services += ["dynamodb", "sqs"]
    return found
