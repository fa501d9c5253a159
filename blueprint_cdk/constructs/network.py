"""The VPC, its way out, its flow logs, and the firewall between the units."""

from __future__ import annotations

import ipaddress

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from blueprint_cdk.constructs.service_roles import service_role

MYSQL_PORT = 3306
"""RDS Proxy listens on it whatever the cluster's own port is."""


class Network(Construct):
    """A VPC over three zones: public, private (way out by NAT) and isolated subnets.

    Blocks come from the prefix alone and zones by name, so that no later change moves a subnet: of 32 parts of the
    VPC, private subnets take 3 x 4, public and isolated ones 3 x 1 each; the last 14 stay free for later releases.
    `nat_gateways` may change: it only adds or removes gateways and turns routes.
    """

    def __init__(self, scope: Construct, id: str, *, cidr: str, zones: list[str], nat_gateways: int) -> None:
        super().__init__(scope, id)
        prefix = ipaddress.IPv4Network(cidr).prefixlen

        def subnets(name: str, kind: ec2.SubnetType, mask: int) -> ec2.SubnetConfiguration:
            # No address is given by itself: only the load balancer and NAT gateways are public, by their own means.
            public = False if kind == ec2.SubnetType.PUBLIC else None
            return ec2.SubnetConfiguration(
                name=name, subnet_type=kind, cidr_mask=mask, map_public_ip_on_launch=public
            )

        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            availability_zones=zones,
            nat_gateways=nat_gateways,
            # The default group is closed by the portal: CloudFormation cannot, and CDK's way is a Lambda function.
            restrict_default_security_group=False,
            subnet_configuration=[
                subnets("private", ec2.SubnetType.PRIVATE_WITH_EGRESS, prefix + 3),
                subnets("public", ec2.SubnetType.PUBLIC, prefix + 5),
                subnets("isolated", ec2.SubnetType.PRIVATE_ISOLATED, prefix + 5),
            ],
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3),
            },
        )


class Firewall(Construct):
    """The security groups of all units, in one place: who may speak to whom, and nothing else.

    load balancer <- world:443,80; instances <- load balancer:80; proxy <- instances:3306; database <- proxy:3306;
    proxy, database <- runner:3306. Without a proxy the application's stack adds database <- instances:3306
    (DirectDatabase). In its descriptions EC2 takes no apostrophe, and no arrow.
    """

    def __init__(self, scope: Construct, id: str, *, vpc: ec2.IVpc) -> None:
        super().__init__(scope, id)

        def group(name: str, description: str) -> ec2.SecurityGroup:
            return ec2.SecurityGroup(self, name, vpc=vpc, description=description, allow_all_outbound=False)

        self.load_balancer = group("LoadBalancer", "Load balancer")
        self.instances = group("Instances", "Application instances")
        self.proxy = group("Proxy", "Database proxy")
        self.database = group("Database", "Database")
        self.runner = group("Runner", "What runs in the VPC for the portal")

        world = ec2.Peer.any_ipv4()
        self.load_balancer.add_ingress_rule(world, ec2.Port.tcp(443), "HTTPS")
        self.load_balancer.add_ingress_rule(
            world, ec2.Port.tcp(80), "HTTP, answered with a redirect to HTTPS"
        )
        self.load_balancer.add_egress_rule(self.instances, ec2.Port.tcp(80), "To the instances")
        self.instances.add_ingress_rule(self.load_balancer, ec2.Port.tcp(80), "From the load balancer")
        self.instances.add_egress_rule(
            world, ec2.Port.tcp(443), "AWS, registries and other services over HTTPS"
        )
        self.instances.add_egress_rule(self.proxy, ec2.Port.tcp(MYSQL_PORT), "To the database proxy")
        self.proxy.add_ingress_rule(self.instances, ec2.Port.tcp(MYSQL_PORT), "From the instances")
        self.proxy.add_egress_rule(self.database, ec2.Port.tcp(MYSQL_PORT), "To the database")
        self.database.add_ingress_rule(self.proxy, ec2.Port.tcp(MYSQL_PORT), "From the database proxy")
        self.runner.add_egress_rule(
            world, ec2.Port.tcp(443), "AWS, and the address of the application, over HTTPS"
        )
        for end, what in ((self.proxy, "the database proxy"), (self.database, "the database")):
            self.runner.add_egress_rule(end, ec2.Port.tcp(MYSQL_PORT), f"To {what}")
            end.add_ingress_rule(self.runner, ec2.Port.tcp(MYSQL_PORT), "From the runner")


class DirectDatabase(Construct):
    """The way from the instances to the database where no proxy is between them.

    The application's stack makes it, not the network's: it comes with the addresses that the application is told, and
    goes when the proxy's are in use.
    """

    def __init__(self, scope: Construct, id: str, *, firewall: Firewall) -> None:
        super().__init__(scope, id)
        instances, database = firewall.instances.security_group_id, firewall.database.security_group_id
        ec2.CfnSecurityGroupEgress(
            self,
            "Out",
            group_id=instances,
            destination_security_group_id=database,
            description="To the database",
            ip_protocol="tcp",
            from_port=MYSQL_PORT,
            to_port=MYSQL_PORT,
        )
        ec2.CfnSecurityGroupIngress(
            self,
            "In",
            group_id=database,
            source_security_group_id=instances,
            description="From the instances",
            ip_protocol="tcp",
            from_port=MYSQL_PORT,
            to_port=MYSQL_PORT,
        )


class FlowLogs(Construct):
    """All traffic of a VPC, accepted and rejected, into an encrypted log group."""

    def __init__(
        self, scope: Construct, id: str, *, vpc: ec2.IVpc, name: str, key: kms.IKey, retention_days: int
    ) -> None:
        super().__init__(scope, id)
        group = logs.CfnLogGroup(
            self, "Group", log_group_name=name, kms_key_id=key.key_arn, retention_in_days=retention_days
        )
        group.apply_removal_policy(cdk.RemovalPolicy.DESTROY)
        role, policy = service_role(
            self,
            "vpc-flow-logs.amazonaws.com",
            "Writes the VPC flow logs",
            [
                iam.PolicyStatement(
                    actions=["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"],
                    resources=[group.attr_arn],
                )
            ],
        )
        flow = ec2.CfnFlowLog(
            self,
            "Flow",
            resource_id=vpc.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=group.ref,
            deliver_logs_permission_arn=role.role_arn,
            max_aggregation_interval=600,
        )
        # Deleted first and created last: a flow log without its permission writes nothing and says so nowhere.
        flow.node.add_dependency(policy)
