"""A picture of the blueprint, drawn from the templates of its largest environment."""

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from devtools.asked import described, synthesised
from devtools.synth import facts, spec
from devtools.trouble import Trouble

# What a reader looks for, by stack; all else of a template is what these need.
SHOWN = (
    "AWS::EC2::VPC",
    "AWS::EC2::NatGateway",
    "AWS::EC2::FlowLog",
    "AWS::KMS::Key",
    "AWS::KMS::ReplicaKey",
    "AWS::SecretsManager::Secret",
    "AWS::RDS::GlobalCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBProxy",
    "AWS::ApplicationAutoScaling::ScalingPolicy",
    "AWS::S3::Bucket",
    "AWS::CertificateManager::Certificate",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::WAFv2::WebACL",
    "AWS::ElasticBeanstalk::Environment",
    "AWS::Route53::RecordSet",
    "AWS::Route53::HealthCheck",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolReplica",
    "AWS::Cognito::IdentityPool",
    "AWS::AppSync::GraphQLApi",
    "AWS::DynamoDB::GlobalTable",
    "AWS::Pinpoint::App",
    "AWS::SES::EmailIdentity",
    "AWS::KinesisFirehose::DeliveryStream",
    "AWS::Glue::Table",
    "AWS::Athena::WorkGroup",
    "AWS::QuickSight::Dashboard",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Synthetics::Canary",
    "AWS::Budgets::Budget",
    "AWS::CodeBuild::Project",
    "AWS::Backup::BackupPlan",
    "AWS::IAM::Role",
)
REGIONS = {"home": "Home region", "other": "Other region"}


def picture() -> str:
    """A Mermaid flowchart: stacks by region with what they hold, and arrows from what is needed to who needs it."""
    rows, held = described()["stacks"], _held()
    lines = ["```mermaid", "flowchart TB"]
    for region, title in REGIONS.items():
        here = [row for row in rows if row["region"] == region and row["key"] in held]
        if here:
            lines.append(f'  subgraph {region}["{title}"]')
            lines += [f'    {_id(row["key"])}["{_label(row, held[row["key"]])}"]' for row in here]
            lines.append("  end")
    keys = set(held)
    for row in rows:
        lines += [
            f"  {_id(need)} --> {_id(row['key'])}" for need in row["needs"] if {need, row["key"]} <= keys
        ]
    return "\n".join([*lines, "```"])


def _id(key: str) -> str:
    return key.replace("-", "_")


def _label(row: dict[str, Any], types: Counter[str]) -> str:
    shown = [name for name in SHOWN if name in types]
    parts = [f"{types[name]} x {_word(name)}" if types[name] > 1 else _word(name) for name in shown]
    return "<br/>".join([f"<b>{row['title']}</b>", *parts])


def _word(type_name: str) -> str:
    _, service, kind = type_name.split("::")
    return f"{service} {kind}"


def _held() -> dict[str, Counter[str]]:
    """Resource types of each stack of the largest environment, by the stack's key."""
    wanted = spec("large", "warm")
    prefix = f"sy-{wanted['name']}-{wanted['suffix']}-"
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "assembly"
        answer = synthesised({"app": "environment", "spec": wanted, "facts": facts(), "out": str(out)})
        if not answer["ok"]:
            raise Trouble(answer["error"])
        return {
            path.name.removeprefix(prefix).removesuffix(".template.json"): Counter(
                row["Type"] for row in json.loads(path.read_text())["Resources"].values()
            )
            for path in sorted(out.glob("*.template.json"))
        }
