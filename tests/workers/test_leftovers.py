"""What a teardown left: each kind of thing is planted, listed with a remedy, and gone after a retry."""

import json

import pytest

from environments.lifecycle.models import TeardownReport
from environments.operations.control import operation_retry
from tests.workers.support import REGION, ask_teardown, drive

pytestmark = pytest.mark.django_db(transaction=True)


TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
PLANTED = {
    "AWS::S3::Bucket": lambda c, e: c("s3").create_bucket(
        Bucket=f"sy-{e.full_name}-forgotten", CreateBucketConfiguration={"LocationConstraint": REGION}
    ),
    "AWS::Logs::LogGroup": lambda c, e: c("logs").create_log_group(
        logGroupName=f"/aws/elasticbeanstalk/sy-{e.full_name}/var/log/late.log"
    ),
    "AWS::SecretsManager::Secret": lambda c, e: c("secretsmanager").create_secret(
        Name=f"sy-{e.full_name}/by-hand", SecretString="x"
    ),
    "AWS::SSM::Parameter": lambda c, e: c("ssm").put_parameter(
        Name="/by-hand", Value="x", Type="String", Tags=tags(e), Overwrite=False
    ),
    "AWS::IAM::Role": lambda c, e: c("iam").create_role(
        RoleName=f"sy-{e.full_name}-by-hand",
        AssumeRolePolicyDocument=json.dumps(TRUST),
    ),
    "AWS::SQS::Queue": lambda c, e: c("sqs").create_queue(QueueName=f"sy-{e.full_name}-by-hand"),
    "AWS::ECR::Repository": lambda c, e: c("ecr").create_repository(repositoryName=f"sy-{e.full_name}"),
    "AWS::EC2::EIP": lambda c, e: c("ec2").allocate_address(
        TagSpecifications=[{"ResourceType": "elastic-ip", "Tags": tags(e)}]
    ),
    "AWS::EC2::SecurityGroup": lambda c, e: c("ec2").create_security_group(
        GroupName=f"by-hand-{e.suffix}",
        Description="by hand",
        VpcId=c("ec2").create_vpc(CidrBlock="10.99.0.0/16")["Vpc"]["VpcId"],
        TagSpecifications=[{"ResourceType": "security-group", "Tags": tags(e)}],
    ),
    "AWS::KMS::Key": lambda c, e: c("kms").create_key(
        Tags=[{"TagKey": "switchyard:environment", "TagValue": e.full_name}]
    ),
    "AWS::Events::Rule": lambda c, e: c("events").put_rule(
        Name=f"sy-{e.full_name}-by-hand", ScheduleExpression="rate(1 day)"
    ),
    "AWS::Route53::RecordSet": lambda c, e: c("route53").change_resource_record_sets(
        HostedZoneId=e.spec["zone_id"],
        ChangeBatch={
            "Changes": [
                {
                    "Action": "CREATE",
                    "ResourceRecordSet": {
                        "Name": f"admin.{e.spec['domain']}.",
                        "Type": "CNAME",
                        "TTL": 60,
                        "ResourceRecords": [{"Value": "example.org"}],
                    },
                }
            ]
        },
    ),
    "AWS::CertificateManager::Certificate": lambda c, e: c("acm").request_certificate(
        DomainName=e.spec["domain"], ValidationMethod="DNS"
    ),
    "AWS::RDS::DBClusterSnapshot": lambda c, e: c("rds").create_db_cluster_snapshot(
        DBClusterSnapshotIdentifier=f"sy-{e.full_name}-by-hand", DBClusterIdentifier=f"sy-{e.full_name}"
    ),
}


def tags(environment):
    return [{"Key": "switchyard:environment", "Value": environment.full_name}]


def test_every_planted_leftover_is_listed_and_a_retry_searches_again(active, people, sandbox, keys):
    assert len(PLANTED) >= 12
    for plant in PLANTED.values():
        plant(lambda service: sandbox.client(service, keys, REGION), active)
    operation = drive(ask_teardown(people, active))
    active.refresh_from_db()
    assert (operation.status, active.status) == ("failed", "tearing-down")
    report = TeardownReport.objects.get()
    found = {row["type"] for row in report.left_over}
    assert found == set(PLANTED)
    assert all(row["found_by"] and row["remedy"] and row["region"] == REGION for row in report.left_over)
    assert f"{len(report.left_over)} resources are left over" in operation.sentence
    remove(sandbox, keys, active)
    operation_retry(operation_id=operation.pk, actor=people["team-lead"])
    drive(operation)
    active.refresh_from_db()
    assert (operation.status, active.status) == ("succeeded", "torn-down"), operation.sentence
    assert TeardownReport.objects.get().left_over == []
    # The certificate that was planted had kept the validation record; the retry's search deleted it.
    route53 = sandbox.client("route53", keys)
    records = route53.list_resource_record_sets(HostedZoneId=active.spec["zone_id"])["ResourceRecordSets"]
    assert not [record for record in records if active.spec["domain"] in record["Name"]]


def remove(sandbox, keys, e):
    """What the report's remedies ask a person to do."""

    def client(service):
        return sandbox.client(service, keys, REGION)

    name = f"sy-{e.full_name}-by-hand"
    client("s3").delete_bucket(Bucket=f"sy-{e.full_name}-forgotten")
    client("logs").delete_log_group(logGroupName=f"/aws/elasticbeanstalk/sy-{e.full_name}/var/log/late.log")
    client("secretsmanager").delete_secret(
        SecretId=f"sy-{e.full_name}/by-hand", ForceDeleteWithoutRecovery=True
    )
    client("ssm").delete_parameter(Name="/by-hand")
    client("iam").delete_role(RoleName=name)
    client("sqs").delete_queue(QueueUrl=client("sqs").get_queue_url(QueueName=name)["QueueUrl"])
    client("ecr").delete_repository(repositoryName=f"sy-{e.full_name}")
    client("events").delete_rule(Name=name)
    client("rds").delete_db_cluster_snapshot(DBClusterSnapshotIdentifier=name)
    ec2 = client("ec2")
    mine = [{"Name": "tag:switchyard:environment", "Values": [e.full_name]}]
    for address in ec2.describe_addresses(Filters=mine)["Addresses"]:
        ec2.release_address(AllocationId=address["AllocationId"])
    for group in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]:
        ec2.delete_security_group(GroupId=group["GroupId"])
    for certificate in client("acm").list_certificates()["CertificateSummaryList"]:
        if certificate["DomainName"] == e.spec["domain"]:
            client("acm").delete_certificate(CertificateArn=certificate["CertificateArn"])
    report = TeardownReport.objects.get()
    key = next(row["id"] for row in report.left_over if row["type"] == "AWS::KMS::Key")
    client("kms").schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    change = PLANTED["AWS::Route53::RecordSet"]

    class Deleting:
        """The same change, the other way."""

        @staticmethod
        def change_resource_record_sets(HostedZoneId, ChangeBatch):
            ChangeBatch["Changes"][0]["Action"] = "DELETE"
            client("route53").change_resource_record_sets(HostedZoneId=HostedZoneId, ChangeBatch=ChangeBatch)

    change(lambda service: Deleting, e)
