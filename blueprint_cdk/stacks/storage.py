"""Storage: the bucket for uploads and the bucket for logs, in either region; with a standby, replication both ways."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.storage import LogsBucket, UploadsBucket
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, PlaceName
from blueprint_cdk.sizes import tier_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack


class StorageStack(EnvironmentStack):
    """`keys` is the stack of keys of the same region."""

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        keys: KeysStack | OtherKeysStack,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "storage", spec, facts, protected=True, place=place)
        self.logs = LogsBucket(
            self,
            "Logs",
            name=self.named("logs-bucket"),
            elb_account_id=facts.elb_account_id,
            keep_days=spec.log_retention_days,
            also_of={"events": self.named("events-bucket"), "results": self.named("results-bucket")},
        ).bucket
        uploads = UploadsBucket(
            self, "Uploads", name=self.named("uploads-bucket"), key=keys.data_key, logs=self.logs
        )
        self.uploads = uploads.bucket
        if place == HOME and tier_of(spec.tier).backups:
            uploads.tells_of_changes()
        self.replicate(uploads, what="uploads", rule="uploads-bucket", key_arn=keys.data_key.key_arn)
        self.output("UploadsBucket", self.uploads.bucket_name, "Bucket for uploads")
        self.output("LogsBucket", self.logs.bucket_name, "Bucket for access logs")
