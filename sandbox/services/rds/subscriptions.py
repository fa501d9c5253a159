"""Event subscriptions: events of clusters and instances as messages to a topic.

Source: Aurora user guide, "Working with Amazon RDS event notification"; RDS API reference, CreateEventSubscription (the
topic must be there). A message is what DescribeEvents tells, in the envelope of SNS.
"""

from __future__ import annotations

import json
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services import sns
from sandbox.services.rds import events
from sandbox.services.rds.common import page
from sandbox.store import Record
from sandbox.world import World

SUBSCRIPTION = "AWS::RDS::EventSubscription"
SERVICE = "events.rds.amazonaws.com"


@resource_type(SUBSCRIPTION)
class EventSubscription(SchemaType):
    """A subscription, by its name."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("rds", f"es:{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        arn = properties["SnsTopicArn"]
        if ctx.store.get(ctx.account, ctx.region, sns.TOPIC, arn) is None:
            raise AwsError("SNSTopicArnNotFound", f"The SNS topic ARN {arn} does not exist.", 404)


@operation("rds", "DescribeEventSubscriptions")
def describe_event_subscriptions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    records = ctx.store.list(ctx.account, ctx.region, SUBSCRIPTION)
    name = params.get("SubscriptionName")
    found = [r for r in records if name in (None, r.id)]
    if name and not found:
        raise AwsError("SubscriptionNotFound", f"Subscription {name} not found.", 404)
    return page(found, params, "EventSubscriptionsList", _shape)


def _shape(record: Record) -> dict[str, Any]:
    given = record.properties
    return {
        "CustomerAwsId": record.account,
        "CustSubscriptionId": record.id,
        "SnsTopicArn": given["SnsTopicArn"],
        "Status": "active",
        "SourceType": given.get("SourceType"),
        "SourceIdsList": given.get("SourceIds") or [],
        "EventCategoriesList": given.get("EventCategories") or [],
        "Enabled": given.get("Enabled", True),
        "EventSubscriptionArn": record.arn,
    }


def tell(world: World, account: str, region: str, event: dict[str, Any]) -> None:
    """An event has happened: whoever subscribed to its source and category is told."""
    for record in world.store.list(account, region, SUBSCRIPTION):
        given = record.properties
        if not given.get("Enabled", True) or given.get("SourceType") not in (None, event["SourceType"]):
            continue
        if given.get("SourceIds") and event["SourceIdentifier"] not in given["SourceIds"]:
            continue
        wanted = given.get("EventCategories")
        if wanted and not set(wanted) & set(event["EventCategories"]):
            continue
        message = {
            "Event Source": event["SourceType"],
            "Source ID": event["SourceIdentifier"],
            "Source ARN": event["SourceArn"],
            "Event Message": event["Message"],
        }
        subject = "RDS Notification Message"
        topic = str(given["SnsTopicArn"])
        sns.put(world.context(account, region), topic, subject, json.dumps(message), SERVICE, record.arn)


events.ON_EVENT.append(tell)
