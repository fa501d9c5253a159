"""What each stack holds: the properties that a reader of docs/blueprint.md relies on."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from blueprint_cdk import VERSION
from blueprint_cdk.data import load
from tests.blueprint_cdk.support import SPEC, Assembly, Synthesise

STACKS = {row["key"]: row for row in load("stacks")["environment"]}


def options(assembly: Assembly) -> dict[tuple[str, str], Any]:
    """Beanstalk's option settings by namespace and name; each is set once."""
    rows = assembly.one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
    found = {(row["Namespace"], row["OptionName"]): row["Value"] for row in rows}
    assert len(found) == len(rows)
    return found


def attributes(assembly: Assembly) -> dict[str, Any]:
    rows = assembly.one("AWS::ElasticLoadBalancingV2::LoadBalancer")["LoadBalancerAttributes"]
    return {row["Key"]: row["Value"] for row in rows}


def test_described_stacks_are_the_synthesised_ones(synthesise: Synthesise) -> None:
    large = synthesise(size="large", tier="prod")
    assert set(large.templates()) == {f"sy-shop-k3x9-{key}" for key in STACKS}
    for key, row in STACKS.items():
        template = large.template(key)
        assert sorted({resource["Type"] for resource in template["Resources"].values()}) == row["types"], key
        shown = [name for name in template["Outputs"] if not name.startswith("ExportsOutput")]
        assert sorted(shown) == sorted(row["outputs"]), key


def test_described_needs_are_the_manifests_dependencies(small: Assembly) -> None:
    artifacts = small.manifest["artifacts"]
    for key, row in STACKS.items():
        needed = [
            name for name in artifacts[f"sy-shop-k3x9-{key}"]["dependencies"] if not name.endswith(".assets")
        ]
        assert sorted(needed) == sorted(f"sy-shop-k3x9-{need}" for need in row["needs"]), key


def test_template_fits_a_request_body_and_looks_nothing_up(small: Assembly) -> None:
    for name, template in small.templates().items():
        assert len(json.dumps(template)) < 51_200, name
        assert len(template["Resources"]) < 100
        assert "Parameters" not in template
    assert not small.manifest.get("missing")


def test_subnets_lie_in_three_zones_inside_the_vpc_with_room_left(synthesise: Synthesise) -> None:
    for cidr in ("10.20.0.0/16", "10.20.0.0/18", "192.168.0.0/20"):
        assembly = synthesise(cidr=cidr)
        assert assembly.one("AWS::EC2::VPC")["CidrBlock"] == cidr
        subnets = [subnet["Properties"] for subnet in assembly.all("AWS::EC2::Subnet")]
        assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == sorted(
            ["eu-west-1a", "eu-west-1b", "eu-west-1c"] * 3
        )
        blocks = [ipaddress.IPv4Network(subnet["CidrBlock"]) for subnet in subnets]
        assert (
            sum(block.num_addresses for block in blocks)
            == ipaddress.IPv4Network(cidr).num_addresses * 18 // 32
        )
        assert not [1 for a in blocks for b in blocks if a is not b and a.overlaps(b)]
        # A load balancer needs /27 and eight free addresses in each public subnet.
        assert min(block.num_addresses for block in blocks) >= 128
        assert {subnet["MapPublicIpOnLaunch"] for subnet in subnets} == {False}


@pytest.mark.parametrize(("size", "gateways"), [("small", 1), ("medium", 2), ("large", 3)])
def test_private_subnets_have_a_way_out_and_isolated_ones_none(
    synthesise: Synthesise, size: str, gateways: int
) -> None:
    network = synthesise(size=size).template("network")["Resources"]
    routes = [row["Properties"] for row in network.values() if row["Type"] == "AWS::EC2::Route"]
    assert len([row for row in network.values() if row["Type"] == "AWS::EC2::NatGateway"]) == gateways
    assert len([row for row in routes if "NatGatewayId" in row]) == 3
    assert len([row for row in routes if "GatewayId" in row]) == 3
    isolated = [name for name in network if "isolated" in name and "RouteTable" in name]
    assert isolated
    assert not [row for row in routes if row["RouteTableId"]["Ref"] in isolated]


