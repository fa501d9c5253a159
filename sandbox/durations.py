"""How long AWS takes, in seconds, per type and action: one table.

actual = seconds here x the speed factor. Most are estimates from experience with the services ("estimate");
where AWS's documentation or a published measurement gives a figure, the comment says so.
"""

from __future__ import annotations

DEFAULT = {"create": 3.0, "update": 3.0, "delete": 3.0}

DURATIONS: dict[str, dict[str, float]] = {
    "AWS::CDK::Metadata": {"create": 1, "update": 1, "delete": 1},  # estimate
    "AWS::CertificateManager::Certificate": {
        "create": 60,
        "update": 5,
        "delete": 5,
    },  # estimate; DNS validation
    "AWS::Cognito::UserPoolDomain": {"create": 15, "update": 15, "delete": 10},  # estimate; a prefix domain
    "AWS::Cognito::UserPoolReplica": {"create": 300, "update": 5, "delete": 60},  # estimate
    "AWS::DynamoDB::Table": {"create": 10, "update": 10, "delete": 10},  # estimate
    "AWS::DynamoDB::GlobalTable": {"create": 60, "update": 30, "delete": 30},  # estimate
    "AWS::EC2::EIP": {"create": 15, "update": 5, "delete": 5},  # estimate
    "AWS::EC2::FlowLog": {"create": 5, "update": 5, "delete": 5},  # estimate
    "AWS::EC2::InternetGateway": {"create": 15, "update": 3, "delete": 5},  # estimate
    "AWS::EC2::NatGateway": {"create": 100, "update": 5, "delete": 60},  # estimate
    "AWS::EC2::VPC": {"create": 12, "update": 5, "delete": 5},  # estimate
    "AWS::EC2::VPCEndpoint": {"create": 60, "update": 20, "delete": 60},  # estimate
    "AWS::ElasticBeanstalk::Environment": {"create": 300, "update": 180, "delete": 240},  # estimate
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"create": 150, "update": 10, "delete": 15},  # estimate
    "AWS::IAM::InstanceProfile": {"create": 120, "update": 5, "delete": 5},  # estimate: CFN waits two minutes
    "AWS::IAM::ManagedPolicy": {"create": 16, "update": 5, "delete": 3},  # estimate
    "AWS::IAM::Policy": {"create": 16, "update": 5, "delete": 3},  # estimate
    "AWS::IAM::Role": {"create": 18, "update": 10, "delete": 3},  # estimate
    "AWS::KMS::Key": {"create": 12, "update": 5, "delete": 5},  # estimate
    "AWS::KinesisFirehose::DeliveryStream": {"create": 60, "update": 10, "delete": 60},  # estimate
    "AWS::RDS::DBCluster": {"create": 90, "update": 60, "delete": 90},  # estimate
    "AWS::RDS::DBInstance": {"create": 420, "update": 120, "delete": 300},  # estimate
    "AWS::RDS::DBProxy": {"create": 420, "update": 60, "delete": 60},  # estimate
    "AWS::RDS::DBProxyEndpoint": {"create": 180, "update": 30, "delete": 60},  # estimate
    "AWS::RDS::DBProxyTargetGroup": {"create": 90, "update": 15, "delete": 5},  # estimate
    "AWS::RDS::DBSubnetGroup": {"create": 5, "update": 5, "delete": 3},  # estimate
    "AWS::RDS::DBClusterParameterGroup": {"create": 10, "update": 10, "delete": 3},  # estimate
    "AWS::Route53::HostedZone": {"create": 35, "update": 5, "delete": 35},  # estimate
    "AWS::Route53::RecordSet": {"create": 35, "update": 35, "delete": 35},  # estimate: until INSYNC
    "AWS::S3::Bucket": {"create": 20, "update": 5, "delete": 3},  # estimate
    "Sandbox::Athena::QueryExecution": {"create": 2},  # estimate: a small query
    "Sandbox::Cognito::Replication": {"create": 1},  # estimate; developer guide: brief delays
    "Sandbox::DynamoDB::Replication": {"create": 1},  # developer guide: typically within a second
    "Sandbox::RDS::GlobalReplication": {"create": 0.2},  # Aurora user guide: typically under a second
    "Sandbox::SecretsManager::Replication": {"create": 3},  # estimate
    "Sandbox::S3::BatchJob": {"create": 60},  # estimate: until it lists what it copies and begins
    "Sandbox::S3::Replication": {"create": 15},  # estimate; user guide: most objects within 15 minutes
    "Sandbox::ServiceQuotas::Increase": {
        "create": 600
    },  # estimate: small increases are approved by themselves
    "AWS::SQS::Queue": {"create": 60, "update": 5, "delete": 60},  # SQS API reference: 60 s after DeleteQueue
    "AWS::Events::Rule": {"create": 60, "update": 5, "delete": 20},  # estimate
    "AWS::WAFv2::WebACL": {"create": 15, "update": 10, "delete": 5},  # estimate
}


def seconds(type_name: str, action: str, overrides: dict[str, dict[str, float]]) -> float:
    """Seconds of real AWS for `create`, `update` or `delete` of a type; `overrides` come from the settings."""
    for table in (overrides, DURATIONS):
        if action in table.get(type_name, {}):
            return float(table[type_name][action])
    return DEFAULT[action]
