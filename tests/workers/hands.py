"""What people do in the console, beside the portal."""

from tests.workers.support import REGION

ASG = "aws:autoscaling:asg"
HTTP2 = "routing.http2.enabled"


class Hands:
    """An environment's resources, changed by AWS's own APIs."""

    def __init__(self, environment, sandbox, keys):
        self.name = f"sy-{environment.full_name}"
        self.environment = environment
        self.beanstalk = sandbox.client("elasticbeanstalk", keys, REGION)
        self.s3 = sandbox.client("s3", keys, REGION)
        self.rds = sandbox.client("rds", keys, REGION)
        self.logs = sandbox.client("logs", keys, REGION)
        self.elbv2 = sandbox.client("elbv2", keys, REGION)

    def physical(self, stack, type_name, part=""):
        """The one resource of that type whose logical id has `part`."""
        (row,) = self.environment.resources().filter(
            stack__key=stack, type=type_name, logical_id__contains=part
        )
        return row.physical_id

    def http2(self, value):
        self.attribute(HTTP2, value)

    def attribute(self, key, value):
        """An attribute of the load balancer."""
        self.elbv2.modify_load_balancer_attributes(
            LoadBalancerArn=self.physical("app", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
            Attributes=[{"Key": key, "Value": value}],
        )

    def is_http2(self):
        arn = self.physical("app", "AWS::ElasticLoadBalancingV2::LoadBalancer")
        found = self.elbv2.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
        return {row["Key"]: row["Value"] for row in found}[HTTP2]

    def capacity(self, name, value):
        options = [{"Namespace": ASG, "OptionName": name, "Value": value}]
        self.beanstalk.update_environment(EnvironmentName=self.name, OptionSettings=options)

    def options(self):
        found = self.beanstalk.describe_environments(EnvironmentNames=[self.name])["Environments"][0]
        (settings,) = self.beanstalk.describe_configuration_settings(
            ApplicationName=found["ApplicationName"], EnvironmentName=self.name
        )["ConfigurationSettings"]
        return {(row["Namespace"], row["OptionName"]): row.get("Value") for row in settings["OptionSettings"]}

    def bucket(self):
        return self.physical("storage", "AWS::S3::Bucket", "Uploads")

    def unversion(self):
        self.s3.put_bucket_versioning(Bucket=self.bucket(), VersioningConfiguration={"Status": "Suspended"})

    def versioning(self):
        return self.s3.get_bucket_versioning(Bucket=self.bucket())["Status"]

    def keep_backups(self, days):
        self.rds.modify_db_cluster(DBClusterIdentifier=self.name, BackupRetentionPeriod=days)