def test_traffic_is_logged_into_an_encrypted_group(small: Assembly) -> None:
    flow = small.one("AWS::EC2::FlowLog")
    assert (flow["ResourceType"], flow["TrafficType"]) == ("VPC", "ALL")
    for group in small.all("AWS::Logs::LogGroup"):
        assert group["Properties"]["KmsKeyId"]
        assert group["Properties"]["RetentionInDays"] == 30
        assert group["DeletionPolicy"] == "Delete"


def test_security_groups_form_one_chain_and_only_the_load_balancer_is_public(small: Assembly) -> None:
    network = small.template("network")["Resources"]
    groups = {
        row["Properties"]["GroupDescription"]: row["Properties"]
        for row in network.values()
        if row["Type"] == "AWS::EC2::SecurityGroup"
    }
    public = {
        name
        for name, group in groups.items()
        for rule in group.get("SecurityGroupIngress", [])
        if rule.get("CidrIp") == "0.0.0.0/0"
    }
    assert public == {"Load balancer"}
    ingress = [
        row["Properties"] for row in network.values() if row["Type"] == "AWS::EC2::SecurityGroupIngress"
    ]
    assert sorted((rule["FromPort"], rule["Description"]) for rule in ingress) == [
        (80, "From the load balancer"),
        (3306, "From the database proxy"),
        (3306, "From the instances"),
    ]


def test_nothing_is_attached_to_the_default_security_group(small: Assembly) -> None:
    used = json.dumps([template["Resources"] for template in small.templates().values()])
    assert "DefaultSecurityGroup" not in used


def test_data_key_is_multi_region_rotated_and_kept(small: Assembly) -> None:
    [key] = [row for row in small.template("keys")["Resources"].values() if row["Type"] == "AWS::KMS::Key"]
    assert key["Properties"]["MultiRegion"] is True
    assert key["Properties"]["EnableKeyRotation"] is True
    assert (key["DeletionPolicy"], key["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_database_password_is_our_own_secret_and_in_no_template(small: Assembly) -> None:
    secret = small.one("AWS::SecretsManager::Secret")
    assert json.loads(secret["GenerateSecretString"]["SecretStringTemplate"]) == {"username": "swadmin"}
    cluster = small.one("AWS::RDS::DBCluster")
    assert "ManageMasterUserPassword" not in cluster
    pieces = cluster["MasterUserPassword"]["Fn::Join"][1]
    assert pieces[0] == "{{resolve:secretsmanager:"
    assert pieces[-1] == ":SecretString:password}}"


@pytest.mark.parametrize("tier", ["dev", "staging", "prod"])
@pytest.mark.parametrize("size", ["small", "medium", "large"])
def test_cluster_is_encrypted_logged_backed_up_and_never_global(
    synthesise: Synthesise, size: str, tier: str
) -> None:
    assembly = synthesise(size=size, tier=tier, deletion_protection=tier == "prod")
    [cluster] = assembly.all("AWS::RDS::DBCluster")
    assert (cluster["DeletionPolicy"], cluster["UpdateReplacePolicy"]) == ("Snapshot", "Snapshot")
    properties = cluster["Properties"]
    assert properties["DBClusterIdentifier"] == "sy-shop-k3x9"
    assert properties["EngineVersion"] == "8.0.mysql_aurora.3.10.0"
    assert properties["StorageEncrypted"] is True
    assert properties["EnableIAMDatabaseAuthentication"] is True
    assert properties["EnableCloudwatchLogsExports"] == ["audit", "error", "slowquery"]
    assert properties["BackupRetentionPeriod"] == {"dev": 3, "staging": 7, "prod": 35}[tier]
    assert properties["DeletionProtection"] is (tier == "prod")
    assert "GlobalCluster" not in json.dumps(assembly.template("data"))
    parameters = assembly.one("AWS::RDS::DBClusterParameterGroup")
    assert parameters["Family"] == "aurora-mysql8.0"
    assert parameters["Parameters"]["require_secure_transport"] == "ON"


@pytest.mark.parametrize(
    ("size", "instances", "kind"),
    [("small", 1, "db.serverless"), ("medium", 2, "db.r6g.large"), ("large", 3, "db.r6g.xlarge")],
)
def test_size_decides_instances_of_the_cluster(
    synthesise: Synthesise, size: str, instances: int, kind: str
) -> None:
    assembly = synthesise(size=size)
    found = [row["Properties"] for row in assembly.all("AWS::RDS::DBInstance")]
    assert [row["DBInstanceClass"] for row in found] == [kind] * instances
    assert {row["PubliclyAccessible"] for row in found} == {False}
    serverless = "ServerlessV2ScalingConfiguration" in assembly.one("AWS::RDS::DBCluster")
    assert serverless is (kind == "db.serverless")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            {"kind": "snapshot", "id": "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:last"},
            {"SnapshotIdentifier": "arn:aws:rds:eu-west-1:111122223333:cluster-snapshot:last"},
        ),
        (
            {"kind": "cluster", "id": "sy-source-a1b2"},
            {
                "SourceDBClusterIdentifier": "sy-source-a1b2",
                "RestoreType": "copy-on-write",
                "UseLatestRestorableTime": True,
            },
        ),
    ],
)
def test_restored_cluster_names_its_source_and_takes_its_user(
    synthesise: Synthesise, source: dict[str, str], expected: dict[str, Any]
) -> None:
    cluster = synthesise(restore_source=source).one("AWS::RDS::DBCluster")
    named = {"SnapshotIdentifier", "SourceDBClusterIdentifier", "RestoreType", "UseLatestRestorableTime"}
    assert {name: value for name, value in cluster.items() if name in named} == expected
    assert not {"MasterUsername", "DatabaseName"} & set(cluster)


