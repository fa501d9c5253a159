"""A small environment like the blueprint's, by the APIs: network, load balancer, name, database, proxy, Beanstalk."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from blueprint_cdk.bundle import placeholder_bundle
from devtools.sandbox import Keys, Sandbox

PLATFORM = "Docker running on 64bit Amazon Linux 2023/4.6.0"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
PROGRAM = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(os.environ.get("STATUS", "%(status)s"))
        body = b"%(body)s"
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.HTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Handler).serve_forever()
"""


def bundle(status: int = 200, body: str = "hello") -> bytes:
    """A source bundle of a small application that answers everything alike."""
    return zipped(
        {
            "Dockerfile": 'FROM python:3.13\nCMD ["python", "main.py"]\n',
            "main.py": PROGRAM % {"status": status, "body": body},
        }
    )


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@dataclass
class Place:
    """One account and region, with what an environment needs there."""

    sandbox: Sandbox
    keys: Keys
    region: str
    domain: str
    made: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        return self.sandbox.client(service, self.keys, self.region)

    def network(self) -> None:
        """VPC, two subnets, a load balancer with listeners on 80 (redirect) and 443 (404)."""
        ec2, elbv2 = self.client("ec2"), self.client("elbv2")
        vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
        subnets = [
            ec2.create_subnet(
                VpcId=vpc, CidrBlock=f"10.60.{n}.0/24", AvailabilityZone=f"{self.region}{letter}"
            )["Subnet"]["SubnetId"]
            for n, letter in enumerate("ab")
        ]
        balancer = elbv2.create_load_balancer(Name="front", Subnets=subnets)["LoadBalancers"][0]
        nothing = {
            "Type": "fixed-response",
            "FixedResponseConfig": {
                "StatusCode": "404",
                "ContentType": "text/plain",
                "MessageBody": "Nobody.",
            },
        }
        moved = {
            "Type": "redirect",
            "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"},
        }
        arn = balancer["LoadBalancerArn"]
        # A listener with a certificate is a test of its own; the port is what names it here.
        elbv2.create_listener(LoadBalancerArn=arn, Port=443, Protocol="HTTP", DefaultActions=[nothing])
        elbv2.create_listener(LoadBalancerArn=arn, Port=80, Protocol="HTTP", DefaultActions=[moved])
        self.made |= {"vpc": vpc, "subnets": subnets, "balancer": balancer}

    def alias(self, zone: str, **more: Any) -> None:
        """The domain's alias record to the load balancer."""
        balancer = self.made["balancer"]
        record = {
            "Name": self.domain,
            "Type": "A",
            "AliasTarget": {
                "HostedZoneId": balancer["CanonicalHostedZoneId"],
                "DNSName": balancer["DNSName"],
                "EvaluateTargetHealth": True,
            },
            **more,
        }
        changes = [{"Action": "UPSERT", "ResourceRecordSet": record}]
        self.client("route53").change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": changes}
        )

    def database(self, name: str, readers: int = 0) -> None:
        """A cluster, its secret and a proxy with a reader endpoint, as the blueprint makes them."""
        secrets, rds, iam = self.client("secretsmanager"), self.client("rds"), self.client("iam")
        login = {"username": "swadmin", "password": f"pass-{name}-1234"}
        secret = secrets.create_secret(Name=f"{name}/database", SecretString=json.dumps(login))["ARN"]
        role = self._role(iam, f"{name}-proxy-{self.region}")
        rds.create_db_subnet_group(
            DBSubnetGroupName=name, DBSubnetGroupDescription="x", SubnetIds=self.made["subnets"]
        )
        rds.create_db_cluster(
            DBClusterIdentifier=name,
            Engine="aurora-mysql",
            MasterUsername=login["username"],
            MasterUserPassword=login["password"],
            DatabaseName="app",
            DBSubnetGroupName=name,
        )
        for number in range(1 + readers):
            self.instance(name, f"{name}-{number}")
        self.proxy(name, secret, role)
        self.made |= {"secret": secret, "login": login, "proxy_role": role, "cluster": name}

    def instance(self, cluster: str, name: str) -> None:
        self.client("rds").create_db_instance(
            DBInstanceIdentifier=name,
            DBClusterIdentifier=cluster,
            Engine="aurora-mysql",
            DBInstanceClass="db.r6g.large",
        )

    def proxy(self, name: str, secret: str, role: str) -> None:
        """A proxy before a cluster of the same name; its host names are kept."""
        rds = self.client("rds")
        common = {"VpcSubnetIds": self.made["subnets"]}
        writer = rds.create_db_proxy(
            DBProxyName=f"{name}-proxy",
            EngineFamily="MYSQL",
            RequireTLS=True,
            RoleArn=role,
            Auth=[{"AuthScheme": "SECRETS", "SecretArn": secret, "IAMAuth": "DISABLED"}],
            **common,
        )["DBProxy"]["Endpoint"]
        rds.register_db_proxy_targets(DBProxyName=f"{name}-proxy", DBClusterIdentifiers=[name])
        rds.modify_db_proxy_target_group(
            DBProxyName=f"{name}-proxy",
            TargetGroupName="default",
            ConnectionPoolConfig={"ConnectionBorrowTimeout": 1},
        )
        reader = rds.create_db_proxy_endpoint(
            DBProxyName=f"{name}-proxy",
            DBProxyEndpointName=f"{name}-reader",
            TargetRole="READ_ONLY",
            **common,
        )["DBProxyEndpoint"]["Endpoint"]
        self.made |= {"writer": writer, "reader": reader}

    @staticmethod
    def _role(iam: Any, name: str) -> str:
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        return arn

    def application(self, name: str, content: bytes | None = None, **variables: str) -> dict[str, Any]:
        """Bucket, instance profile, application with version `one`, environment of the same name."""
        s3, iam, beanstalk = self.client("s3"), self.client("iam"), self.client("elasticbeanstalk")
        bucket = f"{name}-{self.keys.account_id}-{self.region}"
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": self.region})
        profile = f"{name}-{self.region}"
        self._role(iam, profile)
        allowed = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket", "s3:GetObject", "s3:PutObject"],
                    "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
                },
                {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"},
            ],
        }
        iam.put_role_policy(RoleName=profile, PolicyName="data", PolicyDocument=json.dumps(allowed))
        iam.create_instance_profile(InstanceProfileName=profile)
        iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=profile)
        self.made |= {"bucket": bucket, "profile": profile}
        beanstalk.create_application(ApplicationName=name)
        self.version(name, "one", content or placeholder_bundle())
        made: dict[str, Any] = beanstalk.create_environment(
            ApplicationName=name,
            EnvironmentName=name,
            VersionLabel="one",
            PlatformArn=f"arn:aws:elasticbeanstalk:{self.region}::platform/{PLATFORM}",
            OptionSettings=self.options(variables),
        )
        return made

    def version(self, application: str, label: str, content: bytes) -> None:
        key = f"bundles/{label}.zip"
        self.client("s3").put_object(Bucket=self.made["bucket"], Key=key, Body=content)
        self.client("elasticbeanstalk").create_application_version(
            ApplicationName=application,
            VersionLabel=label,
            SourceBundle={"S3Bucket": self.made["bucket"], "S3Key": key},
        )

    def options(self, variables: dict[str, str]) -> list[dict[str, str]]:
        table = {
            "aws:ec2:vpc": {"VPCId": self.made["vpc"], "Subnets": ",".join(self.made["subnets"])},
            "aws:elasticbeanstalk:environment": {"LoadBalancerIsShared": "true"},
            "aws:elbv2:loadbalancer": {"SharedLoadBalancer": self.made["balancer"]["LoadBalancerArn"]},
            "aws:elbv2:listener:443": {"Rules": "app"},
            "aws:elbv2:listenerrule:app": {"HostHeaders": self.domain, "Priority": "1"},
            "aws:elasticbeanstalk:environment:process:default": {"HealthCheckPath": "/healthz"},
            "aws:autoscaling:asg": {"MinSize": "1", "MaxSize": "2"},
            "aws:autoscaling:launchconfiguration": {"IamInstanceProfile": self.made["profile"]},
            "aws:elasticbeanstalk:application:environment": variables,
        }
        return [
            {"Namespace": space, "OptionName": name, "Value": value}
            for space, values in table.items()
            for name, value in values.items()
        ]

    def variables(self) -> dict[str, str]:
        """What the blueprint gives its application."""
        return {
            "SWITCHYARD_ENVIRONMENT": self.domain,
            "DATABASE_HOST": self.made["writer"],
            "DATABASE_READER_HOST": self.made.get("reading", self.made["writer"]),
            "DATABASE_PORT": "3306",
            "DATABASE_NAME": "app",
            "DATABASE_SECRET_ARN": self.made["secret"],
            "UPLOADS_BUCKET": f"{self.made['cluster']}-{self.keys.account_id}-{self.region}",
        }

    def ask(
        self, method: str, path: str, content: bytes | None = None, host: str = "", timeout: float = 30
    ) -> httpx.Response:
        """A browser's request for the domain, through the front door."""
        headers = {"Host": host or self.domain}
        return httpx.request(
            method,
            self.sandbox.url + path,
            headers=headers,
            content=content,
            timeout=timeout,
            trust_env=False,
        )


def zone(place: Place, name: str) -> str:
    made = place.client("route53").create_hosted_zone(Name=name, CallerReference=f"{name}-{time.time()}")
    return str(made["HostedZone"]["Id"].rpartition("/")[2])


def target_healths(place: Place) -> list[tuple[str, dict[str, Any]]]:
    """Id and TargetHealth of each target of the place's account, once for each group that it is in."""
    elbv2 = place.client("elbv2")
    return [
        (target["Target"]["Id"], target["TargetHealth"])
        for group in elbv2.describe_target_groups()["TargetGroups"]
        for target in elbv2.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    ]


def until(found: Callable[[], Any], within_s: float = 20) -> Any:
    """What a function answers once it is true."""
    end = time.monotonic() + within_s
    while not (value := found()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.1)
    return value
