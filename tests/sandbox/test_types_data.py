"""Each type of keys, secrets, databases and Beanstalk: made by CloudFormation, found by its service and by tag,
deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to. A KMS key is not gone: it waits for its
deletion, and its row says so.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox

ACCOUNT = "210000000011"
REGION = "eu-west-1"
BUCKET = f"types-bundles-{ACCOUNT}"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"


def ref(name: str) -> dict[str, str]:
    return {"Ref": name}


def subnet(block: str, zone: str) -> dict[str, Any]:
    properties = {"VpcId": ref("Vpc"), "CidrBlock": block, "AvailabilityZone": zone}
    return {"Type": "AWS::EC2::Subnet", "Properties": properties}


def option(namespace: str, name: str, value: Any) -> dict[str, Any]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


SUBNETS = [ref("SubnetA"), ref("SubnetB")]
OPTIONS = [
    option("aws:ec2:vpc", "VPCId", ref("Vpc")),
    option("aws:ec2:vpc", "Subnets", {"Fn::Join": [",", SUBNETS]}),
    option("aws:elasticbeanstalk:environment", "EnvironmentType", "SingleInstance"),
]
RESOURCES: dict[str, dict[str, Any]] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.31.0.0/16"}},
    "SubnetA": subnet("10.31.0.0/24", "eu-west-1a"),
    "SubnetB": subnet("10.31.1.0/24", "eu-west-1b"),
    "Key": {"Type": "AWS::KMS::Key", "Properties": {"MultiRegion": True, "PendingWindowInDays": 7}},
    "Replica": {
        "Type": "AWS::KMS::ReplicaKey",
        "Properties": {
            "PrimaryKeyArn": "PRIMARY",
            "PendingWindowInDays": 7,
            "KeyPolicy": {"Version": "2012-10-17", "Statement": []},
        },
    },
    "Alias": {
        "Type": "AWS::KMS::Alias",
        "Properties": {"AliasName": "alias/types", "TargetKeyId": ref("Key")},
    },
    "Secret": {
        "Type": "AWS::SecretsManager::Secret",
        "Properties": {
            "GenerateSecretString": {
                "SecretStringTemplate": '{"username":"swadmin"}',
                "GenerateStringKey": "password",
                "ExcludePunctuation": True,
            }
        },
    },
    "Rotation": {
        "Type": "AWS::SecretsManager::RotationSchedule",
        "Properties": {"SecretId": ref("Secret"), "RotationRules": {"AutomaticallyAfterDays": 30}},
    },
    "Policy": {
        "Type": "AWS::SecretsManager::ResourcePolicy",
        "Properties": {
            "SecretId": ref("Secret"),
            "ResourcePolicy": {"Version": "2012-10-17", "Statement": []},
        },
    },
    "Attachment": {
        "Type": "AWS::SecretsManager::SecretTargetAttachment",
        "Properties": {
            "SecretId": ref("Secret"),
            "TargetId": ref("Cluster"),
            "TargetType": "AWS::RDS::DBCluster",
        },
    },
    "Subnets": {
        "Type": "AWS::RDS::DBSubnetGroup",
        "Properties": {"DBSubnetGroupDescription": "two", "SubnetIds": SUBNETS},
    },
    "ClusterParameters": {
        "Type": "AWS::RDS::DBClusterParameterGroup",
        "Properties": {
            "Description": "cluster",
            "Family": "aurora-mysql8.0",
            "Parameters": {"require_secure_transport": "ON"},
        },
    },
    "InstanceParameters": {
        "Type": "AWS::RDS::DBParameterGroup",
        "Properties": {"Description": "instance", "Family": "aurora-mysql8.0"},
    },
    "Cluster": {
        "Type": "AWS::RDS::DBCluster",
        "DeletionPolicy": "Delete",
        "Properties": {
            "Engine": "aurora-mysql",
            "MasterUsername": "swadmin",
            "MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret}:SecretString:password}}"},
            "DBSubnetGroupName": ref("Subnets"),
            "DBClusterParameterGroupName": ref("ClusterParameters"),
        },
    },
    "Instance": {
        "Type": "AWS::RDS::DBInstance",
        "Properties": {
            "Engine": "aurora-mysql",
            "DBClusterIdentifier": ref("Cluster"),
            "DBInstanceClass": "db.r7g.large",
            "DBParameterGroupName": ref("InstanceParameters"),
        },
    },
    "Proxy": {
        "Type": "AWS::RDS::DBProxy",
        "Properties": {
            "DBProxyName": "types",
            "EngineFamily": "MYSQL",
            "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/proxy",
            "Auth": [{"AuthScheme": "SECRETS", "SecretArn": ref("Secret"), "IAMAuth": "DISABLED"}],
            "VpcSubnetIds": SUBNETS,
        },
    },
    "Targets": {
        "Type": "AWS::RDS::DBProxyTargetGroup",
        "DependsOn": "Instance",
        "Properties": {
            "DBProxyName": ref("Proxy"),
            "TargetGroupName": "default",
            "DBClusterIdentifiers": [ref("Cluster")],
        },
    },
    "Reader": {
        "Type": "AWS::RDS::DBProxyEndpoint",
        "Properties": {
            "DBProxyName": ref("Proxy"),
            "DBProxyEndpointName": "types-reader",
            "TargetRole": "READ_ONLY",
            "VpcSubnetIds": SUBNETS,
        },
    },
    "Application": {"Type": "AWS::ElasticBeanstalk::Application", "Properties": {"Description": "types"}},
    "Version": {
        "Type": "AWS::ElasticBeanstalk::ApplicationVersion",
        "Properties": {
            "ApplicationName": ref("Application"),
            "SourceBundle": {"S3Bucket": BUCKET, "S3Key": "bundle.zip"},
        },
    },
    "Template": {
        "Type": "AWS::ElasticBeanstalk::ConfigurationTemplate",
        "Properties": {
            "ApplicationName": ref("Application"),
            "PlatformArn": PLATFORM,
            "OptionSettings": [option("aws:autoscaling:asg", "MaxSize", "2")],
        },
    },
    "Environment": {
        "Type": "AWS::ElasticBeanstalk::Environment",
        "Properties": {
            "ApplicationName": ref("Application"),
            "VersionLabel": ref("Version"),
            "PlatformArn": PLATFORM,
            "OptionSettings": OPTIONS,
        },
    },
}


class Aws:
    """Clients of the test's account."""

    def __init__(self, sandbox: Sandbox, keys: Keys) -> None:
        self._sandbox, self._keys = sandbox, keys
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, service: str, region: str = REGION) -> Any:
        if (service, region) not in self._clients:
            self._clients[service, region] = self._sandbox.client(service, self._keys, region)
        return self._clients[service, region]


