"""Notifications: push (End User Messaging), e-mail (SES), and the table of the devices that take them.

Why not Pinpoint's endpoints, segments and campaigns: docs/decisions/0219-messages-without-pinpoints-campaigns.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_pinpoint as pinpoint
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from blueprint_cdk.constructs.global_table import TableReplica, global_table
from blueprint_cdk.constructs.keys import secret_kept

CHANNELS = {"apns": "APNs", "apns-sandbox": "APNs, sandbox", "fcm": "Firebase Cloud Messaging"}
"""Push channels, and whose they are."""

_CREDENTIALS = {
    "apns": "Apple's key: bundle_id, team_id, token_key_id, token_key",
    "fcm": "Google's service account: the JSON file as it was downloaded",
}
"""The secrets of the channels, and what is in them; APNs' sandbox takes Apple's key too."""


class PushCredentials(Construct):
    """Secrets for what Apple and Google give the team: empty until a person puts it there.

    They are here whether a channel is on or not: turning one off must not lose what was put. Each has a replica where
    the standby is, of the same name, sealed as the database's; what is put here later follows by itself.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        names: Mapping[str, str],
        key: kms.IKey,
        replica_region: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        for name, description in _CREDENTIALS.items():
            secret_kept(
                self,
                name.title(),
                name=names[name],
                description=description,
                key=key,
                replica_region=replica_region,
            )


class Push(Construct):
    """The push application, and the channels whose credentials are there (by dynamic references: no template, no
    parameter and no event holds them). `secrets` are the names of their secrets, in the stack's region.
    """

    def __init__(
        self, scope: Construct, id: str, *, name: str, channels: tuple[str, ...], secrets: Mapping[str, str]
    ) -> None:
        super().__init__(scope, id)
        self.application = _living(pinpoint.CfnApp(self, "Application", name=name))
        apple = secrets["apns"]
        by_apple: dict[str, Any] = {
            "application_id": self.application.ref,
            "enabled": True,
            "default_authentication_method": "TOKEN",
            "bundle_id": _from(apple, "bundle_id"),
            "team_id": _from(apple, "team_id"),
            "token_key_id": _from(apple, "token_key_id"),
            "token_key": _from(apple, "token_key"),
        }
        if "apns" in channels:
            _living(pinpoint.CfnAPNSChannel(self, "Apns", **by_apple))
        if "apns-sandbox" in channels:
            _living(pinpoint.CfnAPNSSandboxChannel(self, "ApnsSandbox", **by_apple))
        if "fcm" in channels:
            _living(
                pinpoint.CfnGCMChannel(
                    self,
                    "Fcm",
                    application_id=self.application.ref,
                    enabled=True,
                    default_authentication_method="TOKEN",
                    service_json=_from(secrets["fcm"]),
                )
            )


