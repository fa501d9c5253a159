"""How ids, names and ARNs of types look: data for the generic handler. Source: the service authorization
reference (ARN formats) and the ids that the services' documentation shows."""

from __future__ import annotations

ID_PREFIXES: dict[str, str] = {
    "AWS::EC2::VPC": "vpc-",
    "AWS::EC2::Subnet": "subnet-",
    "AWS::EC2::RouteTable": "rtb-",
    "AWS::EC2::SubnetRouteTableAssociation": "rtbassoc-",
    "AWS::EC2::InternetGateway": "igw-",
    "AWS::EC2::EIP": "eipalloc-",
    "AWS::EC2::NatGateway": "nat-",
    "AWS::EC2::SecurityGroup": "sg-",
    "AWS::EC2::SecurityGroupIngress": "sgr-",
    "AWS::EC2::SecurityGroupEgress": "sgr-",
    "AWS::EC2::VPCEndpoint": "vpce-",
    "AWS::EC2::FlowLog": "fl-",
    "AWS::EC2::Instance": "i-",
    "AWS::EC2::LaunchTemplate": "lt-",
    "AWS::EC2::NetworkAcl": "acl-",
    "AWS::EC2::NetworkInterface": "eni-",
    "AWS::EC2::Volume": "vol-",
}

NAME_RULES: dict[str, tuple[int, bool]] = {
    # of each type: (longest name, lower case)
    "AWS::S3::Bucket": (63, True),
    "AWS::RDS::DBCluster": (63, True),
    "AWS::RDS::DBInstance": (63, True),
    "AWS::RDS::DBSubnetGroup": (255, True),
    "AWS::RDS::DBClusterParameterGroup": (255, True),
    "AWS::RDS::DBParameterGroup": (255, True),
    "AWS::RDS::DBProxy": (60, True),
    "AWS::ECR::Repository": (256, True),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (32, False),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (32, False),
    "AWS::ElasticBeanstalk::Application": (100, False),
    "AWS::ElasticBeanstalk::Environment": (40, False),
    "AWS::SQS::Queue": (80, False),
    "AWS::Events::Rule": (64, False),
    "AWS::IAM::Role": (64, False),
    "AWS::IAM::User": (64, False),
    "AWS::IAM::Group": (128, False),
    "AWS::IAM::ManagedPolicy": (128, False),
    "AWS::IAM::InstanceProfile": (128, False),
    "AWS::Logs::LogGroup": (512, False),
    "AWS::WAFv2::WebACL": (128, False),
}

_EC2 = "arn:aws:ec2:{region}:{account}:"
ARNS: dict[str, str] = {
    "AWS::EC2::VPC": _EC2 + "vpc/{id}",
    "AWS::EC2::Subnet": _EC2 + "subnet/{id}",
    "AWS::EC2::RouteTable": _EC2 + "route-table/{id}",
    "AWS::EC2::Route": "",
    "AWS::EC2::SubnetRouteTableAssociation": "",
    "AWS::EC2::InternetGateway": _EC2 + "internet-gateway/{id}",
    "AWS::EC2::VPCGatewayAttachment": "",
    "AWS::EC2::EIP": _EC2 + "elastic-ip/{id}",
    "AWS::EC2::NatGateway": _EC2 + "natgateway/{id}",
    "AWS::EC2::SecurityGroup": _EC2 + "security-group/{id}",
    "AWS::EC2::SecurityGroupIngress": _EC2 + "security-group-rule/{id}",
    "AWS::EC2::SecurityGroupEgress": _EC2 + "security-group-rule/{id}",
    "AWS::EC2::VPCEndpoint": _EC2 + "vpc-endpoint/{id}",
    "AWS::EC2::FlowLog": _EC2 + "vpc-flow-log/{id}",
    "AWS::EC2::Instance": _EC2 + "instance/{id}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{id}:*",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{id}",
    "AWS::KMS::Alias": "arn:aws:kms:{region}:{account}:{id}",
    "AWS::SecretsManager::SecretTargetAttachment": "",
    "AWS::SecretsManager::ResourcePolicy": "",
    "AWS::RDS::DBCluster": "arn:aws:rds:{region}:{account}:cluster:{id}",
    "AWS::RDS::DBInstance": "arn:aws:rds:{region}:{account}:db:{id}",
    "AWS::RDS::DBSubnetGroup": "arn:aws:rds:{region}:{account}:subgrp:{id}",
    "AWS::RDS::DBClusterParameterGroup": "arn:aws:rds:{region}:{account}:cluster-pg:{id}",
    "AWS::RDS::DBParameterGroup": "arn:aws:rds:{region}:{account}:pg:{id}",
    "AWS::RDS::DBProxy": "arn:aws:rds:{region}:{account}:db-proxy:prx-{uuid.hex}",
    "AWS::RDS::DBProxyEndpoint": "arn:aws:rds:{region}:{account}:db-proxy-endpoint:prx-endpoint-{uuid.hex}",
    "AWS::RDS::DBProxyTargetGroup": "arn:aws:rds:{region}:{account}:target-group:prx-tg-{uuid.hex}",
    "AWS::S3::Bucket": "arn:aws:s3:::{id}",
    "AWS::S3::BucketPolicy": "",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": (
        "arn:aws:elasticloadbalancing:{region}:{account}:loadbalancer/app/{id}/{uuid.hex:.16}"
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": (
        "arn:aws:elasticloadbalancing:{region}:{account}:targetgroup/{id}/{uuid.hex:.16}"
    ),
    "AWS::WAFv2::WebACLAssociation": "",
    "AWS::WAFv2::LoggingConfiguration": "",
    "AWS::CertificateManager::Certificate": "arn:aws:acm:{region}:{account}:certificate/{uuid}",
    "AWS::Route53::HostedZone": "arn:aws:route53:::hostedzone/{id}",
    "AWS::Route53::RecordSet": "",
    "AWS::ElasticBeanstalk::Application": "arn:aws:elasticbeanstalk:{region}:{account}:application/{id}",
    "AWS::SSM::Parameter": "arn:aws:ssm:{region}:{account}:parameter/{id}",
    "AWS::Events::Rule": "arn:aws:events:{region}:{account}:rule/{id}",
    "AWS::SQS::QueuePolicy": "",
    "AWS::ECR::Repository": "arn:aws:ecr:{region}:{account}:repository/{id}",
    "AWS::CDK::Metadata": "",
}

GENERIC = ("AWS::CDK::Metadata",)
"""Types that the generic handler carries as they are; all others have a class of their own in sandbox/services."""
