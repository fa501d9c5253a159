"""App, in either region: certificate, load balancer, web application firewall, DNS record, Beanstalk environment."""

from __future__ import annotations

from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from blueprint_cdk.constructs.beanstalk import Application, Placement
from blueprint_cdk.constructs.beanstalk_roles import InstanceProfile, ServiceRole
from blueprint_cdk.constructs.edge import LoadBalancer, WebFirewall
from blueprint_cdk.constructs.network import MYSQL_PORT, DirectDatabase
from blueprint_cdk.facts import RegionFacts, Running
from blueprint_cdk.fields import HOME, OTHER, PlaceName
from blueprint_cdk.sizes import size_of
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.analytics import AnalyticsStack
from blueprint_cdk.stacks.data import DataStack
from blueprint_cdk.stacks.engagement import engagement
from blueprint_cdk.stacks.identity import IdentityStack, OtherIdentityStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.messaging import MessagingStack, OtherMessagingStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.storage import StorageStack


class AppStack(EnvironmentStack):
    """The stacks given and `running` are of the same region. `bundle` is the placeholder's zip file and `bundle_hash`
    its SHA-256 in hexadecimal.
    """

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        running: Running,
        *,
        network: NetworkStack,
        keys: KeysStack | OtherKeysStack,
        data: DataStack,
        storage: StorageStack,
        identity: IdentityStack | OtherIdentityStack | None = None,
        analytics: AnalyticsStack | None = None,
        messaging: MessagingStack | OtherMessagingStack | None = None,
        bundle: Path,
        bundle_hash: str,
        place: PlaceName = HOME,
    ) -> None:
        super().__init__(scope, "app", spec, facts, protected=False, place=place)
        size = size_of(spec.size, other_region=spec.other_region)
        if place == OTHER:
            size = size.standing_by(spec.standby)
        size = size.running(running)
        edge = LoadBalancer(
            self,
            "Edge",
            name=self.named("load-balancer"),
            subnet_ids=network.public_subnet_ids,
            security_group_id=network.firewall.load_balancer.security_group_id,
            domain=spec.domain,
            record=spec.domain if place == HOME else spec.named("traffic-other"),
            zone_id=spec.zone_id,
            logs_bucket=storage.logs.bucket_name,
            maintenance=running.maintenance,
        )
        if place == HOME and spec.has_standby:
            edge.named("Home", spec.named("traffic-home"))
            edge.led_by(spec.named("traffic"), self.joined())
        self.load_balancer_full_name = edge.balancer.attr_load_balancer_full_name
        self.certificate_arn = edge.certificate.ref
        WebFirewall(
            self,
            "Firewall",
            name=self.named("web-acl"),
            log_group_name=self.named("waf-log-group"),
            logs_key_arn=network.logs_key.key_arn,
            log_retention_days=spec.log_retention_days,
            rate_limit=size.rate_limit_per_5_min,
            load_balancer_arn=edge.balancer.ref,
            other_arns={"Users": identity.user_pool_arn, "UserData": identity.api_arn} if identity else {},
        )
        # What is read weakly orders nothing by itself.
        self.add_stack_dependency(data)
        if data.proxy is None:
            DirectDatabase(self, "Direct", firewall=network.firewall)
        # Whole but for the six letters that Secrets Manager adds: the same in both regions, imported from nowhere.
        arn = f"arn:{self.partition}:secretsmanager:{self.region}:{self.account}:secret"
        secrets = {secret: f"{arn}:{spec.secret_name(secret)}" for secret in spec.secrets}
        name = self.named("beanstalk-environment")
        engaged = engagement(self, spec, analytics, messaging)
        application = Application(
            self,
            "Beanstalk",
            name=name,
            platform_arn=running.platform_arn or facts.beanstalk_platform_arn,
            version_label=running.version_label,
            bundle=str(bundle),
            bundle_hash=bundle_hash,
            size=size,
            schedules=spec.schedules,
            placement=Placement(
                vpc_id=network.vpc.vpc_id,
                instance_subnet_ids=network.private_subnet_ids,
                load_balancer_subnet_ids=network.public_subnet_ids,
                instance_group_id=network.firewall.instances.security_group_id,
                load_balancer_group_id=network.firewall.load_balancer.security_group_id,
                load_balancer_arn=edge.balancer.ref,
                domain=spec.domain,
            ),
            profile=InstanceProfile(
                self,
                "Instances",
                application=name,
                uploads_bucket_arn=storage.uploads.bucket_arn,
                key_arn=keys.data_key.key_arn,
                secret_arn=keys.secret_arn,
                application_secret_arns=[f"{secret}-??????" for secret in secrets.values()],
                statements=engaged.statements,
                key_services=engaged.key_services,
            ),
            service=ServiceRole(self, "Service", application=name),
            log_retention_days=spec.log_retention_days,
            variables={
                "SWITCHYARD_ENVIRONMENT": spec.key,
                # AWS's libraries find an instance's credentials by themselves, and its region not.
                "AWS_REGION": self.region,
                "DATABASE_HOST": _address(data, "DatabaseEndpoint", data.host),
                "DATABASE_READER_HOST": _address(data, "DatabaseReaderEndpoint", data.reader_host)
                if size.db_readers
                else _address(data, "DatabaseEndpoint", data.host),
                "DATABASE_PORT": str(MYSQL_PORT),
                "DATABASE_NAME": "app",
                "DATABASE_SECRET_ARN": keys.secret_arn,
                "UPLOADS_BUCKET": storage.uploads.bucket_name,
                **{f"{secret}_SECRET_ARN": secret_arn for secret, secret_arn in secrets.items()},
                **(identity.variables if identity else {}),
                **engaged.variables,
            },
        )
        # Beanstalk hangs its rule on the HTTPS listener: it must be there first, and go last.
        application.environment.add_resource_dependency(edge.https)
        application.environment.add_resource_dependency(edge.http)
        # And the page, which so stands ready from the application's first minute to its last.
        application.environment.add_resource_dependency(edge.maintenance)
        self.output("Address", f"https://{spec.domain}", "The environment's address")
        self.output(
            "BeanstalkUrl", f"http://{application.environment.attr_endpoint_url}", "Where Beanstalk serves it"
        )
        self.output("BeanstalkEnvironment", application.environment.ref, "Name of the Beanstalk environment")
        self.output("MaintenanceRule", edge.maintenance.ref, "The rule that shows the maintenance page")
        self.output("LoadBalancerDnsName", edge.balancer.attr_dns_name, "The load balancer")


def _address(data: DataStack, output: str, host: str) -> str:
    """A host of the database: of the cluster by an import, of the proxy weakly, by the stack's output.

    CloudFormation keeps what is imported from going, so an import would never let the proxy be turned off.
    """
    return cdk.Fn.get_stack_output(data.stack_name, data.output_id(output)) if data.proxy else host
