"""Every type of the blueprint is looked for after a teardown, and every list is read to its end."""

from typing import Any

import pytest

from blueprint_cdk.modules import MODULES
from tests.blueprint_types import environment_types
from tests.sandbox.support import Stacks, template
from tests.sandbox.types.samples import sample
from workers.aws.found import TAG, Wanted
from workers.aws.leftovers import LISTERS
from workers.aws.session import Session, credentials_forget
from workers.context import READER, connection, role_of

pytestmark = pytest.mark.django_db(transaction=True)

MORE = "more"

# What goes with another resource and is nothing without it: found by the lister of that one.
PARTS = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "AWS::RDS::DBCluster",
    "AWS::ApplicationAutoScaling::ScalingPolicy": "AWS::RDS::DBCluster",
    "AWS::AppSync::DataSource": "AWS::AppSync::GraphQLApi",
    "AWS::AppSync::GraphQLSchema": "AWS::AppSync::GraphQLApi",
    "AWS::AppSync::Resolver": "AWS::AppSync::GraphQLApi",
    "AWS::Athena::NamedQuery": "AWS::Athena::WorkGroup",
    "AWS::Backup::BackupSelection": "AWS::Backup::BackupPlan",
    "AWS::Cognito::IdentityPoolPrincipalTag": "AWS::Cognito::IdentityPool",
    "AWS::Cognito::IdentityPoolRoleAttachment": "AWS::Cognito::IdentityPool",
    "AWS::Cognito::ManagedLoginBranding": "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient": "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolDomain": "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolGroup": "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolRegionalConfigurationAttachment": "AWS::Cognito::UserPool",
    # A pool of its own region, like any other, to whoever lists there.
    "AWS::Cognito::UserPoolReplica": "AWS::Cognito::UserPool",
    "AWS::EC2::Route": "AWS::EC2::RouteTable",
    "AWS::EC2::SecurityGroupEgress": "AWS::EC2::SecurityGroup",
    "AWS::EC2::SecurityGroupIngress": "AWS::EC2::SecurityGroup",
    "AWS::EC2::SubnetRouteTableAssociation": "AWS::EC2::RouteTable",
    "AWS::EC2::VPCGatewayAttachment": "AWS::EC2::InternetGateway",
    "AWS::ElasticBeanstalk::ApplicationVersion": "AWS::ElasticBeanstalk::Application",
    "AWS::ElasticLoadBalancingV2::Listener": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::ListenerRule": "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Glue::Table": "AWS::Glue::Database",
    "AWS::IAM::Policy": "AWS::IAM::Role",
    # A key of its own region, like any other, to whoever lists there.
    "AWS::KMS::ReplicaKey": "AWS::KMS::Key",
    "AWS::Logs::LogStream": "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter": "AWS::Logs::LogGroup",
    "AWS::Pinpoint::APNSChannel": "AWS::Pinpoint::App",
    "AWS::Pinpoint::APNSSandboxChannel": "AWS::Pinpoint::App",
    "AWS::Pinpoint::GCMChannel": "AWS::Pinpoint::App",
    "AWS::RDS::DBProxyEndpoint": "AWS::RDS::DBProxy",
    "AWS::RDS::DBProxyTargetGroup": "AWS::RDS::DBProxy",
    "AWS::S3::BucketPolicy": "AWS::S3::Bucket",
    "AWS::SES::ConfigurationSetEventDestination": "AWS::SES::ConfigurationSet",
    "AWS::SNS::TopicPolicy": "AWS::SNS::Topic",
    "AWS::SQS::QueuePolicy": "AWS::SQS::Queue",
    "AWS::WAFv2::LoggingConfiguration": "AWS::WAFv2::WebACL",
    "AWS::WAFv2::WebACLAssociation": "AWS::WAFv2::WebACL",
}


@pytest.fixture
def reader():
    """reader(environment) is a new session of the role that searches."""

    def session(environment):
        role = role_of(environment.account, READER, session_name="listers", source_identity="tests")
        return Session(
            connection(), role, environment.home_region, before=told, after=told, is_on_sandbox=True
        )

    return session


@pytest.fixture
def active(build):
    """An environment with every module, of a tier with backups, and so with every type."""
    return build(tier="staging", is_protected=False, modules=list(MODULES))


@pytest.fixture
def global_parts(active, keys, sandbox):
    """What a standby adds to the types of the home region, without one: a global cluster, and a health check."""
    rds = sandbox.client("rds", keys, active.home_region)
    [cluster] = rds.describe_db_clusters(DBClusterIdentifier=f"sy-{active.full_name}")["DBClusters"]
    name = f"sy-{active.full_name}-global"
    route53 = sandbox.client("route53", keys, "us-east-1")
    rds.create_global_cluster(GlobalClusterIdentifier=name, SourceDBClusterIdentifier=cluster["DBClusterArn"])
    check = route53.create_health_check(
        CallerReference=name,
        HealthCheckConfig={
            "Type": "CLOUDWATCH_METRIC",
            "AlarmIdentifier": {"Region": active.home_region, "Name": f"sy-{active.full_name}-withdraw"},
            "InsufficientDataHealthStatus": "LastKnownStatus",
        },
    )["HealthCheck"]["Id"]
    yield
    route53.delete_health_check(HealthCheckId=check)
    rds.remove_from_global_cluster(GlobalClusterIdentifier=name, DbClusterIdentifier=cluster["DBClusterArn"])
    rds.delete_global_cluster(GlobalClusterIdentifier=name)


