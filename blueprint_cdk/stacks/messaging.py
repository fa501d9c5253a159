"""Messaging: push, e-mail, the table of devices, and the queue of what is to be sent; and with a standby, the same in
the other region, where table and credentials are replicas. With the module `notifications`.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from blueprint_cdk.constructs.messaging import Devices, Mail, Orders, Push, PushCredentials
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER, WITHOUT_PUSH, PlaceName
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack


class _Messaging(EnvironmentStack):
    """What each region has of its own: push application, e-mail and queue."""

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        keys: KeysStack | OtherKeysStack,
        place: PlaceName,
    ) -> None:
        super().__init__(scope, "messaging", spec, facts, protected=place == HOME, place=place)
        self.secrets = {name: spec.named(f"push-{name}-secret") for name in ("apns", "fcm")}
        self.push = None
        if self.region not in WITHOUT_PUSH:
            name = spec.named("push-application")
            self.push = Push(self, "Push", name=name, channels=spec.push, secrets=self.secrets)
            self.output(
                "PushApplicationId", self.push.application.ref, "Push application of End User Messaging"
            )
        Mail(
            self,
            "Mail",
            name=spec.named("mail"),
            domain=spec.domain,
            bounces=self.named("bounces"),
            zone_id=spec.zone_id,
            policy=place == HOME,
        )
        orders = Orders(self, "Orders", name=spec.named("orders-queue"), key=keys.data_key)
        self.orders_url = orders.url
        self.output("OrdersQueue", orders.url, "Queue of what is to be sent")

    @property
    def push_application(self) -> str | None:
        """Its id; None where End User Messaging has no push."""
        return self.push.application.ref if self.push else None


class MessagingStack(_Messaging):
    """`tags` are those of all the environment's resources: a global table's replicas take them one by one."""

    def __init__(
        self, scope: Construct, spec: Spec, facts: RegionFacts, *, keys: KeysStack, tags: Mapping[str, str]
    ) -> None:
        super().__init__(scope, spec, facts, keys=keys, place=HOME)
        key = keys.data_key
        PushCredentials(
            self,
            "Credentials",
            names=self.secrets,
            key=key,
            replica_region=spec.standby_region,
        )
        Devices(
            self,
            "Devices",
            name=spec.named("devices-table"),
            key=key,
            protected=spec.deletion_protection,
            tags=tags,
            replica=self.table_replica(key.key_arn),
        )
        self.output("DevicesTable", spec.named("devices-table"), "Table of device tokens")
        self.output("MailDomain", spec.domain, "Domain that e-mail is sent from")


class OtherMessagingStack(_Messaging):
    """In the other region: the table of devices and the credentials are replicas, which home's stack makes."""

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts, *, keys: OtherKeysStack) -> None:
        super().__init__(scope, spec, facts, keys=keys, place=OTHER)
