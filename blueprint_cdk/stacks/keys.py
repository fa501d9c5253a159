"""Keys: the multi-Region data key and the database's secret, and their replicas in the other region."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from constructs import Construct

from blueprint_cdk.constructs.keys import ApplicationSecrets, DatabaseSecret, DataKey, DataKeyReplica
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import OTHER
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack


class KeysStack(EnvironmentStack):
    """`data_key` and `secret_arn` are what the stacks of the home region use."""

    data_key: kms.IKey
    secret_arn: str

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "keys", spec, facts, protected=True)
        self.data_key = DataKey(self, "Data", alias=spec.named("prefix")).key
        self.secret_arn = DatabaseSecret(
            self,
            "Database",
            name=spec.named("db-secret"),
            key=self.data_key,
            replica_region=spec.standby_region,
        ).arn
        ApplicationSecrets(
            self,
            "Secrets",
            names={secret: spec.secret_name(secret) for secret in spec.secrets},
            key=self.data_key,
            replica_region=spec.standby_region,
        )
        self.output("DataKeyArn", self.data_key.key_arn, "Key of database, secret and uploads")
        self.output("DatabaseSecretArn", self.secret_arn, "Secret with the database's user and password")


class OtherKeysStack(EnvironmentStack):
    """The replicas: `data_key` and `secret_arn` are what the stacks of the other region use.

    The secret's replica is made by Secrets Manager; it has the ARN of the secret, but for the region.
    """

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "keys", spec, facts, protected=True, place=OTHER)
        self.data_key = DataKeyReplica(
            self,
            "Data",
            alias=self.named("prefix"),
            primary_key_arn=self.given("DataKeyArn", "Data key of the home region"),
        ).key
        name = cdk.Fn.select(6, cdk.Fn.split(":", self.given("DatabaseSecretArn", "Its database secret")))
        arn = f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}:secret:{name}"
        export = cdk.CfnOutput(self, "Secret", value=arn, export_name=f"{self.stack_name}:DatabaseSecretArn")
        export.override_logical_id("ExportsOutputDatabaseSecretArn")
        self.secret_arn = export.import_value
        self.output("DataKeyArn", self.data_key.key_arn, "Replica of the data key")
