"""What a small release says of itself, as `describe` would tell it."""

from typing import Any

STACKS: list[dict[str, Any]] = [
    {
        "key": "network",
        "title": "Network",
        "region": "home",
        "needs": [],
        "stateful": False,
        "types": ["AWS::EC2::VPC"],
    },
    {
        "key": "keys",
        "title": "Keys and secrets",
        "region": "home",
        "needs": [],
        "stateful": True,
        "types": ["AWS::KMS::Key", "AWS::SecretsManager::Secret"],
    },
    {
        "key": "data",
        "title": "Database",
        "region": "home",
        "needs": ["network", "keys"],
        "stateful": True,
        "types": ["AWS::RDS::DBCluster", "AWS::RDS::DBProxy"],
    },
    {
        "key": "storage",
        "title": "Storage",
        "region": "home",
        "needs": ["keys"],
        "stateful": True,
        "types": ["AWS::S3::Bucket"],
    },
    {
        "key": "app",
        "title": "Application",
        "region": "home",
        "needs": ["network", "keys", "data", "storage"],
        "stateful": False,
        "types": [
            "AWS::WAFv2::WebACL",
            "AWS::ElasticLoadBalancingV2::LoadBalancer",
            "AWS::ElasticBeanstalk::Environment",
        ],
    },
]
NAMING = [
    {
        "key": "uploads-bucket",
        "label": "S3 bucket for uploads",
        "pattern": "sy-{name}-{suffix}-uploads-{account_id}-{home_region}",
        "max_length": 63,
        "charset": "^[a-z0-9.-]+$",
    },
    {
        "key": "load-balancer",
        "label": "Application Load Balancer",
        "pattern": "sy-{name}-{suffix}",
        "max_length": 32,
        "charset": "^[a-z0-9-]+$",
    },
]
COSTS = {
    "currency": "USD",
    "period": "month",
    "as_of": "2026-11-22",
    "region_factor": {"us-east-1": "1.00", "eu-west-1": "1.10"},
    "items": [
        {
            "key": "nat",
            "label": "NAT gateways",
            "types": ["AWS::EC2::NatGateway"],
            "quantity": {"small": 1, "medium": 2, "large": 3},
            "unit": "gateway",
            "unit_price": "32.85",
            "source": "list price",
            "verified": True,
            "when": None,
        },
        {
            "key": "database",
            "label": "Aurora instances",
            "types": ["AWS::RDS::DBInstance"],
            "quantity": {"small": 1, "medium": 2, "large": 3},
            "unit": "instance",
            "unit_price": "190.00",
            "source": "from memory, no source opened",
            "verified": False,
            "when": None,
        },
    ],
}
DELIVERY: dict[str, Any] = {
    "bundle": {".ebextensions/scaling.config": "Resources: {}\n"},
    "schema": {
        "type": "object",
        "properties": {
            "branch": {
                "type": "string",
                "pattern": "^[a-z]+$",
                "description": "Letters.",
                "changeable": True,
            },
            "blocks_from": {
                "enum": ["critical", "high", "medium"],
                "default": "high",
                "changeable": True,
            },
            "findings_email": {"type": "string", "default": "", "changeable": True},
            "source": {"enum": ["codecommit", "github"]},
        },
    },
    "costs": {
        "currency": "USD",
        "period": "month",
        "as_of": "2026-11-28",
        "items": [
            {
                "key": "key",
                "label": "KMS key",
                "types": ["AWS::KMS::Key"],
                "quantity": 1,
                "unit": "key",
                "unit_price": "1.00",
                "source": "list price",
                "verified": False,
            }
        ],
    },
}
"""What a release says of applications."""
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "size": {"enum": ["small", "medium", "large"], "changeable": True},
        "tier": {"enum": ["dev", "staging", "prod"]},
        "secrets": {
            "type": "array",
            "items": {
                "type": "string",
                "pattern": "^[A-Z][A-Z0-9_]+$",
                "description": "Capital letters.",
            },
            "uniqueItems": True,
            "changeable": True,
        },
    },
}
