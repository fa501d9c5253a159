"""Elastic Beanstalk by its API: states, CNAMEs, what an environment makes and takes away, refusals."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from devtools.sandbox import Keys, Sandbox

ACCOUNT, OTHER_ACCOUNT = "210000000017", "210000000018"
REGION = "eu-west-1"
BUCKET = f"beanstalk-bundles-{ACCOUNT}"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Docker running on 64bit Amazon Linux 2023/4.6.0"
Client = Callable[..., Any]


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Client:
    keys = sandbox.account(ACCOUNT)
    return lambda service: sandbox.client(service, keys, REGION)


@pytest.fixture(scope="module")
def beanstalk(client: Client) -> Any:
    return client("elasticbeanstalk")


@pytest.fixture(scope="module")
def network(client: Client) -> dict[str, str]:
    """VPC, subnets, and a load balancer with a listener on port 80."""
    ec2, elbv2 = client("ec2"), client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.50.0.0/16")["Vpc"]["VpcId"]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(VpcId=vpc, InternetGatewayId=gateway)
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.50.{n}.0/24", AvailabilityZone=f"{REGION}{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("ab")
    ]
    balancer = elbv2.create_load_balancer(Name="shared", Subnets=subnets)["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    answer = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}
    made = elbv2.create_listener(LoadBalancerArn=balancer, Port=80, Protocol="HTTP", DefaultActions=[answer])
    listener = made["Listeners"][0]["ListenerArn"]
    return {"vpc": vpc, "subnets": ",".join(subnets), "balancer": balancer, "listener": listener}


@pytest.fixture(scope="module")
def application(beanstalk: Any, client: Client) -> str:
    s3 = client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=BUCKET, Key="one.zip", Body=b"zip")
    beanstalk.create_application(ApplicationName="shop")
    for label in ("one", "two"):
        bundle = {"S3Bucket": BUCKET, "S3Key": "one.zip"}
        beanstalk.create_application_version(ApplicationName="shop", VersionLabel=label, SourceBundle=bundle)
    return "shop"


def refused(call: Any, **params: Any) -> tuple[str, str]:
    """Code and message that a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def options(network: dict[str, str], **more: dict[str, str]) -> list[dict[str, str]]:
    table = {
        "aws:ec2:vpc": {"VPCId": network["vpc"], "Subnets": network["subnets"]},
        "aws:elasticbeanstalk:environment": {"LoadBalancerIsShared": "true"},
        "aws:elbv2:loadbalancer": {"SharedLoadBalancer": network["balancer"]},
        "aws:elbv2:listener:80": {"Rules": "app"},
        "aws:elbv2:listenerrule:app": {"HostHeaders": "shop.example.com", "Priority": "1"},
        "aws:autoscaling:asg": {"MinSize": "2", "MaxSize": "4"},
        **more,
    }
    return [
        {"Namespace": space, "OptionName": name, "Value": value}
        for space, values in table.items()
        for name, value in values.items()
    ]


def launched(beanstalk: Any, name: str, network: dict[str, str], **more: Any) -> dict[str, Any]:
    params = {"VersionLabel": "one", "PlatformArn": PLATFORM, "OptionSettings": options(network), **more}
    made: dict[str, Any] = beanstalk.create_environment(
        ApplicationName="shop", EnvironmentName=name, **params
    )
    return made


def described(beanstalk: Any, name: str) -> dict[str, Any]:
    answer = beanstalk.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)
    found: dict[str, Any] = answer["Environments"][0]
    return found


