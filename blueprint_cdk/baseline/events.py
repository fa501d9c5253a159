"""CloudFormation's events, by an EventBridge rule, into one queue that the portal drains in batches."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from blueprint_cdk.baseline_spec import BaselineSpec
from blueprint_cdk.stacks import synthesizer

STACK_NAME = "switchyard-baseline"
QUEUE_NAME = "switchyard-events"
DETAIL_TYPES = ("CloudFormation Stack Status Change", "CloudFormation Resource Status Change")
OWN_STACKS = ("sy-", "CDKToolkit-swyard", "switchyard-")
"""Events of other stacks in the account are none of the portal's business."""
QUIET = (
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupEgress",
    "AWS::EC2::SecurityGroupIngress",
    "AWS::EC2::Subnet",
    "AWS::EC2::SubnetRouteTableAssociation",
    "AWS::EC2::VPCGatewayAttachment",
)
"""Made within seconds and by the dozen: their failures are told, their success by the stack's end."""
SLOW = (
    "AWS::CertificateManager::Certificate",
    "AWS::EC2::NatGateway",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::IAM::InstanceProfile",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBProxy",
)
"""What one waits for longest: that it has begun is told too."""
INITIATED = "Resource creation Initiated"
"""The reason of a creation's second CREATE_IN_PROGRESS, which has the physical id; the first one has neither."""


def told() -> list[dict[str, Any]]:
    """What of a stack's many events is worth a message: a failure, and what becomes of what takes time."""
    return [
        {
            "logical-resource-id": [{"exists": False}],
            # That it began is known to whoever began it.
            "status-details": {"status": [{"anything-but": ["CREATE_IN_PROGRESS"]}]},
        },
        {
            "resource-type": [{"anything-but": list(QUIET)}],
            "status-details": {"status": [{"suffix": "_COMPLETE"}]},
        },
        {
            "logical-resource-id": [{"exists": True}],
            "status-details": {"status": [{"suffix": "_FAILED"}, "DELETE_SKIPPED"]},
        },
        {
            "resource-type": list(SLOW),
            "status-details": {"status": ["UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]},
        },
        {"resource-type": list(SLOW), "status-details": {"status-reason": [INITIATED]}},
    ]


class EventsStack(cdk.Stack):
    """The rule, the queue, and a second queue for what could not be read."""

    def __init__(self, scope: Construct, spec: BaselineSpec) -> None:
        super().__init__(
            scope,
            STACK_NAME,
            stack_name=STACK_NAME,
            description=f"Switchyard baseline of {spec.account_id} in {spec.region}: events",
            env=cdk.Environment(account=spec.account_id, region=spec.region),
            synthesizer=synthesizer(spec.account_id, spec.region, spec.qualifier),
        )
        dead = self._queue("Dead", f"{QUEUE_NAME}-dead", keep=cdk.Duration.days(14))
        queue = self._queue(
            "Queue",
            QUEUE_NAME,
            keep=cdk.Duration.days(4),
            dead_letters=sqs.DeadLetterQueue(queue=dead, max_receive_count=5),
        )
        place = f"arn:{self.partition}:cloudformation:{self.region}:{self.account}:stack/"
        rule = events.CfnRule(
            self,
            "Rule",
            name=QUEUE_NAME,
            description="Progress of the portal's stacks",
            state="ENABLED",
            event_pattern={
                "source": ["aws.cloudformation"],
                "detail-type": list(DETAIL_TYPES),
                "detail": {
                    "stack-id": [{"prefix": f"{place}{prefix}"} for prefix in OWN_STACKS],
                    "$or": told(),
                },
            },
            targets=[events.CfnRule.TargetProperty(id="queue", arn=queue.queue_arn)],
        )
        queue.add_to_resource_policy(
            iam.PolicyStatement(
                sid="EventsOfTheRule",
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["sqs:SendMessage"],
                resources=[queue.queue_arn],
                conditions={"ArnEquals": {"aws:SourceArn": rule.attr_arn}},
            )
        )
        self.made: tuple[Construct, ...] = (dead, queue, rule)
        cdk.CfnOutput(self, "QueueUrl", value=queue.queue_url, description="Queue that the portal drains")

    def _queue(
        self, id: str, name: str, *, keep: cdk.Duration, dead_letters: sqs.DeadLetterQueue | None = None
    ) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            queue_name=name,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            retention_period=keep,
            visibility_timeout=cdk.Duration.seconds(60),
            receive_message_wait_time=cdk.Duration.seconds(1),
            dead_letter_queue=dead_letters,
        )
