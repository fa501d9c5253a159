"""What AWS's lists hold beside what the blueprint makes: others' things in the same account, counted as AWS counts."""

import boto3
import pytest
from botocore.stub import Stubber

from workers.aws import tagging
from workers.aws.quotas import COUNTERS

NAT_GATEWAYS, VCPUS = COUNTERS["vpc/L-FE5A380F"], COUNTERS["ec2/L-1216C47A"]


@pytest.fixture
def ec2():
    """A client of EC2 whose answers a test gives."""
    client = boto3.client("ec2", "eu-west-1", aws_access_key_id="-", aws_secret_access_key="-")
    with Stubber(client) as answers:
        yield client, answers


class Given:
    """A session with that one client."""

    def __init__(self, client):
        self._client = client

    def client(self, service, *, region=""):
        return self._client


def test_a_regional_nat_gateway_is_in_no_subnet(ec2):
    client, answers = ec2
    subnets = [{"SubnetId": f"subnet-{n}", "AvailabilityZone": f"eu-west-1{n}"} for n in "ab"]
    answers.add_response("describe_subnets", {"Subnets": subnets})
    gateways = [{"NatGatewayId": "nat-1", "State": "available", "AvailabilityMode": "regional"}]
    gateways += [
        {"NatGatewayId": "nat-2", "State": state, "SubnetId": "subnet-a"}
        for state in ("available", "deleted")
    ]
    answers.add_response("describe_nat_gateways", {"NatGateways": gateways})
    assert NAT_GATEWAYS(Given(client)) == 1


def test_families_with_quotas_of_their_own_and_spot_instances_are_no_standard_ones(ec2):
    client, answers = ec2

    def instance(kind, **more):
        options = {"CoreCount": 4, "ThreadsPerCore": 1}
        return {"InstanceType": kind, "State": {"Name": "running"}, "CpuOptions": options, **more}

    standard = [
        instance(kind) for kind in ("t4g.small", "m7g.xlarge", "im4gn.xlarge", "d3.xlarge", "i4i.xlarge")
    ]
    others = [
        instance(kind)
        for kind in ("inf2.xlarge", "trn1.2xlarge", "mac2.metal", "dl1.24xlarge", "hpc6a.48xlarge")
    ]
    spot = instance("m7g.xlarge", InstanceLifecycle="spot")
    answers.add_response("describe_instances", {"Reservations": [{"Instances": [*standard, *others, spot]}]})
    assert VCPUS(Given(client)) == 4 * len(standard)


@pytest.mark.parametrize(
    ("resource", "type_name"),
    [
        ("logs:eu-west-1:1:log-group:/switchyard/sy-shop-k3x9", "AWS::Logs::LogGroup"),
        ("secretsmanager:eu-west-1:1:secret:sy-shop-k3x9/database-AbCdEf", "AWS::SecretsManager::Secret"),
        (
            "autoscaling:eu-west-1:1:autoScalingGroup:6f0c0a2e:autoScalingGroupName/awseb-e-1",
            "AWS::AutoScaling::AutoScalingGroup",
        ),
        ("ecr:eu-west-1:1:repository/sy-shop/k3x9", "AWS::ECR::Repository"),
        ("sns:eu-west-1:1:sy-shop-k3x9-alarms", "AWS::SNS::Topic"),
        ("s3:::sy-shop-k3x9-uploads", "AWS::S3::Bucket"),
        ("lambda:eu-west-1:1:function:sy-shop-k3x9-push", "lambda function"),
    ],
)
def test_the_type_of_what_is_tagged_is_what_stands_before_its_name(resource, type_name):
    assert tagging.type_of(f"arn:aws:{resource}") == type_name