Find = Callable[[Aws, dict[str, str]], Any]


@dataclass
class Row:
    """A resource, how its service finds it ({} or [] or a refusal: gone), and whether the tagging API lists it."""

    name: str
    find: Find
    tagged: bool = True

    def __str__(self) -> str:
        return str(RESOURCES[self.name]["Type"])


def in_rds(operation: str, parameter: str, name: str) -> Find:
    return lambda aws, ids: getattr(aws("rds"), operation)(**{parameter: ids[name]})


def aliases(aws: Aws, ids: dict[str, str]) -> list[Any]:
    return [a for a in aws("kms").list_aliases()["Aliases"] if a["AliasName"] == ids["Alias"]]


def key_in_use(name: str) -> Find:
    """The key, unless it waits for its deletion."""

    def find(aws: Aws, ids: dict[str, str]) -> list[Any]:
        metadata = aws("kms").describe_key(KeyId=ids[name])["KeyMetadata"]
        return [] if metadata["KeyState"] == "PendingDeletion" and metadata["DeletionDate"] else [metadata]

    return find


def secret(member: str) -> Find:
    return lambda aws, ids: aws("secretsmanager").describe_secret(SecretId=ids["Secret"]).get(member)


def host_in_secret(aws: Aws, ids: dict[str, str]) -> str | None:
    value = aws("secretsmanager").get_secret_value(SecretId=ids["Secret"])["SecretString"]
    host: str | None = json.loads(value).get("host")
    return host


