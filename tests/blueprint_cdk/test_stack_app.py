"""The way in and the application: load balancer, firewall, Beanstalk."""

from __future__ import annotations

import json
import re
import zipfile
from typing import Any

import pytest
import yaml

from blueprint_cdk.bundle import BUNDLED, PLACEHOLDER
from blueprint_cdk.placeholder.app.server import LIMITS
from tests.blueprint_cdk.support import EVERYTHING, SPEC, Assembly, Synthesise, facts_of


def options(assembly: Assembly) -> dict[tuple[str, str], Any]:
    """Beanstalk's option settings by namespace and name; each is set once."""
    rows = [
        row
        for row in assembly.one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
        if "ResourceName" not in row
    ]
    found = {(row["Namespace"], row["OptionName"]): row["Value"] for row in rows}
    assert len(found) == len(rows)
    return found


def attributes(assembly: Assembly) -> dict[str, Any]:
    rows = assembly.one("AWS::ElasticLoadBalancingV2::LoadBalancer")["LoadBalancerAttributes"]
    return {row["Key"]: row["Value"] for row in rows}


def test_application_reads_from_the_writer_where_there_is_no_reader(synthesise: Synthesise) -> None:
    names = ("DATABASE_HOST", "DATABASE_READER_HOST")
    space = "aws:elasticbeanstalk:application:environment"
    small, medium = (options(synthesise(size=size)) for size in ("small", "medium"))
    assert small[space, names[0]] == small[space, names[1]]
    assert medium[space, names[0]] != medium[space, names[1]]


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
    assert found["routing.http.desync_mitigation_mode"] == "defensive"
    record = small.one("AWS::Route53::RecordSet")
    assert (record["Name"], record["Type"]) == ("shop.dev.example.com.", "A")
    assert "AliasTarget" in record


def test_web_firewall_stands_before_the_load_balancer_and_logs(small: Assembly) -> None:
    acl = small.one("AWS::WAFv2::WebACL")
    assert acl["Scope"] == "REGIONAL"
    assert [rule["Name"] for rule in acl["Rules"]][-1] == "RateLimit"
    # AWS's rules do what they say, none only counts; the fifth is ours.
    managed = [rule["OverrideAction"] for rule in acl["Rules"] if "OverrideAction" in rule]
    assert managed == [{"None": {}}] * 4 and acl["Rules"][-1]["Action"] == {"Block": {}}
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
        ("aws:elasticbeanstalk:cloudwatch:logs", "StreamLogs"): "true",
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
        ("small", "1", "2", "Immutable"),
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
        "AWS_REGION",
        "DATABASE_HOST",
        "DATABASE_READER_HOST",
        "DATABASE_PORT",
        "DATABASE_NAME",
        "DATABASE_SECRET_ARN",
        "UPLOADS_BUCKET",
    }
    assert "resolve:" not in json.dumps(variables)


SCHEDULES = [
    {"name": "weekdays", "recurrence": "0 7 * * MON-FRI", "min_instances": 2, "max_instances": 6},
    {"name": "nights", "recurrence": "0 20 * * *", "min_instances": 1, "max_instances": 2},
]


def test_schedules_of_the_spec_are_beanstalks_scheduled_actions(synthesise: Synthesise) -> None:
    rows = synthesise(schedules=SCHEDULES).one("AWS::ElasticBeanstalk::Environment")["OptionSettings"]
    found: dict[str, dict[str, str]] = {}
    for row in rows:
        if row["Namespace"] == "aws:autoscaling:scheduledaction":
            found.setdefault(row["ResourceName"], {})[row["OptionName"]] = row["Value"]
    assert found == {
        "weekdays": {
            "Recurrence": "0 7 * * MON-FRI",
            "MinSize": "2",
            "MaxSize": "6",
            "DesiredCapacity": "2",
        },
        "nights": {"Recurrence": "0 20 * * *", "MinSize": "1", "MaxSize": "2", "DesiredCapacity": "1"},
    }