def test_environment_goes_through_its_states(
    beanstalk: Any, application: str, network: Any, sandbox: Sandbox
) -> None:
    name = "AWS::ElasticBeanstalk::Environment"
    sandbox.settings(speed=1, durations={name: {"create": 0.4, "update": 0.4, "delete": 0.4}})
    made = launched(beanstalk, "states", network)
    seen = [(made["Status"], made["Health"])]
    assert (
        refused(beanstalk.update_environment, EnvironmentName="states", VersionLabel="two")[0]
        == "InvalidParameterValue"
    )

    def wait(status: str) -> None:
        deadline = time.monotonic() + 10
        while True:
            [found] = beanstalk.describe_environments(EnvironmentIds=[made["EnvironmentId"]])["Environments"]
            if (found["Status"], found["Health"]) != seen[-1]:
                seen.append((found["Status"], found["Health"]))
            if found["Status"] == status:
                return
            assert time.monotonic() < deadline, seen
            time.sleep(0.05)

    wait("Ready")
    beanstalk.update_environment(EnvironmentName="states", VersionLabel="two")
    wait("Updating")
    wait("Ready")
    beanstalk.terminate_environment(EnvironmentName="states")
    wait("Terminated")
    states = ["Launching", "Ready", "Updating", "Ready", "Terminating", "Terminated"]
    assert [status for status, _ in seen] == states
    assert seen[1] == ("Ready", "Green")
    events = [e["Message"] for e in beanstalk.describe_events(EnvironmentName="states")["Events"]]
    assert events[0] == "terminateEnvironment completed successfully."
    assert events[-1] == "createEnvironment is starting."
    assert "Successfully launched environment: states" in events


def test_environment_makes_its_parts_and_takes_them_away(
    beanstalk: Any, application: str, network: dict[str, str], client: Client
) -> None:
    ec2, elbv2, scaling = client("ec2"), client("elbv2"), client("autoscaling")
    launched(beanstalk, "parts", network, Tags=[{"Key": "team", "Value": "web"}])
    parts = beanstalk.describe_environment_resources(EnvironmentName="parts")["EnvironmentResources"]
    ids = [i["Id"] for i in parts["Instances"]]
    assert (len(ids), parts["LoadBalancers"]) == (2, [{"Name": network["balancer"]}])
    filters = [{"Name": "tag:elasticbeanstalk:environment-name", "Values": ["parts"]}]
    running = [i for r in ec2.describe_instances(Filters=filters)["Reservations"] for i in r["Instances"]]
    assert sorted(i["InstanceId"] for i in running) == sorted(ids)
    assert all({"Key": "team", "Value": "web"} in i["Tags"] for i in running)
    groups = scaling.describe_auto_scaling_groups(
        AutoScalingGroupNames=[parts["AutoScalingGroups"][0]["Name"]]
    )
    [group] = groups["AutoScalingGroups"]
    assert (group["MinSize"], group["MaxSize"], len(group["Instances"])) == (2, 4, 2)
    rules = [r for r in elbv2.describe_rules(ListenerArn=network["listener"])["Rules"] if not r["IsDefault"]]
    assert [r["Conditions"][0]["HostHeaderConfig"]["Values"] for r in rules] == [["shop.example.com"]]
    health = elbv2.describe_target_health(TargetGroupArn=group["TargetGroupARNs"][0])[
        "TargetHealthDescriptions"
    ]
    assert sorted(t["Target"]["Id"] for t in health) == sorted(ids)
    beanstalk.terminate_environment(EnvironmentName="parts")
    after = [i for r in ec2.describe_instances(Filters=filters)["Reservations"] for i in r["Instances"]]
    assert [i for i in after if i["State"]["Name"] != "terminated"] == []
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert [
        r for r in elbv2.describe_rules(ListenerArn=network["listener"])["Rules"] if not r["IsDefault"]
    ] == []
    gone = refused(elbv2.describe_target_groups, TargetGroupArns=group["TargetGroupARNs"])
    assert gone[0] == "TargetGroupNotFound"


def test_environments_of_a_shared_balancer_find_free_priorities(
    beanstalk: Any, application: str, network: dict[str, str], client: Client
) -> None:
    for name in ("side-a", "side-b"):
        launched(beanstalk, name, network)
    rules = client("elbv2").describe_rules(ListenerArn=network["listener"])["Rules"]
    assert [r["Priority"] for r in rules] == ["1", "2", "default"]
    for name in ("side-a", "side-b"):
        beanstalk.terminate_environment(EnvironmentName=name)


def test_capacity_follows_the_options(beanstalk: Any, application: str, network: dict[str, str]) -> None:
    launched(beanstalk, "scaled", network)
    size = {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "3"}
    beanstalk.update_environment(EnvironmentName="scaled", OptionSettings=[size])
    parts = beanstalk.describe_environment_resources(EnvironmentName="scaled")["EnvironmentResources"]
    assert len(parts["Instances"]) == 3
    settings = beanstalk.describe_configuration_settings(ApplicationName="shop", EnvironmentName="scaled")
    listed = settings["ConfigurationSettings"][0]["OptionSettings"]
    assert [o["Value"] for o in listed if o["OptionName"] == "MinSize"] == ["3"]
    beanstalk.terminate_environment(EnvironmentName="scaled")


