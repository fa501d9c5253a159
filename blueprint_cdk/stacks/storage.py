"""Storage: the bucket for uploads and the bucket for logs, in either region; with a standby, replication both ways."""

from __future__ import annotations

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.constructs.replication import Replication
from blueprint_cdk.constructs.storage import LogsBucket, UploadsBucket
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import HOME, OTHER, PlaceName
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
            also_of={"events": spec.named("events-bucket"), "results": spec.named("results-bucket")},
        ).bucket
        uploads = UploadsBucket(
            self, "Uploads", name=self.named("uploads-bucket"), key=keys.data_key, logs=self.logs
        )
        self.uploads = uploads.bucket
        if place == HOME and tier_of(spec.tier).backups:
            uploads.tells_of_changes()
        if spec.has_standby:
            self._replicate(uploads, keys.data_key.key_arn)
        self.output("UploadsBucket", self.uploads.bucket_name, "Bucket for uploads")
        self.output("LogsBucket", self.logs.bucket_name, "Bucket for access logs")

    def _replicate(self, uploads: UploadsBucket, key_arn: str) -> None:
        """To the bucket of the other place. The other region's is made after home's and finds it there; home's rule
        waits until the other bucket is there too.
        """
        there = OTHER if self.place == HOME else HOME
        region = self.spec.region(there)
        # Keys of one multi-Region key have one id.
        key_id = cdk.Fn.select(1, cdk.Fn.split("/", key_arn))
        Replication(
            self,
            "Replication",
            source=uploads,
            source_name=self.named("uploads-bucket"),
            source_key_arn=key_arn,
            to_region=region,
            to_bucket=self.spec.named("uploads-bucket", there),
            to_key_arn=f"arn:{self.partition}:kms:{region}:{self.account}:key/{key_id}",
            condition=self.joined() if self.place == HOME else None,
        )