@pytest.fixture
def dashboard(active, keys, sandbox):
    """What a spec's `dashboard_owner` adds, with the environment's tag; by hand, for a new environment has none."""
    stacks = Stacks(sandbox.client("cloudformation", keys, active.home_region))
    kinds = [f"AWS::QuickSight::{kind}" for kind in ("Dashboard", "DataSet", "DataSource")]
    body = template(
        **{kind.rpartition("::")[2]: {"Type": kind, "Properties": sample(kind)} for kind in kinds}
    )
    stack = stacks.create("dashboard", body, Tags=[{"Key": TAG, "Value": active.full_name}])
    assert stack["StackStatus"] == "CREATE_COMPLETE", stacks.events("dashboard")
    yield
    stacks.delete("dashboard")


def told(service: str, operation: str) -> None:
    """Nothing is done around a call."""


def wanted_of(environment: Any) -> Wanted:
    return Wanted(environment.full_name, environment.spec["domain"], environment.spec["zone_id"])


def test_every_type_of_the_blueprint_is_found_by_a_lister_or_goes_with_one_that_is(
    active, global_parts, dashboard, reader
):
    wanted = wanted_of(active)
    found = {row.type for lister in LISTERS.values() for row in lister(reader(active), wanted)}
    types = environment_types()
    assert types - found - set(PARTS) == set()
    assert set(PARTS.values()) <= found
    # A row of the table that nothing needs would hide a type that comes back without a lister.
    assert set(PARTS) <= types - found


def test_every_lister_reads_all_pages(active, global_parts, reader, keys, sandbox):
    sandbox.client("ecr", keys, active.home_region).create_repository(repositoryName=f"sy-{active.full_name}")
    sqs = sandbox.client("sqs", keys, active.home_region)
    queue = sqs.create_queue(QueueName=f"sy-{active.full_name}-late")["QueueUrl"]
    events = sandbox.client("events", keys, active.home_region)
    events.put_rule(Name=f"sy-{active.full_name}-late", ScheduleExpression="rate(1 day)")
    try:
        wanted, whole = wanted_of(active), reader(active)
        plain = {service: sorted(lister(whole, wanted), key=str) for service, lister in LISTERS.items()}
        assert {service for service, found in plain.items() if not found} == set()
        # Clients of their own, before and after: those of a role are shared.
        credentials_forget()
        paged = Paged(reader(active))
        for service, lister in LISTERS.items():
            assert sorted(lister(paged, wanted), key=str) == plain[service], service
    finally:
        credentials_forget()
        sqs.delete_queue(QueueUrl=queue)
        events.delete_rule(Name=f"sy-{active.full_name}-late")
    assert {"DescribeGlobalClusters", "ListHealthChecks"} <= paged.split
    assert {"ListWebACLs", "ListQueues", "ListRules", "DescribeVpcs", "ListBuckets"} <= paged.split


class Paged:
    """A session whose lists come in two pages: an empty one with a token, and the real one."""

    def __init__(self, session: Any) -> None:
        self._session, self._seen = session, []
        self.region, self.role = session.region, session.role
        self.split: set[str] = set()

    def client(self, service: str, **where: Any) -> Any:
        client = self._session.client(service, **where)
        if not any(client is one for one in self._seen):
            self._seen.append(client)
            client.meta.events.register("provide-client-params", lambda **told: self._ask(client, **told))
            client.meta.events.register("after-call", lambda **told: self._answer(client, **told))
        return client

    def _ask(self, client: Any, params: Any, model: Any, context: Any, **_: Any) -> Any:
        pages = pages_of(client, model)
        if pages is None:
            return params
        # Only the first page is made up: the account of all these tests may have more of them than one page holds.
        context["made up"] = not any(params.get(name) for name in pages["in"])
        return {name: value for name, value in params.items() if value != MORE or name not in pages["in"]}

    def _answer(self, client: Any, parsed: Any, model: Any, context: Any, **_: Any) -> None:
        pages = pages_of(client, model)
        if pages is None or not context["made up"]:
            return
        if pages["more"]:
            parsed[pages["more"]] = True
        self.split.add(model.name)
        parsed.update(dict.fromkeys(pages["out"], MORE))
        for name in pages["results"]:
            if name in parsed:
                # WAF tells a marker with its last page, so an empty page is its end: this one has a stranger.
                parsed[name] = [{"Name": "stranger"}] if model.name == "ListWebACLs" else []


def pages_of(client: Any, model: Any) -> dict[str, Any] | None:
    """Members of an operation's tokens, in and out, of its flag for more, and of its results; None: it has no pages."""
    if model.name == "ListWebACLs":
        return {"in": ["NextMarker"], "out": ["NextMarker"], "more": None, "results": ["WebACLs"]}
    operation = {name: method for method, name in client.meta.method_to_api_mapping.items()}[model.name]
    if not client.can_paginate(operation):
        return None
    told = client.get_paginator(operation)._pagination_cfg

    def members(key: str) -> list[str]:
        value = told.get(key) or []
        return [str(one).split(" ")[0] for one in (value if isinstance(value, list) else [value])]

    return {
        "in": members("input_token"),
        "out": members("output_token"),
        "more": told.get("more_results"),
        "results": members("result_key"),
    }
