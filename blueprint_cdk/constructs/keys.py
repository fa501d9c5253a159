"""Encryption keys and the database's secret."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

DATABASE_USER = "swadmin"
"""The same in every environment: a restored or cloned cluster keeps the user it was made with."""


ALARM_PUBLISHERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com", "events.rds.amazonaws.com")
"""Services that put messages into the topic of alarms, and encrypt them."""


def logs_may_use(key: kms.Key, groups: Iterable[str], *, sid: str | None = None) -> None:
    """Lets CloudWatch Logs seal these log groups, whose names may end in a wildcard, with the key.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    stack = cdk.Stack.of(key)
    key.add_to_resource_policy(
        iam.PolicyStatement(
            sid=sid,
            principals=[iam.ServicePrincipal(f"logs.{stack.region}.amazonaws.com")],
            actions=[
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:DescribeKey",
            ],
            resources=["*"],
            conditions={
                "ArnLike": {
                    "kms:EncryptionContext:aws:logs:arn": [log_group_arn(stack, group) for group in groups]
                }
            },
        )
    )


def log_group_arn(scope: Construct, group: str) -> str:
    """The ARN of a log group of that name, as policies have it: without the ":*" at the end of a group's attribute."""
    stack = cdk.Stack.of(scope)
    return f"arn:{stack.partition}:logs:{stack.region}:{stack.account}:log-group:{group}"


class DataKey(Construct):
    """The multi-Region key of all that an environment keeps: database, secret, uploads.

    Multi-Region cannot be turned on later, so it is from the start. Retained: a snapshot that is kept after the
    environment is gone is worth nothing without it; the portal's teardown schedules its deletion when none is.
    """

    def __init__(self, scope: Construct, id: str, *, alias: str) -> None:
        super().__init__(scope, id)
        self.key = kms.Key(
            self,
            "Key",
            description="Data of a Switchyard environment",
            multi_region=True,
            enable_key_rotation=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        kms.CfnAlias(self, "Alias", alias_name=f"alias/{alias}-data", target_key_id=self.key.key_arn)


class DataKeyReplica(Construct):
    """The data key in another region: the same material, so that what is sealed in one region opens in both.

    Goes with the standby, 7 days after its stack: what it sealed opens with the primary, of which another replica can
    be made. A primary waits for its replicas before it is deleted.
    """

    def __init__(self, scope: Construct, id: str, *, alias: str, primary_key_arn: str) -> None:
        super().__init__(scope, id)
        replica = kms.CfnReplicaKey(
            self,
            "Key",
            description="Data of a Switchyard environment, replica",
            primary_key_arn=primary_key_arn,
            pending_window_in_days=7,
            # A replica has a policy of its own: as CDK writes the primary's, the account's policies decide.
            key_policy=iam.PolicyDocument(
                statements=[
                    iam.PolicyStatement(
                        principals=[iam.AccountRootPrincipal()], actions=["kms:*"], resources=["*"]
                    )
                ]
            ),
        )
        replica.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        kms.CfnAlias(self, "Alias", alias_name=f"alias/{alias}-data", target_key_id=replica.attr_arn)
        self.key = kms.Key.from_key_arn(self, "Imported", replica.attr_arn)


class LogsKey(Construct):
    """The key of an environment's log groups and of the topic of its alarms. It goes with them (7 days after the
    stack).
    """

    def __init__(self, scope: Construct, id: str, *, alias: str, log_groups: list[str]) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        self.key = kms.Key(
            self,
            "Key",
            description="Logs of a Switchyard environment",
            enable_key_rotation=True,
            pending_window=cdk.Duration.days(7),
            removal_policy=cdk.RemovalPolicy.DESTROY,
        )
        logs_may_use(self.key, log_groups)
        # https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html: services that put messages into the topic.
        self.key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(name) for name in ALARM_PUBLISHERS],
                actions=["kms:Decrypt", "kms:GenerateDataKey*"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": stack.account}},
            )
        )
        kms.CfnAlias(self, "Alias", alias_name=f"alias/{alias}-logs", target_key_id=self.key.key_arn)


class DatabaseSecret(Construct):
    """User and generated password of the database. Our own: RDS's managed one cannot join a global database.

    A replica is sealed with its region's key of Secrets Manager, which is there before anything of ours is
    (docs/decisions/0211-second-region.md).
    """

    def __init__(
        self, scope: Construct, id: str, *, name: str, key: kms.IKey, replica_region: str | None = None
    ) -> None:
        super().__init__(scope, id)
        self.secret = secret_kept(
            self,
            "Secret",
            name=name,
            description="User and password of the environment's database",
            key=key,
            replica_region=replica_region,
            generated=secretsmanager.CfnSecret.GenerateSecretStringProperty(
                secret_string_template=json.dumps({"username": DATABASE_USER}),
                generate_string_key="password",
                password_length=32,
                # Neither MySQL's clients nor a URL nor a shell must have to quote it.
                exclude_punctuation=True,
            ),
        )
        self.arn = self.secret.ref


class ApplicationSecrets(Construct):
    """The application's own secrets, each without a value: whoever runs the environment sets it, and no template, event
    or portal ever has it. Until then a secret has no version, by which one that is not set is told.

    Each has a replica where the standby is, sealed as the database's. They are found by name: an export would keep a
    secret that is no longer named from going before the application has let go of it.
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
        for secret, name in names.items():
            secret_kept(
                self,
                secret,
                name=name,
                description="Secret of the application; set by hand",
                key=key,
                replica_region=replica_region,
            )


def secret_kept(
    scope: Construct,
    id: str,
    *,
    name: str,
    description: str,
    key: kms.IKey,
    replica_region: str | None,
    generated: secretsmanager.CfnSecret.GenerateSecretStringProperty | None = None,
) -> secretsmanager.CfnSecret:
    """A secret that is not lost when it is replaced; without `generated` it has no value until a person puts one.

    Its replica in `replica_region`, if any, is sealed with that region's key of Secrets Manager.
    """
    secret = secretsmanager.CfnSecret(
        scope,
        id,
        name=name,
        description=description,
        kms_key_id=key.key_arn,
        generate_secret_string=generated,
        replica_regions=[secretsmanager.CfnSecret.ReplicaRegionProperty(region=replica_region)]
        if replica_region
        else None,
    )
    secret.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)
    secret.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
    return secret