def test_cname_is_taken_over_all_accounts_until_its_environment_is_gone(
    beanstalk: Any, application: str, network: dict[str, str], sandbox: Sandbox
) -> None:
    other = sandbox.client("elasticbeanstalk", sandbox.account(OTHER_ACCOUNT), REGION)
    launched(beanstalk, "named", network, CNAMEPrefix="sy-named")
    answer = other.check_dns_availability(CNAMEPrefix="sy-named")
    assert answer["Available"] is False
    assert answer["FullyQualifiedCNAME"] == "sy-named.eu-west-1.elasticbeanstalk.com"
    params = {"ApplicationName": "shop", "EnvironmentName": "named-2", "PlatformArn": PLATFORM}
    code, text = refused(beanstalk.create_environment, CNAMEPrefix="sy-named", **params)
    assert (code, "is not available" in text) == ("InvalidParameterValue", True)
    beanstalk.terminate_environment(EnvironmentName="named")
    assert other.check_dns_availability(CNAMEPrefix="sy-named")["Available"] is True


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ApplicationName": "nothing"}, "InvalidParameterValue"),
        ({"EnvironmentName": "under_score"}, "InvalidParameterValue"),
        ({"EnvironmentName": "-begins-badly"}, "InvalidParameterValue"),
        ({"VersionLabel": "three"}, "InvalidParameterValue"),
        ({"PlatformArn": PLATFORM.replace("4.6.0", "9.9.9")}, "InvalidParameterValue"),
        ({"PlatformArn": ""}, "InvalidParameterCombination"),
    ],
    ids=str,
)
def test_environment_is_refused(beanstalk: Any, application: str, change: dict[str, str], code: str) -> None:
    params = {"ApplicationName": "shop", "EnvironmentName": "refused", "PlatformArn": PLATFORM, **change}
    assert refused(beanstalk.create_environment, **{k: v for k, v in params.items() if v})[0] == code


@pytest.mark.parametrize(
    ("namespace", "name", "value"),
    [
        ("aws:no:such", "Colour", "red"),
        ("aws:autoscaling:asg", "MinSize", "9"),
        ("aws:autoscaling:asg", "MaxSize", "many"),
        ("aws:ec2:vpc", "VPCId", "vpc-0"),
        (
            "aws:elbv2:loadbalancer",
            "SharedLoadBalancer",
            "arn:aws:elasticloadbalancing:::loadbalancer/app/x/0",
        ),
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "nobody"),
    ],
)
def test_option_is_refused(beanstalk: Any, application: str, namespace: str, name: str, value: str) -> None:
    setting = {"Namespace": namespace, "OptionName": name, "Value": value}
    params = {"ApplicationName": "shop", "EnvironmentName": "refused", "PlatformArn": PLATFORM}
    code, text = refused(beanstalk.create_environment, OptionSettings=[setting], **params)
    assert (code, name in text) == ("ConfigurationValidationException", True)
    messages = beanstalk.validate_configuration_settings(ApplicationName="shop", OptionSettings=[setting])[
        "Messages"
    ]
    assert [m["OptionName"] for m in messages] == [name]


ROLLING = "aws:autoscaling:updatepolicy:rollingupdate"


@pytest.mark.parametrize(
    ("least", "most", "batch", "told"),
    [
        ("0", "4", "", "MaxBatchSize'): Value is less than minimum allowed value: 1"),
        ("0", "4", "0", "MaxBatchSize'): Value is less than minimum allowed value: 1"),
        ("0", "0", "1", "(0) should be less than the maximum instance count for the Autoscaling group (0)"),
        ("0", "4", "1", ""),
        ("2", "2", "", ""),
    ],
)
def test_batches_of_rolling_updates_follow_the_least_instances(
    beanstalk: Any, application: str, least: str, most: str, batch: str, told: str
) -> None:
    table = {
        ("aws:autoscaling:asg", "MinSize"): least,
        ("aws:autoscaling:asg", "MaxSize"): most,
        (ROLLING, "RollingUpdateEnabled"): "true",
        (ROLLING, "RollingUpdateType"): "Immutable",
        **({(ROLLING, "MaxBatchSize"): batch} if batch else {}),
    }
    settings = [{"Namespace": n, "OptionName": o, "Value": v} for (n, o), v in table.items()]
    messages = beanstalk.validate_configuration_settings(ApplicationName="shop", OptionSettings=settings)[
        "Messages"
    ]
    assert [told in m["Message"] for m in messages] == ([True] if told else [])


