"""Storage: the bucket for uploads and the bucket for logs."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.constructs.storage import LogsBucket, UploadsBucket
from blueprint_cdk.spec import RegionFacts, Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack


class StorageStack(EnvironmentStack):
    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts, *, keys: KeysStack) -> None:
        super().__init__(scope, "storage", spec, facts, protected=True)
        self.logs = LogsBucket(
            self,
            "Logs",
            name=spec.named("logs-bucket"),
            elb_account_id=facts.elb_account_id,
            keep_days=spec.log_retention_days,
        ).bucket
        self.uploads = UploadsBucket(
            self, "Uploads", name=spec.named("uploads-bucket"), key=keys.data_key, logs=self.logs
        ).bucket
        self.output("UploadsBucket", self.uploads.bucket_name, "Bucket for uploads")
        self.output("LogsBucket", self.logs.bucket_name, "Bucket for access logs")