def policy(aws: Aws, ids: dict[str, str]) -> str | None:
    answer = aws("secretsmanager").get_resource_policy(SecretId=ids["Secret"])
    return answer.get("ResourcePolicy")


def targets(aws: Aws, ids: dict[str, str]) -> list[Any]:
    return list(aws("rds").describe_db_proxy_targets(DBProxyName=ids["Proxy"])["Targets"])


def versions(aws: Aws, ids: dict[str, str]) -> list[Any]:
    answer = aws("elasticbeanstalk").describe_application_versions(VersionLabels=[ids["Version"]])
    return list(answer["ApplicationVersions"])


def applications(aws: Aws, ids: dict[str, str]) -> list[Any]:
    names = [ids["Application"]]
    return list(aws("elasticbeanstalk").describe_applications(ApplicationNames=names)["Applications"])


def templates(aws: Aws, ids: dict[str, str]) -> list[Any]:
    return [t for a in applications(aws, ids) for t in a["ConfigurationTemplates"] if t == ids["Template"]]


def environments(aws: Aws, ids: dict[str, str]) -> list[Any]:
    names = [ids["Environment"]]
    answer = aws("elasticbeanstalk").describe_environments(EnvironmentNames=names, IncludeDeleted=False)
    return list(answer["Environments"])


ROWS = [
    Row("Key", key_in_use("Key")),
    Row("Replica", key_in_use("Replica")),
    Row("Alias", aliases, tagged=False),
    Row("Secret", secret("ARN")),
    Row("Rotation", secret("RotationEnabled"), tagged=False),
    Row("Policy", policy, tagged=False),
    Row("Attachment", host_in_secret, tagged=False),
    Row("Subnets", in_rds("describe_db_subnet_groups", "DBSubnetGroupName", "Subnets")),
    Row(
        "ClusterParameters",
        in_rds("describe_db_cluster_parameter_groups", "DBClusterParameterGroupName", "ClusterParameters"),
    ),
    Row(
        "InstanceParameters",
        in_rds("describe_db_parameter_groups", "DBParameterGroupName", "InstanceParameters"),
    ),
    Row("Cluster", in_rds("describe_db_clusters", "DBClusterIdentifier", "Cluster")),
    Row("Instance", in_rds("describe_db_instances", "DBInstanceIdentifier", "Instance")),
    Row("Proxy", in_rds("describe_db_proxies", "DBProxyName", "Proxy")),
    Row("Targets", targets),
    Row("Reader", in_rds("describe_db_proxy_endpoints", "DBProxyEndpointName", "Reader")),
    Row("Application", applications, tagged=False),
    Row("Version", versions, tagged=False),
    Row("Template", templates, tagged=False),
    Row("Environment", environments),
]


