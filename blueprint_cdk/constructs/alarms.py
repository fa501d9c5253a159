"""Alarms of an environment, where they go, and the one that means healthy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_rds as rds
from aws_cdk import aws_sns as sns
from constructs import Construct

from blueprint_cdk.alarms import COMPARISONS, AlarmRow, Watched
from blueprint_cdk.constructs.keys import ALARM_PUBLISHERS
from blueprint_cdk.sizes import SizeName


class AlarmTopic(Construct):
    """Where alarms go: an encrypted topic that takes messages of this account's alarms, budgets and databases only,
    over TLS. An address, if one is given, gets a mail with a link to confirm.
    """

    def __init__(self, scope: Construct, id: str, *, prefix: str, key_arn: str, email: str) -> None:
        super().__init__(scope, id)
        stack = cdk.Stack.of(self)
        topic = sns.CfnTopic(
            self,
            "Topic",
            display_name=f"Alarms of {prefix}"[:100],
            kms_master_key_id=key_arn,
            subscription=[sns.CfnTopic.SubscriptionProperty(protocol="email", endpoint=email)]
            if email
            else None,
        )
        self.arn = topic.ref
        own = {"StringEquals": {"aws:SourceAccount": stack.account}}
        sns.CfnTopicPolicy(
            self,
            "Policy",
            topics=[topic.ref],
            policy_document={
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Sid": "PublishersOfThisAccount",
                        "Effect": "Allow",
                        "Principal": {"Service": list(ALARM_PUBLISHERS)},
                        "Action": "sns:Publish",
                        "Resource": topic.ref,
                        "Condition": own,
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


class Alarms(Construct):
    """A metric alarm per row, and the composite alarm over those that users notice: OK means healthy.

    Symptoms send nothing themselves: the composite sends one message for a fault that shows in five places. Causes each
    send their own. `places` fill in the rows' dimensions.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        prefix: str,
        rows: Sequence[AlarmRow],
        size: SizeName,
        places: Mapping[str, str],
        topic_arn: str,
    ) -> None:
        super().__init__(scope, id)
        symptoms: list[cloudwatch.CfnAlarm] = []
        self.arns: list[str] = []
        for row in rows:
            alarm = cloudwatch.CfnAlarm(
                self,
                _camel(row.key),
                alarm_name=f"{prefix}-{row.key}",
                alarm_description=f"{row.title}. {row.why}",
                comparison_operator=COMPARISONS[row.compare],
                threshold=row.limit(size),
                evaluation_periods=row.periods,
                datapoints_to_alarm=row.datapoints,
                treat_missing_data=row.missing,
                **_watched(row, places),
            )
            self.arns.append(alarm.attr_arn)
            if row.symptom:
                symptoms.append(alarm)
            else:
                alarm.alarm_actions = alarm.ok_actions = [topic_arn]
        self.health = cloudwatch.CfnCompositeAlarm(
            self,
            "Healthy",
            alarm_name=f"{prefix}-healthy",
            alarm_description="OK: what users notice is well. ALARM: one of the alarms in the rule says what is not.",
            alarm_rule=" OR ".join(f'ALARM("{alarm.alarm_name}")' for alarm in symptoms),
            alarm_actions=[topic_arn],
            ok_actions=[topic_arn],
        )
        self.arns.insert(0, self.health.attr_arn)
        for alarm in symptoms:
            self.health.add_resource_dependency(alarm)


class DatabaseEvents(Construct):
    """Failovers, failures and maintenance of a cluster, as messages to the topic."""

    def __init__(self, scope: Construct, id: str, *, cluster_id: str, topic_arn: str) -> None:
        super().__init__(scope, id)
        rds.CfnEventSubscription(
            self,
            "Subscription",
            sns_topic_arn=topic_arn,
            source_type="db-cluster",
            source_ids=[cluster_id],
            event_categories=["failover", "failure", "global-failover", "maintenance"],
        )


def _watched(row: AlarmRow, places: Mapping[str, str]) -> dict[str, Any]:
    """What an alarm looks at: one metric, or an expression with the metrics it names."""
    if not row.expression:
        [watched] = row.metrics
        percentile = watched.statistic.startswith("p")
        return {
            "namespace": watched.namespace.format_map(places),
            "metric_name": watched.name,
            "dimensions": _dimensions(watched, places),
            "period": row.period_s,
            "extended_statistic" if percentile else "statistic": watched.statistic,
            **({"evaluate_low_sample_count_percentile": "ignore"} if percentile else {}),
        }
    queries = [
        cloudwatch.CfnAlarm.MetricDataQueryProperty(
            id=watched.id,
            return_data=False,
            metric_stat=cloudwatch.CfnAlarm.MetricStatProperty(
                metric=cloudwatch.CfnAlarm.MetricProperty(
                    namespace=watched.namespace.format_map(places),
                    metric_name=watched.name,
                    dimensions=_dimensions(watched, places),
                ),
                period=row.period_s,
                stat=watched.statistic,
            ),
        )
        for watched in row.metrics
    ]
    whole = cloudwatch.CfnAlarm.MetricDataQueryProperty(
        id="result",
        label=row.title,
        expression=row.expression.format_map(places),
        return_data=True,
        # A query has no metrics that would say its period.
        period=None if row.metrics else row.period_s,
    )
    return {"metrics": [*queries, whole]}


def _dimensions(
    watched: Watched, places: Mapping[str, str]
) -> list[cloudwatch.CfnAlarm.DimensionProperty] | None:
    return [
        cloudwatch.CfnAlarm.DimensionProperty(name=name, value=value.format_map(places))
        for name, value in sorted(watched.dimensions.items())
    ] or None


def _camel(key: str) -> str:
    return "".join(part.capitalize() for part in key.split("-"))
