"""Messaging: push, e-mail, the table of devices, and the queue of what is to be sent."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from blueprint_cdk.constructs.messaging import Devices, Mail, Orders, Push, PushCredentials
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack


class MessagingStack(EnvironmentStack):
    """`tags` are those of all the environment's resources: a global table's replicas take them one by one."""

    def __init__(
        self, scope: Construct, spec: Spec, facts: RegionFacts, *, keys: KeysStack, tags: Mapping[str, str]
    ) -> None:
        super().__init__(scope, "messaging", spec, facts, protected=True)
        key = keys.data_key
        credentials = PushCredentials(
            self,
            "Credentials",
            names={name: spec.named(f"push-{name}-secret") for name in ("apns", "fcm")},
            key=key,
        )
        push = Push(
            self, "Push", name=spec.named("push-application"), channels=spec.push, credentials=credentials
        )
        Mail(self, "Mail", name=spec.named("mail"), domain=spec.domain, zone_id=spec.zone_id)
        Devices(
            self,
            "Devices",
            name=spec.named("devices-table"),
            key=key,
            protected=spec.deletion_protection,
            tags=tags,
            replica=self.table_replica(key.key_arn),
        )
        orders = Orders(self, "Orders", name=spec.named("orders-queue"), key=key)
        self.push_application = push.application
        self.orders_url = orders.url
        self.output("PushApplicationId", push.application.ref, "Push application of End User Messaging")
        self.output("DevicesTable", spec.named("devices-table"), "Table of device tokens")
        self.output("OrdersQueue", orders.url, "Queue of what is to be sent")
        self.output("MailDomain", spec.domain, "Domain that e-mail is sent from")