@pytest.fixture(scope="module")
def aws(sandbox: Sandbox) -> Aws:
    made = Aws(sandbox, sandbox.account(ACCOUNT))
    s3 = made("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="bundle.zip", Body=b"zip")
    return made


@pytest.fixture(scope="module")
def primary(aws: Aws) -> str:
    """The multi-Region key in another region of which `Replica` is one."""
    made = aws("kms", "eu-central-1").create_key(MultiRegion=True)
    return str(made["KeyMetadata"]["Arn"])


def named_in(value: Any) -> set[str]:
    """Logical names that a part of a template refers to."""
    if isinstance(value, list):
        return {name for item in value for name in named_in(item)}
    if not isinstance(value, dict):
        return {"Secret"} if isinstance(value, str) and "${Secret}" in value else set()
    found = {name for item in value.values() for name in named_in(item)}
    return found | {str(value[k]) for k in ("Ref", "DependsOn") if value.get(k) in RESOURCES}


def template_of(name: str, primary: str) -> str:
    wanted, more = set(), {name}
    while more:
        wanted |= more
        more = {n for w in wanted for n in named_in(RESOURCES[w])} - wanted
    return json.dumps({"Resources": {n: r for n, r in RESOURCES.items() if n in wanted}}).replace(
        "PRIMARY", primary
    )


def gone(find: Find, aws: Aws, ids: dict[str, str]) -> bool:
    try:
        return not find(aws, ids)
    except ClientError as refused:
        assert "NotFound" in refused.response["Error"]["Code"], refused
        return True


def tagged(aws: Aws, key: str) -> list[str]:
    filters = [{"Key": "row", "Values": [key]}]
    answer = aws("resourcegroupstaggingapi").get_resources(TagFilters=filters)
    return [str(r["ResourceARN"]) for r in answer["ResourceTagMappingList"]]


def settled(cloudformation: Any, stack: str, wanted: str) -> None:
    """Wait until the stack is no longer in progress; it must then be in the wanted state."""
    deadline = time.monotonic() + 20
    while True:
        status = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"]
        if not status.endswith("_IN_PROGRESS"):
            break
        assert time.monotonic() < deadline, f"{stack} is still {status}"
        time.sleep(0.02)
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    reasons = [e.get("ResourceStatusReason") for e in events if e["ResourceStatus"].endswith("_FAILED")]
    assert status == wanted, reasons


def arn_of(aws: Aws, name: str, ids: dict[str, str]) -> str:
    """What the resource's ARN must hold: its physical id, but proxies are named by an id of their own."""
    if name == "Proxy":
        return str(aws("rds").describe_db_proxies(DBProxyName=ids[name])["DBProxies"][0]["DBProxyArn"])
    if name == "Reader":
        answer = aws("rds").describe_db_proxy_endpoints(DBProxyEndpointName=ids[name])
        return str(answer["DBProxyEndpoints"][0]["DBProxyEndpointArn"])
    return ids[name]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws, primary: str) -> None:
    cloudformation, stack = aws("cloudformation"), f"types-{row.name}"
    made = cloudformation.create_stack(
        StackName=stack, TemplateBody=template_of(row.name, primary), Tags=[{"Key": "row", "Value": row.name}]
    )
    settled(cloudformation, stack, "CREATE_COMPLETE")
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    ids = {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}
    assert not gone(row.find, aws, ids)
    if row.tagged:
        part = arn_of(aws, row.name, ids)
        assert any(part in arn for arn in tagged(aws, row.name))
    cloudformation.delete_stack(StackName=stack)
    settled(cloudformation, made["StackId"], "DELETE_COMPLETE")
    assert gone(row.find, aws, ids)
    if row.tagged and row.name not in ("Key", "Replica"):
        assert tagged(aws, row.name) == []


def changed(
    name: str, property: str, value: Any, shows: Callable[[Aws, dict[str, str]], Any], kept: bool
) -> Any:
    kind = "in place" if kept else "replaced"
    return pytest.param(name, property, value, shows, kept, id=f"{RESOURCES[name]['Type']}-{property}-{kind}")


def first(find: Find, member: str, field: str) -> Find:
    return lambda aws, ids: find(aws, ids)[member][0][field]


CLUSTERS = in_rds("describe_db_clusters", "DBClusterIdentifier", "Cluster")
INSTANCES = in_rds("describe_db_instances", "DBInstanceIdentifier", "Instance")
GROUPS = in_rds("describe_db_subnet_groups", "DBSubnetGroupName", "Subnets")
PROXIES = in_rds("describe_db_proxies", "DBProxyName", "Proxy")
MORE_INSTANCES = [*OPTIONS, option("aws:ec2:instances", "InstanceTypes", "t4g.small")]