class Mail(Construct):
    """SES for the environment's own domain: signed by DKIM, bounces below it, nothing without TLS, and counted.

    A domain that only this environment sends for, so that none of its mistakes spoils another's reputation. With a
    standby it sends from both regions, each with keys of its own. `bounces` is where messages that cannot be delivered
    come back to, a domain that names one region only. `policy`: whether the domain's DMARC record is made here; there
    can be but one.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        domain: str,
        bounces: str,
        zone_id: str,
        policy: bool,
    ) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.domain = domain
        self.configuration = ses.CfnConfigurationSet(
            self,
            "Configuration",
            name=name,
            delivery_options=ses.CfnConfigurationSet.DeliveryOptionsProperty(tls_policy="REQUIRE"),
            reputation_options=ses.CfnConfigurationSet.ReputationOptionsProperty(
                reputation_metrics_enabled=True
            ),
            sending_options=ses.CfnConfigurationSet.SendingOptionsProperty(sending_enabled=True),
            suppression_options=ses.CfnConfigurationSet.SuppressionOptionsProperty(
                suppressed_reasons=["BOUNCE", "COMPLAINT"]
            ),
        )
        ses.CfnConfigurationSetEventDestination(
            self,
            "Counts",
            configuration_set_name=self.configuration.ref,
            event_destination=ses.CfnConfigurationSetEventDestination.EventDestinationProperty(
                name="counts",
                enabled=True,
                matching_event_types=["SEND", "DELIVERY", "BOUNCE", "COMPLAINT", "REJECT"],
                cloud_watch_destination=ses.CfnConfigurationSetEventDestination.CloudWatchDestinationProperty(
                    dimension_configurations=[
                        ses.CfnConfigurationSetEventDestination.DimensionConfigurationProperty(
                            dimension_name="environment",
                            dimension_value_source="messageTag",
                            default_dimension_value=name,
                        )
                    ]
                ),
            ),
        )
        self.identity = ses.CfnEmailIdentity(
            self,
            "Identity",
            email_identity=domain,
            configuration_set_attributes=ses.CfnEmailIdentity.ConfigurationSetAttributesProperty(
                configuration_set_name=self.configuration.ref
            ),
            dkim_attributes=ses.CfnEmailIdentity.DkimAttributesProperty(signing_enabled=True),
            dkim_signing_attributes=ses.CfnEmailIdentity.DkimSigningAttributesProperty(
                next_signing_key_length="RSA_2048_BIT"
            ),
            # Until its records are seen a message is refused: one with Amazon's own domain would not be DMARC's.
            mail_from_attributes=ses.CfnEmailIdentity.MailFromAttributesProperty(
                mail_from_domain=bounces, behavior_on_mx_failure="REJECT_MESSAGE"
            ),
        )
        records = [
            (
                "Dkim1",
                self.identity.attr_dkim_dns_token_name1,
                "CNAME",
                self.identity.attr_dkim_dns_token_value1,
            ),
            (
                "Dkim2",
                self.identity.attr_dkim_dns_token_name2,
                "CNAME",
                self.identity.attr_dkim_dns_token_value2,
            ),
            (
                "Dkim3",
                self.identity.attr_dkim_dns_token_name3,
                "CNAME",
                self.identity.attr_dkim_dns_token_value3,
            ),
            ("Bounces", bounces, "MX", f"10 feedback-smtp.{stack.region}.amazonses.com"),
            ("Senders", bounces, "TXT", '"v=spf1 include:amazonses.com -all"'),
        ]
        if policy:
            records.append(("Policy", f"_dmarc.{domain}", "TXT", '"v=DMARC1; p=reject; adkim=s"'))
        for id_, record, kind, value in records:
            route53.CfnRecordSet(
                self,
                id_,
                hosted_zone_id=zone_id,
                name=record,
                type=kind,
                ttl="1800",
                resource_records=[value],
            )


class Devices(Construct):
    """Device tokens by user, in both regions where there is a standby.

    An item: user_sub, token, channel (APNS, APNS_SANDBOX, GCM), seen_at (ISO 8601), expires_at (epoch seconds: an
    application that was not opened for half a year has most likely gone).
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        key: kms.IKey,
        protected: bool,
        tags: Mapping[str, str],
        replica: TableReplica | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.table = global_table(
            self,
            "Table",
            name=name,
            partition="user_sub",
            sort="token",
            ttl="expires_at",
            key_arn=key.key_arn,
            deletion_protection=protected,
            tags=tags,
            replica=replica,
        )


class Orders(Construct):
    """The queue of what is to be sent to whom, which the application works off; and what it could not, five times."""

    def __init__(self, scope: Construct, id: str, *, name: str, key: kms.IKey) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        failed = sqs.Queue(
            self,
            "Failed",
            queue_name=f"{name}-failed",
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(4),
            receive_message_wait_time=cdk.Duration.seconds(20),
            # An order is put off while it is worked at: this is only how long a dead worker's order lies.
            visibility_timeout=cdk.Duration.minutes(2),
            dead_letter_queue=sqs.DeadLetterQueue(max_receive_count=5, queue=failed),
        )
        self.url = f"https://sqs.{stack.region}.{stack.url_suffix}/{stack.account}/{name}"


Resource = TypeVar("Resource", bound=cdk.CfnResource)


def _living(resource: Resource) -> Resource:
    """The resource, with cfn-lint told that it lives: of Pinpoint the push API goes on (decision 0219)."""
    resource.add_metadata("cfn-lint", {"config": {"ignore_checks": ["W3696"]}})
    return resource


def _from(secret: str, member: str = "") -> str:
    reference = f"{secret}:SecretString:{member}" if member else f"{secret}:SecretString"
    return f"{{{{resolve:secretsmanager:{reference}}}}}"
