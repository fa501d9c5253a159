"""Who is told: findings in images, runs that fail, versions that wait for approval."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_events as events
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from constructs import Construct

from blueprint_cdk.application_spec import ApplicationSpec
from blueprint_cdk.data import load


class Findings(Construct):
    """An encrypted topic, and the rules that put into it what Inspector finds in an image at any time (the registry is
    scanned on and on), and what the pipeline stops at.
    """

    def __init__(
        self, scope: Construct, id: str, *, spec: ApplicationSpec, key: kms.Key, registry_arn: str
    ) -> None:
        super().__init__(scope, id)
        self._spec = spec
        topic = sns.CfnTopic(
            self,
            "Topic",
            topic_name=spec.named("topic"),
            display_name=f"Findings of {spec.prefix}"[:100],
            kms_master_key_id=key.key_arn,
            subscription=[sns.CfnTopic.SubscriptionProperty(protocol="email", endpoint=spec.findings_email)]
            if spec.findings_email
            else None,
        )
        self.topic_arn = topic.ref
        sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[topic.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    # Without a condition on where it comes from: EventBridge does not say
                    # (docs/decisions/0273-eventbridge-tells-no-source-to-a-topic.md).
                    {
                        "Sid": "Rules",
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sns:Publish",
                        "Resource": topic.ref,
                    },
                    {
                        "Sid": "TlsOnly",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sns:Publish",
                        "Resource": topic.ref,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            },
        )
        self._rule(
            "Images",
            "images",
            "What Inspector finds in an image",
            {
                "source": ["aws.inspector2"],
                "detail-type": ["Inspector2 Finding"],
                "resources": [{"prefix": registry_arn}],
                "detail": {
                    "status": ["ACTIVE"],
                    "severity": [level.upper() for level in load("application")["blocked"][spec.blocks_from]],
                },
            },
        )

    def watch(self, pipeline_name: str) -> None:
        """Runs of that pipeline that fail are told too."""
        self._rule(
            "Failures",
            "failures",
            "Runs of the pipeline that fail",
            {
                "source": ["aws.codepipeline"],
                "detail-type": ["CodePipeline Stage Execution State Change"],
                "detail": {"pipeline": [pipeline_name], "state": ["FAILED"]},
            },
        )

    def _rule(self, id: str, event: str, description: str, pattern: dict[str, Any]) -> None:
        events.CfnRule(
            self,
            id,
            name=self._spec.named("rule", event=event),
            description=description,
            state="ENABLED",
            event_pattern=pattern,
            targets=[events.CfnRule.TargetProperty(id="topic", arn=self.topic_arn)],
        )
