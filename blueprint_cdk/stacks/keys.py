"""Keys: the multi-Region data key and the database's secret."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.keys import DatabaseSecret, DataKey
from blueprint_cdk.spec import RegionFacts, Spec
from blueprint_cdk.stacks import EnvironmentStack


class KeysStack(EnvironmentStack):
    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "keys", spec, facts, protected=True)
        self.data_key = DataKey(self, "Data", alias=spec.named("prefix")).key
        self.secret_arn = DatabaseSecret(
            self, "Database", name=spec.named("db-secret"), key=self.data_key
        ).arn
        self.output("DataKeyArn", self.data_key.key_arn, "Key of database, secret and uploads")
        self.output("DatabaseSecretArn", self.secret_arn, "Secret with the database's user and password")
