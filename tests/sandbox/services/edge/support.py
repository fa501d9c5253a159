"""Helpers of the edge's tests: names, a load balancer, a change of a record."""

from collections.abc import Callable
from typing import Any

ZONE = "edge.example.com"
VISIBLE = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": True, "MetricName": "m"}
NOT_FOUND = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


def a_balancer(aws: Callable[[str], Any], place: dict[str, Any], name: str) -> dict[str, Any]:
    made = aws("elbv2").create_load_balancer(
        Name=name, Subnets=place["subnets"], SecurityGroups=[place["group"]]
    )
    return aws("elbv2").describe_load_balancers(
        LoadBalancerArns=[made["LoadBalancers"][0]["LoadBalancerArn"]]
    )["LoadBalancers"][0]


def upsert(name: str, kind: str, *values: str, action: str = "UPSERT", ttl: int = 60) -> dict[str, Any]:
    rows = [{"Value": v} for v in values]
    return {
        "Action": action,
        "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": rows},
    }
