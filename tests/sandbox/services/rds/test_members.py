"""Instances of a cluster, and the proxy before it."""

from typing import Any

from tests.sandbox.services.rds.support import Client, cluster, described, instance
from tests.sandbox.support import refused

ACCOUNT = "210000000092"


def test_endpoints_of_writer_and_reader(rds: Any) -> None:
    made = cluster(rds, "endpoints", Port=3307)
    assert made["Endpoint"].startswith("endpoints.cluster-c")
    assert made["ReaderEndpoint"].startswith("endpoints.cluster-ro-c")
    assert made["Endpoint"].endswith(".eu-west-1.rds.amazonaws.com")
    assert (made["Port"], made["AllocatedStorage"]) == (3307, 1)


def test_first_instance_writes_and_a_reader_follows_it(rds: Any) -> None:
    cluster(rds, "roles")
    instance(rds, "roles-1", "roles")
    instance(rds, "roles-2", "roles", PromotionTier=5)
    instance(rds, "roles-3", "roles", PromotionTier=2)

    def writer() -> list[str]:
        members = described(rds, "roles")["DBClusterMembers"]
        return [m["DBInstanceIdentifier"] for m in members if m["IsClusterWriter"]]

    assert writer() == ["roles-1"]
    rds.delete_db_instance(DBInstanceIdentifier="roles-1")
    assert writer() == ["roles-3"]
    rds.failover_db_cluster(DBClusterIdentifier="roles", TargetDBInstanceIdentifier="roles-2")
    assert writer() == ["roles-2"]


def test_serverless_instance_needs_the_clusters_scaling(rds: Any) -> None:
    cluster(rds, "fixed")
    params = {"DBClusterIdentifier": "fixed", "Engine": "aurora-mysql", "DBInstanceClass": "db.serverless"}
    refusal = refused(rds.create_db_instance, DBInstanceIdentifier="fixed-1", **params)
    assert refusal[0] == "InvalidDBClusterStateFault"
    rds.modify_db_cluster(
        DBClusterIdentifier="fixed", ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 2}
    )
    rds.create_db_instance(DBInstanceIdentifier="fixed-1", **params)
    assert described(rds, "fixed")["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 2


def test_instance_blocks_its_subnet_until_it_is_gone(
    rds: Any, client: Client, subnets: list[str], subnet_group: str
) -> None:
    ec2 = client("ec2")
    cluster(rds, "plugged", DBSubnetGroupName=subnet_group)
    instance(rds, "plugged-1", "plugged", AvailabilityZone="eu-west-1b")
    assert refused(ec2.delete_subnet, SubnetId=subnets[1])[0] == "DependencyViolation"
    rds.delete_db_instance(DBInstanceIdentifier="plugged-1")
    filters = [{"Name": "subnet-id", "Values": [subnets[1]]}]
    assert ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"] == []
    refusal = refused(rds.delete_db_subnet_group, DBSubnetGroupName=subnet_group)
    assert refusal[0] == "InvalidDBSubnetGroupStateFault"
    rds.delete_db_cluster(DBClusterIdentifier="plugged", SkipFinalSnapshot=True)


def test_proxy_tells_its_targets_by_role(rds: Any, client: Client, subnets: list[str]) -> None:
    secret = client("secretsmanager").create_secret(Name="proxied", SecretString="{}")["ARN"]
    cluster(rds, "proxied")
    instance(rds, "proxied-1", "proxied")
    instance(rds, "proxied-2", "proxied")
    rds.create_db_proxy(
        DBProxyName="proxied",
        EngineFamily="MYSQL",
        Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
        RoleArn=f"arn:aws:iam::{ACCOUNT}:role/proxy",
        VpcSubnetIds=subnets,
    )
    rds.register_db_proxy_targets(DBProxyName="proxied", DBClusterIdentifiers=["proxied"])
    again = {"DBProxyName": "proxied", "DBClusterIdentifiers": ["proxied"]}
    assert refused(rds.register_db_proxy_targets, **again)[0] == "DBProxyTargetAlreadyRegisteredFault"

    def targets() -> dict[str, tuple[Any, Any]]:
        found = rds.describe_db_proxy_targets(DBProxyName="proxied")["Targets"]
        members = [t for t in found if t["Type"] == "RDS_INSTANCE"]
        return {t["RdsResourceId"]: (t["Role"], t["TargetHealth"]["State"]) for t in members}

    assert targets() == {"proxied-1": ("READ_WRITE", "AVAILABLE"), "proxied-2": ("READ_ONLY", "AVAILABLE")}
    client("secretsmanager").delete_secret(SecretId="proxied")
    assert {state for _, state in targets().values()} == {"UNAVAILABLE"}
    rds.create_db_proxy_endpoint(
        DBProxyName="proxied", DBProxyEndpointName="proxied-ro", VpcSubnetIds=subnets, TargetRole="READ_ONLY"
    )
    rds.delete_db_proxy(DBProxyName="proxied")
    gone = refused(rds.describe_db_proxy_endpoints, DBProxyEndpointName="proxied-ro")
    assert gone[0] == "DBProxyEndpointNotFoundFault"
