"""Each type of keys, secrets, databases and Beanstalk: made by CloudFormation, found by its service and by tag,
deleted, gone in both.

A row is a resource of one template; the test takes it and what it refers to. A KMS key is not gone: it waits for its
deletion, and its row says so.
"""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.types.data import ACCOUNT, BUCKET, OPTIONS, RESOURCES, option
from tests.sandbox.types.support import (
    REGION,
    Aws,
    Find,
    OneStack,
    Resources,
    Row,
    gone,
    tagged,
    wanted_by,
)


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
    Row("Alias", aliases, tag_region=None),
    Row("Secret", secret("ARN")),
    Row("Rotation", secret("RotationEnabled"), tag_region=None),
    Row("Policy", policy, tag_region=None),
    Row("Attachment", host_in_secret, tag_region=None),
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
    Row("GlobalCluster", in_rds("describe_global_clusters", "GlobalClusterIdentifier", "GlobalCluster")),
    Row("Instance", in_rds("describe_db_instances", "DBInstanceIdentifier", "Instance")),
    Row("Proxy", in_rds("describe_db_proxies", "DBProxyName", "Proxy")),
    Row("Targets", targets),
    Row("Reader", in_rds("describe_db_proxy_endpoints", "DBProxyEndpointName", "Reader")),
    Row("Application", applications, tag_region=None),
    Row("Version", versions, tag_region=None),
    Row("Template", templates, tag_region=None),
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


def template_of(name: str, primary: str) -> Resources:
    resources = copy.deepcopy(wanted_by(RESOURCES, name))
    if "Replica" in resources:
        resources["Replica"]["Properties"]["PrimaryKeyArn"] = primary
    return resources


def arn_of(aws: Aws, name: str, ids: dict[str, str]) -> str:
    """What the resource's ARN must hold: its physical id, but proxies are named by an id of their own."""
    if name == "Proxy":
        return str(aws("rds").describe_db_proxies(DBProxyName=ids[name])["DBProxies"][0]["DBProxyArn"])
    if name == "Reader":
        answer = aws("rds").describe_db_proxy_endpoints(DBProxyEndpointName=ids[name])
        return str(answer["DBProxyEndpoints"][0]["DBProxyEndpointArn"])
    return ids[name]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(RESOURCES[row.name]["Type"]))
def test_type_is_made_found_deleted_and_gone(row: Row, aws: Aws, primary: str) -> None:
    stack = OneStack(aws, f"types-{row.name}")
    ids = stack.create(template_of(row.name, primary))
    assert not gone(row.find, aws, ids)
    if row.tag_region:
        part = arn_of(aws, row.name, ids)
        assert any(part in arn for arn in tagged(aws, stack.name))
    stack.delete()
    assert gone(row.find, aws, ids)
    if row.tag_region and row.name not in ("Key", "Replica"):
        assert tagged(aws, stack.name) == []


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
    stack, resources = OneStack(aws, f"changes-{name}-{property}"), template_of(name, primary)
    before = stack.create(resources)
    resources[name].setdefault("Properties", {})[property] = value
    after = stack.update(resources)
    expected = {
        "Parameters": ["long_query_time"],
        "OptionSettings": ["t4g.small"],
        "CNAMEPrefix": f"types-moved.{REGION}.elasticbeanstalk.com",
    }.get(property, value)
    assert shows(aws, after) == expected
    assert (after[name] == before[name]) is kept
    stack.delete()