def test_variables_are_4096_bytes_together(beanstalk: Any, application: str) -> None:
    space = "aws:elasticbeanstalk:application:environment"

    def problems(size: int) -> list[str]:
        settings = [
            {"Namespace": space, "OptionName": "A", "Value": "a" * 1000},
            {"Namespace": space, "OptionName": "B", "Value": "b" * size},
        ]
        answer = beanstalk.validate_configuration_settings(ApplicationName="shop", OptionSettings=settings)
        return [m["OptionName"] for m in answer["Messages"]]

    # A=…,B=…
    assert (problems(3091), problems(3092)) == ([], ["B"])


def test_who_makes_an_environment_reads_beanstalks_own_bucket(
    application: str, client: Client, sandbox: Sandbox
) -> None:
    bucket = "elasticbeanstalk-env-resources"
    iam = client("iam")
    iam.create_user(UserName="maker")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}-*/*"},
        ],
    }
    iam.put_user_policy(UserName="maker", PolicyName="all", PolicyDocument=json.dumps(document))
    made = iam.create_access_key(UserName="maker")["AccessKey"]
    theirs = sandbox.client(
        "elasticbeanstalk", Keys(ACCOUNT, made["AccessKeyId"], made["SecretAccessKey"]), REGION
    )
    params = {"ApplicationName": "shop", "EnvironmentName": "unread", "PlatformArn": PLATFORM}
    code, text = refused(theirs.create_environment, **params)
    assert code == "InsufficientPrivilegesException"
    assert f"Service:Amazon S3, Message:Access Denied: S3Bucket={bucket}-{REGION}" in text


def test_listener_that_is_not_there_fails_the_launch(
    beanstalk: Any, application: str, network: dict[str, str]
) -> None:
    settings = options(network, **{"aws:elbv2:listener:443": {"Rules": "app"}})
    launched(beanstalk, "unheard", network, OptionSettings=settings)
    assert described(beanstalk, "unheard")["Health"] == "Red"
    errors = beanstalk.describe_events(EnvironmentName="unheard", Severity="ERROR")["Events"]
    assert "has no listener on port 443" in errors[-1]["Message"]
    beanstalk.terminate_environment(EnvironmentName="unheard")


def test_version_needs_its_bundle(beanstalk: Any, application: str) -> None:
    params = {"ApplicationName": "shop", "VersionLabel": "missing"}
    bundle = {"S3Bucket": BUCKET, "S3Key": "nothing.zip"}
    code, text = refused(beanstalk.create_application_version, SourceBundle=bundle, **params)
    assert (code, "Not Found" in text) == ("InvalidParameterCombination", True)


def test_application_with_an_environment_is_not_deleted(
    beanstalk: Any, application: str, network: dict[str, str]
) -> None:
    launched(beanstalk, "guard", network)
    code, text = refused(beanstalk.delete_application, ApplicationName="shop")
    assert (code, "running environment" in text) == ("OperationInProgressFailure", True)
    params = {"ApplicationName": "shop", "VersionLabel": "one"}
    assert refused(beanstalk.delete_application_version, **params)[0] == "SourceBundleDeletionFailure"
    beanstalk.terminate_environment(EnvironmentName="guard")


def test_deletion_by_force_takes_the_environments_along(beanstalk: Any, network: dict[str, str]) -> None:
    beanstalk.create_application(ApplicationName="forced")
    params = {"ApplicationName": "forced", "EnvironmentName": "forced-env", "PlatformArn": PLATFORM}
    beanstalk.create_environment(OptionSettings=options(network), **params)
    beanstalk.delete_application(ApplicationName="forced", TerminateEnvByForce=True)
    assert beanstalk.describe_applications(ApplicationNames=["forced"])["Applications"] == []
    left = beanstalk.describe_environments(ApplicationName="forced", IncludeDeleted=False)
    assert left["Environments"] == []


def test_log_groups_go_only_if_the_environment_says_so(
    beanstalk: Any, application: str, network: dict[str, str], client: Client
) -> None:
    logs = client("logs")
    for name, drop in (("logs-kept", "false"), ("logs-gone", "true")):
        stream = {"StreamLogs": "true", "DeleteOnTerminate": drop, "RetentionInDays": "7"}
        settings = options(network, **{"aws:elasticbeanstalk:cloudwatch:logs": stream})
        launched(beanstalk, name, network, OptionSettings=settings)
        beanstalk.terminate_environment(EnvironmentName=name)
    found = logs.describe_log_groups(logGroupNamePrefix="/aws/elasticbeanstalk/logs-")["logGroups"]
    assert {g["logGroupName"].split("/")[3] for g in found} == {"logs-kept"}


def test_newest_docker_platform_is_found_by_its_branch(beanstalk: Any) -> None:
    branch = {
        "Type": "PlatformBranchName",
        "Operator": "=",
        "Values": ["Docker running on 64bit Amazon Linux 2023"],
    }
    found = beanstalk.list_platform_versions(Filters=[branch])["PlatformSummaryList"]
    newest = [p for p in found if p["PlatformLifecycleState"] == "Recommended"]
    assert [p["PlatformArn"] for p in newest] == [PLATFORM]
    described = beanstalk.describe_platform_version(PlatformArn=PLATFORM)["PlatformDescription"]
    assert described["SolutionStackName"] == "64bit Amazon Linux 2023 v4.6.0 running Docker"


def test_template_carries_its_settings_into_an_environment(
    beanstalk: Any, application: str, network: dict[str, str]
) -> None:
    params = {"ApplicationName": "shop", "TemplateName": "saved"}
    beanstalk.create_configuration_template(PlatformArn=PLATFORM, OptionSettings=options(network), **params)
    beanstalk.create_environment(EnvironmentName="from-saved", **params)
    parts = beanstalk.describe_environment_resources(EnvironmentName="from-saved")["EnvironmentResources"]
    assert len(parts["Instances"]) == 2
    beanstalk.terminate_environment(EnvironmentName="from-saved")
    beanstalk.delete_configuration_template(**params)


def test_tags_are_kept_by_arn(beanstalk: Any) -> None:
    made = beanstalk.create_application(ApplicationName="tagged", Tags=[{"Key": "team", "Value": "web"}])
    arn = made["Application"]["ApplicationArn"]
    beanstalk.update_tags_for_resource(
        ResourceArn=arn, TagsToAdd=[{"Key": "tier", "Value": "dev"}], TagsToRemove=["team"]
    )
    assert beanstalk.list_tags_for_resource(ResourceArn=arn)["ResourceTags"] == [
        {"Key": "tier", "Value": "dev"}
    ]
    beanstalk.delete_application(ApplicationName="tagged")


def test_frozen_health_stays_what_it_was(
    beanstalk: Any, application: str, network: dict[str, str], client: Client, sandbox: Sandbox
) -> None:
    launched(beanstalk, "frozen", network)
    parts = beanstalk.describe_environment_resources(EnvironmentName="frozen")["EnvironmentResources"]
    [group] = client("autoscaling").describe_auto_scaling_groups(
        AutoScalingGroupNames=[parts["AutoScalingGroups"][0]["Name"]]
    )["AutoScalingGroups"]

    def health() -> tuple[str, set[str]]:
        rows = client("elbv2").describe_target_health(TargetGroupArn=group["TargetGroupARNs"][0])
        states = {t["TargetHealth"]["State"] for t in rows["TargetHealthDescriptions"]}
        return described(beanstalk, "frozen")["Health"], states

    fault = sandbox.fault("frozen-health", account=ACCOUNT)
    client("ec2").terminate_instances(InstanceIds=[i["Id"] for i in parts["Instances"]])
    sandbox.settings(speed=1, durations={"AWS::ElasticBeanstalk::Environment": {"update": 60, "delete": 60}})
    beanstalk.terminate_environment(EnvironmentName="frozen")
    assert (described(beanstalk, "frozen")["Status"], health()) == ("Terminating", ("Green", {"healthy"}))
    sandbox.control("DELETE", f"faults/{fault}")
    assert described(beanstalk, "frozen")["Health"] == "Grey"
    sandbox.settings(speed=0, durations={})
