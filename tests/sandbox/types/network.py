"""A template's resources of network, edge and DNS, one of each type."""

from tests.sandbox.types.support import Resources, att, ref, subnet

ACCOUNT = "210000000002"
DOMAIN = "types.example.com"


FIXED = {
    "Type": "fixed-response",
    "FixedResponseConfig": {"StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no"},
}
VISIBLE = {"CloudWatchMetricsEnabled": True, "SampledRequestsEnabled": True, "MetricName": "m"}
RESOURCES: Resources = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.30.0.0/16", "EnableDnsHostnames": True}},
    "SubnetA": subnet("10.30.0.0/24", "eu-west-1a"),
    "SubnetB": subnet("10.30.1.0/24", "eu-west-1b"),
    "Gateway": {"Type": "AWS::EC2::InternetGateway"},
    "Attachment": {
        "Type": "AWS::EC2::VPCGatewayAttachment",
        "Properties": {"VpcId": ref("Vpc"), "InternetGatewayId": ref("Gateway")},
    },
    "Table": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Vpc")}},
    "Route": {
        "Type": "AWS::EC2::Route",
        "DependsOn": "Attachment",
        "Properties": {
            "RouteTableId": ref("Table"),
            "DestinationCidrBlock": "0.0.0.0/0",
            "GatewayId": ref("Gateway"),
        },
    },
    "TableUse": {
        "Type": "AWS::EC2::SubnetRouteTableAssociation",
        "Properties": {"RouteTableId": ref("Table"), "SubnetId": ref("SubnetA")},
    },
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Nat": {
        "Type": "AWS::EC2::NatGateway",
        "DependsOn": "Attachment",
        "Properties": {"SubnetId": ref("SubnetA"), "AllocationId": att("Address", "AllocationId")},
    },
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": "group",
            "VpcId": ref("Vpc"),
            "SecurityGroupIngress": [
                {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
            ],
        },
    },
    "Ingress": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": att("Group", "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": "80",
            "ToPort": "80",
            "CidrIp": "10.0.0.0/8",
        },
    },
    "Egress": {
        "Type": "AWS::EC2::SecurityGroupEgress",
        "Properties": {
            "GroupId": att("Group", "GroupId"),
            "IpProtocol": "tcp",
            "FromPort": 3306,
            "ToPort": 3306,
            "DestinationSecurityGroupId": att("Group", "GroupId"),
        },
    },
    "Endpoint": {
        "Type": "AWS::EC2::VPCEndpoint",
        "Properties": {
            "VpcId": ref("Vpc"),
            "ServiceName": {"Fn::Join": ["", ["com.amazonaws.", ref("AWS::Region"), ".s3"]]},
            "RouteTableIds": [ref("Table")],
        },
    },
    "Flow": {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {
            "ResourceId": ref("Vpc"),
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogGroupName": "flow",
            "DeliverLogsPermissionArn": f"arn:aws:iam::{ACCOUNT}:role/flow",
        },
    },
    "Interface": {"Type": "AWS::EC2::NetworkInterface", "Properties": {"SubnetId": ref("SubnetA")}},
    "Balancer": {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "DependsOn": "Attachment",
        "Properties": {
            "Subnets": [ref("SubnetA"), ref("SubnetB")],
            "SecurityGroups": [ref("Group")],
            "LoadBalancerAttributes": [{"Key": "idle_timeout.timeout_seconds", "Value": "30"}],
        },
    },
    "Listener": {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": ref("Balancer"),
            "Port": 80,
            "Protocol": "HTTP",
            "DefaultActions": [FIXED],
        },
    },
    "Rule": {
        "Type": "AWS::ElasticLoadBalancingV2::ListenerRule",
        "Properties": {
            "ListenerArn": ref("Listener"),
            "Priority": 7,
            "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": ["a.example.com"]}}],
            "Actions": [{"Type": "forward", "TargetGroupArn": ref("Targets")}],
        },
    },
    "Targets": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {"VpcId": ref("Vpc"), "Port": 80, "Protocol": "HTTP", "HealthCheckPath": "/healthz"},
    },
    "Acl": {
        "Type": "AWS::WAFv2::WebACL",
        "Properties": {
            "Name": "acl",
            "Scope": "REGIONAL",
            "DefaultAction": {"Allow": {}},
            "VisibilityConfig": VISIBLE,
            "Rules": [
                {
                    "Name": "rate",
                    "Priority": 0,
                    "Action": {"Block": {}},
                    "VisibilityConfig": VISIBLE,
                    "Statement": {"RateBasedStatement": {"Limit": 500, "AggregateKeyType": "IP"}},
                }
            ],
        },
    },
    "Guard": {
        "Type": "AWS::WAFv2::WebACLAssociation",
        "Properties": {"ResourceArn": ref("Balancer"), "WebACLArn": att("Acl", "Arn")},
    },
    "LogGroup": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "aws-waf-logs-types"}},
    "Logging": {
        "Type": "AWS::WAFv2::LoggingConfiguration",
        "DependsOn": "LogGroup",
        "Properties": {
            "ResourceArn": att("Acl", "Arn"),
            "LogDestinationConfigs": [
                {"Fn::Sub": "arn:aws:logs:${AWS::Region}:${AWS::AccountId}:log-group:aws-waf-logs-types"}
            ],
        },
    },
    "Addresses": {
        "Type": "AWS::WAFv2::IPSet",
        "Properties": {
            "Name": "set",
            "Scope": "REGIONAL",
            "IPAddressVersion": "IPV4",
            "Addresses": ["10.0.0.0/8"],
        },
    },
    "Certificate": {
        "Type": "AWS::CertificateManager::Certificate",
        "Properties": {
            "DomainName": f"cert.{DOMAIN}",
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [{"DomainName": f"cert.{DOMAIN}", "HostedZoneId": "ZONE"}],
        },
    },
    "Zone": {"Type": "AWS::Route53::HostedZone", "Properties": {"Name": "stacked.example.com"}},
    "Record": {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "Name": "www.stacked.example.com.",
            "Type": "A",
            "TTL": "60",
            "ResourceRecords": ["192.0.2.1"],
        },
    },
    "Alias": {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "Name": "alias.stacked.example.com.",
            "Type": "A",
            "AliasTarget": {
                "DNSName": att("Balancer", "DNSName"),
                "HostedZoneId": att("Balancer", "CanonicalHostedZoneID"),
            },
        },
    },
    "Records": {
        "Type": "AWS::Route53::RecordSetGroup",
        "Properties": {
            "HostedZoneId": ref("Zone"),
            "RecordSets": [
                {
                    "Name": "grouped.stacked.example.com.",
                    "Type": "TXT",
                    "TTL": "60",
                    "ResourceRecords": ['"x"'],
                }
            ],
        },
    },
    "Check": {
        "Type": "AWS::Route53::HealthCheck",
        "Properties": {"HealthCheckConfig": {"Type": "HTTPS", "FullyQualifiedDomainName": "a.example.com"}},
    },
    "Alarm": {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "Namespace": "N",
            "MetricName": "m",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
    },
}