@pytest.mark.parametrize(("size", "target"), [("small", "60"), ("medium", "55"), ("large", "50")])
def test_instances_follow_a_target_and_beanstalks_own_steps_only_add(
    synthesise: Synthesise, size: str, target: str
) -> None:
    """The policy itself comes with the bundle: its group's name is known inside Beanstalk's stack alone."""
    found = options(synthesise(size=size))
    assert found["aws:elasticbeanstalk:customoption", "TargetCpuPercent"] == target
    trigger = {name: found["aws:autoscaling:trigger", name] for name in ("UpperThreshold", "LowerThreshold")}
    assert trigger == {"UpperThreshold": "90", "LowerThreshold": "0"}
    policy = yaml.safe_load((PLACEHOLDER / ".ebextensions/scaling.config").read_text())["Resources"]
    [resource] = policy.values()
    assert resource["Type"] == "AWS::AutoScaling::ScalingPolicy"
    assert resource["Properties"]["AutoScalingGroupName"] == {"Ref": "AWSEBAutoScalingGroup"}
    assert resource["Properties"]["PolicyType"] == "TargetTrackingScaling"
    value = resource["Properties"]["TargetTrackingConfiguration"]["TargetValue"]["Fn::GetOptionSetting"]
    assert (value["Namespace"], value["OptionName"]) == (
        "aws:elasticbeanstalk:customoption",
        "TargetCpuPercent",
    )
    assert ".ebextensions/scaling.config" in BUNDLED


def test_an_instance_whose_application_fails_is_replaced(small: Assembly) -> None:
    """EC2's own status checks, Beanstalk's default, see the machine alone: in the bundle that is deployed the group
    takes the load balancer's word, and gives an instance as long to begin as a deployment has.
    """
    found = options(small)
    assert found["aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"] == "/healthz"
    version = small.one("AWS::ElasticBeanstalk::ApplicationVersion")["SourceBundle"]["S3Key"]
    with zipfile.ZipFile(small.folder / f"asset.{version}") as bundle:
        text = bundle.read(".ebextensions/healing.config").decode()
    [(name, group)] = yaml.safe_load(text)["Resources"].items()
    assert (name, group["Type"]) == ("AWSEBAutoScalingGroup", "AWS::AutoScaling::AutoScalingGroup")
    assert group["Properties"] == {
        "HealthCheckType": "ELB",
        "HealthCheckGracePeriod": int(found["aws:elasticbeanstalk:command", "Timeout"]),
    }


def test_the_container_reaches_the_instances_credentials_and_disks_are_encrypted(small: Assembly) -> None:
    """With IMDSv2 alone a token comes one hop far, which is the instance; Docker's bridge is another one."""
    assert options(small)["aws:autoscaling:launchconfiguration", "DisableIMDSv1"] == "true"
    version = small.one("AWS::ElasticBeanstalk::ApplicationVersion")["SourceBundle"]["S3Key"]
    with zipfile.ZipFile(small.folder / f"asset.{version}") as bundle:
        text = bundle.read(".ebextensions/instances.config").decode()
    [(name, template)] = yaml.safe_load(text)["Resources"].items()
    assert (name, template["Type"]) == ("AWSEBEC2LaunchTemplate", "AWS::EC2::LaunchTemplate")
    data = template["Properties"]["LaunchTemplateData"]
    assert data["MetadataOptions"] == {
        "HttpEndpoint": "enabled",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
    }
    [disk] = data["BlockDeviceMappings"]
    assert disk["Ebs"]["Encrypted"] is True


def test_what_is_uploaded_passes_the_instances_proxy(small: Assembly) -> None:
    """nginx takes 1 MB by itself, less than what the placeholder says that it takes."""
    version = small.one("AWS::ElasticBeanstalk::ApplicationVersion")["SourceBundle"]["S3Key"]
    with zipfile.ZipFile(small.folder / f"asset.{version}") as bundle:
        text = bundle.read(".platform/nginx/conf.d/bodies.conf").decode()
    [largest] = re.findall(r"^client_max_body_size (\d+)m;$", text, re.M)
    assert int(largest) * 1024 * 1024 > max(LIMITS.values())