def parameters(aws: Aws, ids: dict[str, str]) -> list[str]:
    answer = aws("rds").describe_db_cluster_parameters(DBClusterParameterGroupName=ids["ClusterParameters"])
    return [p["ParameterName"] for p in answer["Parameters"]]


def instance_types(aws: Aws, ids: dict[str, str]) -> list[str]:
    filters = [{"Name": "tag:elasticbeanstalk:environment-name", "Values": [ids["Environment"]]}]
    found = aws("ec2").describe_instances(Filters=filters)["Reservations"]
    return [i["InstanceType"] for r in found for i in r["Instances"] if i["State"]["Name"] == "running"]


@pytest.mark.parametrize(
    ("name", "property", "value", "shows", "kept"),
    [
        changed(
            "Key",
            "Description",
            "new",
            lambda aws, ids: aws("kms").describe_key(KeyId=ids["Key"])["KeyMetadata"]["Description"],
            True,
        ),
        changed("Secret", "Description", "new", secret("Description"), True),
        changed("Secret", "Name", "types-renamed", secret("Name"), False),
        changed(
            "Subnets",
            "DBSubnetGroupDescription",
            "new",
            first(GROUPS, "DBSubnetGroups", "DBSubnetGroupDescription"),
            True,
        ),
        changed("ClusterParameters", "Parameters", {"long_query_time": "2"}, parameters, True),
        changed(
            "Cluster",
            "BackupRetentionPeriod",
            9,
            first(CLUSTERS, "DBClusters", "BackupRetentionPeriod"),
            True,
        ),
        changed("Cluster", "DatabaseName", "other", first(CLUSTERS, "DBClusters", "DatabaseName"), False),
        changed(
            "Instance",
            "DBInstanceClass",
            "db.r7g.xlarge",
            first(INSTANCES, "DBInstances", "DBInstanceClass"),
            True,
        ),
        changed("Proxy", "IdleClientTimeout", 60, first(PROXIES, "DBProxies", "IdleClientTimeout"), True),
        changed(
            "Application",
            "Description",
            "new",
            lambda aws, ids: applications(aws, ids)[0]["Description"],
            True,
        ),
        changed("Version", "Description", "new", lambda aws, ids: versions(aws, ids)[0]["Description"], True),
        changed("Environment", "OptionSettings", MORE_INSTANCES, instance_types, True),
        changed(
            "Environment",
            "CNAMEPrefix",
            "types-moved",
            lambda aws, ids: environments(aws, ids)[0]["CNAME"],
            False,
        ),
    ],
)
def test_changed_property_reaches_its_service(
    name: str, property: str, value: Any, shows: Find, kept: bool, aws: Aws, primary: str
) -> None:
    cloudformation, stack = aws("cloudformation"), f"changes-{name}-{property}"
    template = json.loads(template_of(name, primary))
    made = cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    settled(cloudformation, stack, "CREATE_COMPLETE")

    def ids() -> dict[str, str]:
        resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources}

    before = ids()
    template["Resources"][name].setdefault("Properties", {})[property] = value
    cloudformation.update_stack(StackName=stack, TemplateBody=json.dumps(template))
    settled(cloudformation, stack, "UPDATE_COMPLETE")
    shown = shows(aws, ids())
    expected = {
        "Parameters": ["long_query_time"],
        "OptionSettings": ["t4g.small"],
        "CNAMEPrefix": f"types-moved.{REGION}.elasticbeanstalk.com",
    }.get(property, value)
    assert shown == expected
    assert (ids()[name] == before[name]) is kept
    cloudformation.delete_stack(StackName=stack)
    settled(cloudformation, made["StackId"], "DELETE_COMPLETE")
