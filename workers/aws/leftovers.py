"""Listers: what of an environment can still be found, service by service. One lister, few calls, names only.

Each answers Found rows; a name begins with the environment's prefix or a tag says whose it is. Listing again and
again is cheap, and nothing here changes anything.
"""

from collections.abc import Callable, Iterable

from workers.aws import acm, backup, beanstalk, cognito, ec2, kms, logs, metrics, route53, s3, tagging
from workers.aws.found import TAG, Found, Wanted, is_ours, named
from workers.aws.paging import entries
from workers.aws.session import Session

Lister = Callable[[Session, Wanted], Iterable[Found]]


def ec2_tagged(session: Session, wanted: Wanted) -> Iterable[Found]:
    """EC2 by tag."""
    for lister in ec2.LISTERS:
        for identifier in ec2.tagged(session, lister, TAG, wanted.full_name):
            yield Found(lister[3], identifier, f"ec2 {lister[0]} by tag")
    for identifier in ec2.instances_tagged(session, TAG, wanted.full_name):
        yield Found("AWS::EC2::Instance", identifier, "ec2 describe_instances by tag")


def load_balancers(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Load balancers and target groups by name."""
    client = session.client("elbv2")
    for entry in entries(client, "describe_load_balancers", "LoadBalancers"):
        if is_ours(entry["LoadBalancerName"], wanted):
            yield named("AWS::ElasticLoadBalancingV2::LoadBalancer", entry["LoadBalancerName"], "elbv2")
    for entry in entries(client, "describe_target_groups", "TargetGroups"):
        if is_ours(entry["TargetGroupName"], wanted):
            yield named("AWS::ElasticLoadBalancingV2::TargetGroup", entry["TargetGroupName"], "elbv2")


# Paginator, member of its answer, name of an entry, type.
RDS: tuple[tuple[str, str, str, str], ...] = (
    ("describe_db_clusters", "DBClusters", "DBClusterIdentifier", "AWS::RDS::DBCluster"),
    ("describe_db_instances", "DBInstances", "DBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("describe_db_proxies", "DBProxies", "DBProxyName", "AWS::RDS::DBProxy"),
    ("describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName", "AWS::RDS::DBSubnetGroup"),
    (
        "describe_db_cluster_parameter_groups",
        "DBClusterParameterGroups",
        "DBClusterParameterGroupName",
        "AWS::RDS::DBClusterParameterGroup",
    ),
    (
        "describe_db_cluster_snapshots",
        "DBClusterSnapshots",
        "DBClusterSnapshotIdentifier",
        "AWS::RDS::DBClusterSnapshot",
    ),
    # A global cluster keeps its name apart from its members, in each region that has one.
    (
        "describe_global_clusters",
        "GlobalClusters",
        "GlobalClusterIdentifier",
        "AWS::RDS::GlobalCluster",
    ),
    (
        "describe_event_subscriptions",
        "EventSubscriptionsList",
        "CustSubscriptionId",
        "AWS::RDS::EventSubscription",
    ),
)


def databases(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Clusters, instances, proxies, groups and snapshots by name; a snapshot also by its cluster's name."""
    client = session.client("rds")
    for call, member, name, kind in RDS:
        for entry in entries(client, call, member):
            if is_ours(entry[name], wanted) or entry.get("DBClusterIdentifier") == wanted.prefix:
                yield named(kind, entry[name], f"rds {call}")


def buckets(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Buckets by name."""
    return [named("AWS::S3::Bucket", name, "s3") for name in s3.buckets_named(session, f"{wanted.prefix}-")]


def key_aliases(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Key aliases by name; keys themselves have none, see the tags and the stacks' history."""
    names = kms.aliases_named(session, f"alias/{wanted.prefix}")
    return [named("AWS::KMS::Alias", name, "kms list_aliases") for name in names]


def secrets(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Secrets by name, also those that wait for their deletion."""
    client = session.client("secretsmanager")
    request = {"IncludePlannedDeletion": True, "Filters": [{"Key": "name", "Values": [wanted.prefix]}]}
    for entry in entries(client, "list_secrets", "SecretList", **request):
        if is_ours(entry["Name"], wanted):
            deleted = entry.get("DeletedDate")
            date = f"{deleted:%Y-%m-%d}" if deleted else ""
            yield Found("AWS::SecretsManager::Secret", entry["Name"], "secretsmanager list_secrets", date)


def log_groups(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Log groups by the names that the blueprint and AWS's services give them."""
    for name in logs.groups_named(session, wanted.prefix):
        yield named("AWS::Logs::LogGroup", name, "logs describe_log_groups")


def identities(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Roles, policies and instance profiles by name."""
    client = session.client("iam")
    for call, member, name, kind, options in (
        ("list_roles", "Roles", "RoleName", "AWS::IAM::Role", {}),
        ("list_policies", "Policies", "PolicyName", "AWS::IAM::ManagedPolicy", {"Scope": "Local"}),
        (
            "list_instance_profiles",
            "InstanceProfiles",
            "InstanceProfileName",
            "AWS::IAM::InstanceProfile",
            {},
        ),
    ):
        for entry in entries(client, call, member, **options):
            if is_ours(entry[name], wanted):
                yield named(kind, entry[name], f"iam {call}")


def certificates(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Certificates by domain."""
    for entry in acm.certificates(session):
        if entry["DomainName"] == wanted.domain:
            yield Found(
                "AWS::CertificateManager::Certificate",
                entry["CertificateArn"],
                "acm list_certificates by domain",
            )


def records(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Records at and below the domain, and health checks by the alarms that decide them: they have no name."""
    for record in route53.records_named(session, wanted.zone_id, wanted.domain):
        yield Found("AWS::Route53::RecordSet", f"{record['name']} {record['type']}", "route53 by domain")
    for health_check, alarm in route53.alarm_checks(session):
        if is_ours(alarm, wanted):
            yield Found("AWS::Route53::HealthCheck", health_check, "route53 list_health_checks by alarm")


def firewalls(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Web ACLs by name."""
    client, request = session.client("wafv2"), {"Scope": "REGIONAL", "Limit": 100}
    while True:
        answer = client.list_web_acls(**request)
        for entry in answer["WebACLs"]:
            if is_ours(entry["Name"], wanted):
                yield named("AWS::WAFv2::WebACL", entry["Name"], "wafv2")
        # boto3 has no paginator for it, and WAF tells a marker with its last page too.
        if not answer.get("NextMarker") or not answer["WebACLs"]:
            return
        request["NextMarker"] = answer["NextMarker"]


def beanstalks(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Beanstalk applications and environments by name."""
    for name in beanstalk.applications_named(session, wanted.prefix):
        yield named("AWS::ElasticBeanstalk::Application", name, "elasticbeanstalk")
    for name in beanstalk.environments_named(session, wanted.prefix):
        yield named("AWS::ElasticBeanstalk::Environment", name, "elasticbeanstalk")


def scaling_groups(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Auto Scaling groups by tag."""
    filters = [{"Name": f"tag:{TAG}", "Values": [wanted.full_name]}]
    client = session.client("autoscaling")
    for entry in entries(client, "describe_auto_scaling_groups", "AutoScalingGroups", Filters=filters):
        yield Found("AWS::AutoScaling::AutoScalingGroup", entry["AutoScalingGroupName"], "autoscaling by tag")


def repositories(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Image repositories by name."""
    for entry in entries(session.client("ecr"), "describe_repositories", "repositories"):
        if is_ours(entry["repositoryName"], wanted):
            yield named("AWS::ECR::Repository", entry["repositoryName"], "ecr")


def queues(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Queues by name."""
    # Without a page size SQS tells a thousand, and no token for the rest.
    request = {"QueueNamePrefix": wanted.prefix, "PaginationConfig": {"PageSize": 1000}}
    for url in entries(session.client("sqs"), "list_queues", "QueueUrls", **request):
        yield named("AWS::SQS::Queue", url.rsplit("/", 1)[-1], "sqs list_queues")


def rules(session: Session, wanted: Wanted) -> Iterable[Found]:
    """EventBridge rules by name."""
    for entry in entries(session.client("events"), "list_rules", "Rules", NamePrefix=wanted.prefix):
        yield named("AWS::Events::Rule", entry["Name"], "events list_rules")


def alarms(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Alarms and dashboards by name."""
    for kind, name in metrics.alarms_named(session, wanted.prefix):
        yield named(kind, name, "cloudwatch describe_alarms")
    for name in metrics.dashboards_named(session, wanted.prefix):
        yield named("AWS::CloudWatch::Dashboard", name, "cloudwatch list_dashboards")


def topics(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Topics by name."""
    for entry in entries(session.client("sns"), "list_topics", "Topics"):
        name = entry["TopicArn"].rsplit(":", 1)[-1]
        if is_ours(name, wanted):
            yield named("AWS::SNS::Topic", name, "sns list_topics")


def budgets(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Budgets by name; they are the account's, whatever the region."""
    account = session.role.arn.split(":")[4]
    for entry in entries(session.client("budgets"), "describe_budgets", "Budgets", AccountId=account):
        if is_ours(entry["BudgetName"], wanted):
            yield named("AWS::Budgets::Budget", entry["BudgetName"], "budgets describe_budgets")


def projects(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Build projects by name."""
    for name in entries(session.client("codebuild"), "list_projects", "projects"):
        if is_ours(name, wanted):
            yield named("AWS::CodeBuild::Project", name, "codebuild list_projects")


def user_pools(session: Session, wanted: Wanted) -> Iterable[Found]:
    """User pools by name."""
    for pool in cognito.user_pools(session):
        if is_ours(pool.get("Name", ""), wanted):
            yield Found("AWS::Cognito::UserPool", pool["Id"], "cognito-idp list_user_pools by name")


def identity_pools(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Identity pools by name."""
    for pool in cognito.identity_pools(session):
        if is_ours(pool.get("IdentityPoolName", ""), wanted):
            kind, found = "AWS::Cognito::IdentityPool", pool["IdentityPoolId"]
            yield Found(kind, found, "cognito-identity list_identity_pools by name")


def tables(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Tables by name."""
    for name in entries(session.client("dynamodb"), "list_tables", "TableNames"):
        if is_ours(name, wanted):
            yield named("AWS::DynamoDB::GlobalTable", name, "dynamodb list_tables")


def catalogs(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Glue databases by name, which has no hyphens; their tables go with them."""
    for entry in entries(session.client("glue"), "get_databases", "DatabaseList"):
        if is_ours(entry["Name"].replace("_", "-"), wanted):
            yield named("AWS::Glue::Database", entry["Name"], "glue get_databases")


def vaults(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Backup vaults and plans by name."""
    for name in backup.vaults(session):
        if is_ours(name, wanted):
            yield named("AWS::Backup::BackupVault", name, "backup list_backup_vaults")
    for plan in entries(session.client("backup"), "list_backup_plans", "BackupPlansList"):
        if is_ours(plan["BackupPlanName"], wanted):
            yield Found("AWS::Backup::BackupPlan", plan["BackupPlanId"], "backup list_backup_plans by name")


def tagged(session: Session, wanted: Wanted) -> Iterable[Found]:
    """Whatever carries the environment's tag. The tagging API lags: what EC2 itself no longer lists is gone."""
    for arn in tagging.arns_tagged(session, TAG, wanted.full_name):
        service = arn.split(":", 5)[2]
        if service == "ec2":
            continue
        if service == "kms":
            state, date = kms.key_state(session, arn)
            if state == kms.PENDING_REPLICAS:
                yield Found("AWS::KMS::Key", arn, "tag", kms.AFTER_REPLICAS)
            elif state and not date:
                yield Found("AWS::KMS::Key", arn, "tag")
            elif date:
                yield Found("AWS::KMS::Key", arn, "tag", f"{date:%Y-%m-%d}")
            continue
        yield Found(tagging.type_of(arn), arn, "tag")


LISTERS: dict[str, Lister] = {
    "ec2": ec2_tagged,
    "elasticloadbalancing": load_balancers,
    "rds": databases,
    "s3": buckets,
    "kms": key_aliases,
    "secretsmanager": secrets,
    "logs": log_groups,
    "iam": identities,
    "acm": certificates,
    "route53": records,
    "wafv2": firewalls,
    "elasticbeanstalk": beanstalks,
    "autoscaling": scaling_groups,
    "ecr": repositories,
    "sqs": queues,
    "events": rules,
    "cloudwatch": alarms,
    "cognito-idp": user_pools,
    "cognito-identity": identity_pools,
    "dynamodb": tables,
    "sns": topics,
    "budgets": budgets,
    "codebuild": projects,
    "backup": vaults,
    "glue": catalogs,
    "tag": tagged,
}