def test_proxy_wants_tls_and_has_an_endpoint_for_reads_in_every_size(synthesise: Synthesise) -> None:
    for size in ("small", "medium", "large"):
        assembly = synthesise(size=size)
        assert assembly.one("AWS::RDS::DBProxy")["RequireTLS"] is True
        assert assembly.one("AWS::RDS::DBProxyEndpoint")["TargetRole"] == "READ_ONLY"
        [targets] = assembly.all("AWS::RDS::DBProxyTargetGroup")
        writers = [
            name for name in assembly.template("data")["Resources"] if name.startswith("DatabaseWriter")
        ]
        assert set(writers) <= set(targets["DependsOn"])


def test_application_reads_from_the_writer_where_there_is_no_reader(synthesise: Synthesise) -> None:
    names = ("DATABASE_HOST", "DATABASE_READER_HOST")
    space = "aws:elasticbeanstalk:application:environment"
    small, medium = (options(synthesise(size=size)) for size in ("small", "medium"))
    assert small[space, names[0]] == small[space, names[1]]
    assert medium[space, names[0]] != medium[space, names[1]]


def test_buckets_are_closed_versioned_encrypted_and_tls_only(small: Assembly) -> None:
    storage = small.template("storage")["Resources"]
    buckets = {
        row["Properties"]["BucketName"]: row for row in storage.values() if row["Type"] == "AWS::S3::Bucket"
    }
    uploads = buckets["sy-shop-k3x9-uploads-111122223333-eu-west-1"]["Properties"]
    logs = buckets["sy-shop-k3x9-logs-111122223333-eu-west-1"]["Properties"]
    for bucket in (uploads, logs):
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}

    def algorithm(bucket: dict[str, Any]) -> str:
        [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        return str(rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"])

    # Load balancers write to SSE-S3 only.
    assert (algorithm(uploads), algorithm(logs)) == ("aws:kms", "AES256")
    [archive] = uploads["LifecycleConfiguration"]["Rules"]
    assert archive["Transitions"] == [{"StorageClass": "GLACIER", "TransitionInDays": 180}]
    for policy in small.all("AWS::S3::BucketPolicy"):
        statements = policy["Properties"]["PolicyDocument"]["Statement"]
        assert any(
            row["Effect"] == "Deny" and row["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for row in statements
        )


@pytest.mark.parametrize(
    ("facts", "principal"),
    [
        ({}, {"Service": "logdelivery.elasticloadbalancing.amazonaws.com"}),
        ({"elb_account_id": "156460612806"}, {"AWS": "arn:aws:iam::156460612806:root"}),
    ],
)
def test_load_balancer_may_write_its_logs(
    synthesise: Synthesise, facts: dict[str, str], principal: dict[str, str]
) -> None:
    assembly = synthesise(facts=facts)
    statements = [
        row
        for policy in assembly.all("AWS::S3::BucketPolicy")
        for row in policy["Properties"]["PolicyDocument"]["Statement"]
        if row.get("Sid") == "LoadBalancerLogs"
    ]
    [statement] = statements
    assert statement["Principal"] == principal
    assert statement["Action"] == "s3:PutObject"
    assert json.dumps(statement["Resource"]).count("load-balancer/AWSLogs/111122223333/*") == 1


def test_load_balancer_speaks_https_and_redirects_the_rest(small: Assembly) -> None:
    listeners = {
        row["Properties"]["Port"]: row["Properties"]
        for row in small.all("AWS::ElasticLoadBalancingV2::Listener")
    }
    assert set(listeners) == {80, 443}
    [redirect] = listeners[80]["DefaultActions"]
    assert redirect["RedirectConfig"] == {"Port": "443", "Protocol": "HTTPS", "StatusCode": "HTTP_301"}
    assert "TLS13" in listeners[443]["SslPolicy"]
    certificate = small.one("AWS::CertificateManager::Certificate")
    assert certificate["DomainName"] == "shop.dev.example.com"
    assert certificate["DomainValidationOptions"] == [
        {"DomainName": "shop.dev.example.com", "HostedZoneId": SPEC["zone_id"]}
    ]
    found = attributes(small)
    assert found["access_logs.s3.enabled"] == "true"
    assert found["routing.http2.enabled"] == "true"
    assert found["routing.http.drop_invalid_header_fields.enabled"] == "true"
    record = small.one("AWS::Route53::RecordSet")
    assert (record["Name"], record["Type"]) == ("shop.dev.example.com.", "A")
    assert "AliasTarget" in record


def test_web_firewall_stands_before_the_load_balancer_and_logs(small: Assembly) -> None:
    acl = small.one("AWS::WAFv2::WebACL")
    assert acl["Scope"] == "REGIONAL"
    assert [rule["Name"] for rule in acl["Rules"]][-1] == "RateLimit"
    assert len([rule for rule in acl["Rules"] if "OverrideAction" in rule]) == 4
    assert small.one("AWS::WAFv2::WebACLAssociation")["ResourceArn"]["Ref"].startswith("EdgeBalancer")
    [destination] = small.one("AWS::WAFv2::LoggingConfiguration")["LogDestinationConfigs"]
    assert destination.endswith(":log-group:aws-waf-logs-sy-shop-k3x9")


def test_beanstalk_runs_docker_behind_the_shared_load_balancer(small: Assembly) -> None:
    environment = small.one("AWS::ElasticBeanstalk::Environment")
    assert environment["PlatformArn"].endswith("Docker running on 64bit Amazon Linux 2023/4.6.0")
    assert not {"SolutionStackName", "CNAMEPrefix"} & set(environment)
    found = options(small)
    expected = {
        ("aws:elasticbeanstalk:environment", "LoadBalancerIsShared"): "true",
        ("aws:elbv2:listener:443", "Rules"): "app",
        ("aws:elbv2:listenerrule:app", "HostHeaders"): "shop.dev.example.com",
        ("aws:autoscaling:launchconfiguration", "DisableIMDSv1"): "true",
        ("aws:autoscaling:launchconfiguration", "DisableDefaultEC2SecurityGroup"): "true",
        ("aws:ec2:vpc", "AssociatePublicIpAddress"): "false",
        ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): "enhanced",
        ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled"): "true",
        ("aws:elasticbeanstalk:cloudwatch:logs", "DeleteOnTerminate"): "true",
        ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/healthz",
    }
    assert {key: found[key] for key in expected} == expected
    subnets = json.dumps(found["aws:ec2:vpc", "Subnets"])
    assert "private" in subnets
    assert "public" not in subnets


@pytest.mark.parametrize(
    ("size", "low", "high", "policy"),
    [
        ("small", "1", "2", "RollingWithAdditionalBatch"),
        ("medium", "2", "6", "Immutable"),
        ("large", "3", "12", "Immutable"),
    ],
)
def test_size_decides_instances_and_deployment(
    synthesise: Synthesise, size: str, low: str, high: str, policy: str
) -> None:
    found = options(synthesise(size=size))
    assert found["aws:autoscaling:asg", "MinSize"] == low
    assert found["aws:autoscaling:asg", "MaxSize"] == high
    assert found["aws:elasticbeanstalk:command", "DeploymentPolicy"] == policy


def test_environment_variables_hold_names_and_no_secret(small: Assembly) -> None:
    space = "aws:elasticbeanstalk:application:environment"
    variables = {name: value for (namespace, name), value in options(small).items() if namespace == space}
    assert set(variables) == {
        "SWITCHYARD_ENVIRONMENT",
        "DATABASE_HOST",
        "DATABASE_READER_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_SECRET_ARN",
        "UPLOADS_BUCKET",
    }
    assert "resolve:" not in json.dumps(variables)


def test_what_the_environment_uses_is_deleted_after_it(small: Assembly) -> None:
    app = small.template("app")["Resources"]
    [environment] = [row for row in app.values() if row["Type"] == "AWS::ElasticBeanstalk::Environment"]
    kinds = {app[name]["Type"] for name in environment["DependsOn"]}
    assert kinds == {"AWS::IAM::Policy", "AWS::ElasticLoadBalancingV2::Listener"}
    data = small.template("data")["Resources"]
    [cluster] = [row for row in data.values() if row["Type"] == "AWS::RDS::DBCluster"]
    # RDS writes until it is gone: a log group that went before it would come back by itself.
    assert {data[name]["Type"] for name in cluster["DependsOn"]} == {"AWS::Logs::LogGroup"}
    assert len(cluster["DependsOn"]) == 3
    [flow] = [
        row for row in small.template("network")["Resources"].values() if row["Type"] == "AWS::EC2::FlowLog"
    ]
    assert flow["DependsOn"]


def test_every_resource_that_can_be_tagged_is(small: Assembly) -> None:
    wanted = {
        "switchyard:environment": "shop-k3x9",
        "switchyard:team": "web",
        "switchyard:tier": "dev",
        "switchyard:owner": "ann@example.com",
        "switchyard:release": VERSION,
    }
    untagged = set()
    for template in small.templates().values():
        for resource in template["Resources"].values():
            tags = resource["Properties"].get("Tags")
            if tags is None:
                untagged.add(resource["Type"])
                continue
            found = tags if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}
            assert {key: found.get(key) for key in wanted} == wanted, resource["Type"]
    assert untagged == {
        "AWS::EC2::Route",
        "AWS::EC2::SecurityGroupEgress",
        "AWS::EC2::SecurityGroupIngress",
        "AWS::EC2::SubnetRouteTableAssociation",
        "AWS::EC2::VPCGatewayAttachment",
        "AWS::ElasticBeanstalk::Application",
        "AWS::ElasticBeanstalk::ApplicationVersion",
        "AWS::IAM::InstanceProfile",
        "AWS::IAM::Policy",
        "AWS::KMS::Alias",
        "AWS::RDS::DBProxyTargetGroup",
        "AWS::Route53::RecordSet",
        "AWS::S3::BucketPolicy",
        "AWS::WAFv2::LoggingConfiguration",
        "AWS::WAFv2::WebACLAssociation",
    }
    for artifact in small.manifest["artifacts"].values():
        if artifact["type"] == "aws:cloudformation:stack":
            assert artifact["properties"]["tags"] == wanted


def test_address_and_endpoints_are_outputs(small: Assembly) -> None:
    assert small.template("app")["Outputs"]["Address"]["Value"] == "https://shop.dev.example.com"
    assert {"DatabaseEndpoint", "DatabaseReaderEndpoint"} <= set(small.template("data")["Outputs"])
    assert {"UploadsBucket", "LogsBucket"} <= set(small.template("storage")["Outputs"])