def maintenance(assembly: Assembly) -> dict[str, Any]:
    return assembly.one("AWS::ElasticLoadBalancingV2::ListenerRule")


def test_maintenance_page_stands_ready_and_matches_nothing(small: Assembly) -> None:
    rule = maintenance(small)
    # Beanstalk's rule has the first place, also where it was there before the page; that is exchanged to turn it on.
    assert rule["Priority"] == 50_000
    [condition] = rule["Conditions"]
    # RFC 2606: no name below .invalid is ever given to anybody.
    assert condition["HostHeaderConfig"] == {"Values": ["maintenance.invalid"]}
    page = rule["Actions"][0]["FixedResponseConfig"]
    assert (page["StatusCode"], page["ContentType"]) == ("503", "text/html")
    assert len(page["MessageBody"]) <= 1024 and "<h1>" in page["MessageBody"]
    app = small.template("app")["Resources"]
    [environment] = [row for row in app.values() if row["Type"] == "AWS::ElasticBeanstalk::Environment"]
    [name] = [n for n, row in app.items() if row["Type"] == "AWS::ElasticLoadBalancingV2::ListenerRule"]
    # It is there as long as the application is.
    assert name in environment["DependsOn"]


def test_maintenance_page_that_is_on_is_not_put_back_by_a_new_template(synthesise: Synthesise) -> None:
    on = maintenance(synthesise(runtime={"maintenance": True}))
    assert on["Conditions"][0]["HostHeaderConfig"] == {"Values": ["shop.dev.example.com"]}
    assert on["Priority"] == 1


def test_connections_may_be_silent_and_sessions_find_their_instance(small: Assembly) -> None:
    assert attributes(small)["idle_timeout.timeout_seconds"] == "300"
    found = options(small)
    space = "aws:elasticbeanstalk:environment:process:default"
    assert (found[space, "StickinessEnabled"], found[space, "StickinessType"]) == ("true", "lb_cookie")
    proxy = (PLACEHOLDER / ".platform/nginx/conf.d/timeouts.conf").read_text()
    assert "proxy_read_timeout 300s;" in proxy
    assert ".platform/nginx/conf.d/timeouts.conf" in BUNDLED


UNKNOWN = 100
"""Bytes that a value has which only AWS knows: no id, ARN, host or URL of the variables is longer."""


def size_of(value: Any) -> int:
    """Bytes of a variable's value as AWS makes it."""
    if isinstance(value, str):
        return len(value.encode())
    if "Fn::Join" in value:
        return sum(size_of(part) for part in value["Fn::Join"][1])
    return UNKNOWN


def test_variables_of_the_largest_environment_are_within_beanstalks_limit(synthesise: Synthesise) -> None:
    """They are one parameter of Beanstalk's own stack, 4,096 bytes (EB CLI guide, eb setenv), whatever a spec names."""
    region = "eu-central-1"
    largest = synthesise(
        name="n" * 20,
        home_region=region,
        facts=facts_of(region),
        size="large",
        zone_name=f"{'z' * 27}.dev.example.com",
        **EVERYTHING | {"dashboard_owner": EVERYTHING["dashboard_owner"].replace("eu-west-1", region)},
        secrets=[f"{'S' * 37}_{n:02}" for n in range(12)],
    )
    space = "aws:elasticbeanstalk:application:environment"
    sizes = [
        len(name) + size_of(value) + 2 for (place, name), value in options(largest).items() if place == space
    ]
    assert len(sizes) > 30 and sum(sizes) <= 4096


def test_instances_may_pull_images_of_applications_and_push_none(synthesise: Synthesise) -> None:
    statements = [
        row
        for policy in synthesise().all("AWS::IAM::Policy")
        for row in policy["Properties"]["PolicyDocument"]["Statement"]
        if row.get("Sid") in ("Images", "RegistrySignIn")
    ]
    found = {row["Sid"]: row for row in statements}
    assert found["Images"]["Resource"] == "arn:aws:ecr:eu-west-1:111122223333:repository/sy-app-*"
    assert set(found["Images"]["Action"]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
    }
    assert found["RegistrySignIn"]["Action"] == "ecr:GetAuthorizationToken"
