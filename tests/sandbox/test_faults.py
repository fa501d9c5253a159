"""Planted faults: their schedule, scripts, log and survival, by a sandbox of their own whose clock is put forward."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from devtools import processes
from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import Stacks, once, parameter, refused, service_role, template
from tests.sandbox.test_process import listener

ACCOUNT = "210000000071"
HOME, OTHER = "eu-west-1", "eu-central-1"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    sandbox = Sandbox(home=tmp_path_factory.mktemp("faults") / "state", port=processes.free_port())
    sandbox.start()
    yield sandbox
    sandbox.stop()


@pytest.fixture
def own(process: Sandbox) -> Iterator[Sandbox]:
    yield process
    process.lift_faults()
    process.settings(speed=0, durations={})


@pytest.fixture(scope="module")
def keys(process: Sandbox) -> Keys:
    return process.account(ACCOUNT)


def later(own: Sandbox, seconds: float) -> None:
    own.control("POST", "clock", {"advance_s": seconds})


def told(own: Sandbox, *faults: str) -> list[tuple[str, str]]:
    """(event, fault) of the log, of these faults."""
    return [(e["event"], e["fault"]) for e in own.control("GET", "faults/log") if e["fault"] in faults]


def states(own: Sandbox) -> dict[str, str]:
    return {f["id"]: f["state"] for f in own.control("GET", "faults")}


def test_some_services_are_dark_and_the_others_answer(own: Sandbox, keys: Keys) -> None:
    own.fault("dark", region=HOME, service=["ssm", "elasticloadbalancing"])
    assert refused(once(own, keys, "ssm").describe_parameters)[0] == "ServiceUnavailable"
    assert refused(once(own, keys, "elbv2").describe_load_balancers)[0] == "ServiceUnavailable"
    assert once(own, keys, "sqs").list_queues() is not None
    assert once(own, keys, "ssm", OTHER).describe_parameters() is not None


def test_fault_begins_and_ends_when_it_is_told_to(own: Sandbox, keys: Keys) -> None:
    id = own.fault("deny", service="ssm", after_s=90, for_s=60)
    ssm = once(own, keys, "ssm")
    assert (ssm.describe_parameters()["Parameters"], states(own)) == ([], {id: "scheduled"})
    later(own, 91)
    assert refused(ssm.describe_parameters)[0] == "AccessDeniedException"
    later(own, 60)
    assert (ssm.describe_parameters()["Parameters"], states(own)) == ([], {})
    assert told(own, id) == [("set", id), ("begun", id), ("touched", id), ("ended", id)]


def test_script_is_set_as_one_and_cancelled_as_one(own: Sandbox) -> None:
    faults = [
        {"kind": "dark", "region": HOME, "service": "rds"},
        {"kind": "dark", "region": HOME, "after_s": 60, "for_s": 600},
        {"kind": "throttle", "service": "cloudformation", "rate": 1, "after_s": 700},
    ]
    made = own.control("POST", "faults/scripts", {"name": "outage", "faults": faults})
    [script] = own.control("GET", "faults/scripts")
    assert (script["id"], [f["id"] for f in script["faults"]]) == (made["id"], made["faults"])
    later(own, 61)
    first, second, third = made["faults"]
    assert states(own) == {first: "active", second: "active", third: "scheduled"}
    assert own.control("DELETE", f"faults/scripts/{made['id']}") == {"faults": made["faults"]}
    ends = [e for e in own.control("GET", "faults/log") if e["event"] in ("ended", "cancelled")][-3:]
    assert [(e["event"], e["why"], e["script"]) for e in ends] == [
        ("ended", "its script was lifted", made["id"]),
        ("ended", "its script was lifted", made["id"]),
        ("cancelled", "its script was lifted", made["id"]),
    ]


def test_bad_script_sets_nothing_and_names_each_field(own: Sandbox) -> None:
    faults = [{"kind": "dark"}, {"kind": "slow", "factor": 0}, {"kind": "none"}]
    answer = httpx.post(f"{own.url}/_sandbox/faults/scripts", json={"faults": faults})
    assert answer.status_code == 400
    assert answer.json()["fields"]["faults[1].factor"] == (
        "faults[1].factor must be a number of more than 0, 1000000 at most."
    )
    assert "faults[2].kind" in answer.json()["fields"]
    assert states(own) == {}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"kind": "nothing"}, "kind must be one of dark, throttle, error"),
        ({"kind": "dark", "mode": "off"}, "mode must be one of refuse, hang."),
        ({"kind": "dark", "region": "Ireland"}, "region must be a region, such as eu-west-1."),
        ({"kind": "dark", "service": "teapot"}, "service must be one of acm, "),
        ({"kind": "dark", "account": 111122223333}, "account must be an account id of 12 digits, in quotes."),
        ({"kind": "dark", "after_s": -1}, "after_s must be a number of 0 or more, 31622400 at most."),
        ({"kind": "dark", "for_s": 0}, "for_s must be a number of more than 0"),
        ({"kind": "dark", "rate": 1}, "rate is no field of dark; it has account, region, service,"),
        ({"kind": "throttle", "rate": "fast"}, "rate must be a number of 0 or more."),
        ({"kind": "error", "status": 200}, "status must be a whole number from 400 to 599."),
        ({"kind": "error", "count": 0}, "count must be a whole number from 1 to 1000000000."),
        ({"kind": "failing-type"}, "type is missing: CloudFormation's name of the type."),
        ({"kind": "failing-type", "type": "Cluster"}, "type must be a CloudFormation type, such as"),
        ({"kind": "slow"}, "slow needs a factor or seconds."),
        ({"kind": "lag", "service": "s3"}, "lag needs seconds or a growth."),
        ({"kind": "frozen-health", "service": "rds"}, "service must be one of elasticbeanstalk, elbv2, route53."),
        ({"kind": "dark", "region": []}, "region must not be an empty list."),
    ],
)  # fmt: skip
def test_fault_that_means_nothing_is_refused_with_a_sentence(
    own: Sandbox, body: dict[str, Any], sentence: str
) -> None:
    answer = httpx.post(f"{own.url}/_sandbox/faults", json=body)
    assert (answer.status_code, answer.json()["error"].startswith(sentence)) == (400, True), answer.text
    assert states(own) == {}


def test_kinds_tell_their_fields(own: Sandbox) -> None:
    kinds = {k["kind"]: k for k in own.control("GET", "faults/kinds")}
    assert {"dark", "slow", "frozen-health", "lag"} <= set(kinds)
    [needed] = [f["name"] for f in kinds["failing-type"]["fields"] if f["required"]]
    assert needed == "type"


def test_throttle_lets_its_burst_and_then_its_rate_through(own: Sandbox, keys: Keys) -> None:
    own.fault("throttle", service="ssm", rate=0.001, burst=4)
    ssm, passed = once(own, keys, "ssm"), 0
    for _ in range(4):
        passed += len(ssm.describe_parameters()["ResponseMetadata"]) > 0
    assert refused(ssm.describe_parameters)[0] == "ThrottlingException"
    later(own, 2100)
    assert [bool(ssm.describe_parameters()), bool(ssm.describe_parameters()), passed] == [True, True, 4]
    assert refused(ssm.describe_parameters)[0] == "ThrottlingException"


def test_calls_that_a_fault_struck_are_in_both_logs(own: Sandbox, keys: Keys) -> None:
    last = own.control("GET", "requests/counts")["last"]
    id = own.fault("error", code="InternalServerError", service="ssm", count=1)
    ssm = once(own, keys, "ssm")
    refused(ssm.describe_parameters)
    ssm.describe_parameters()
    struck = [r["fault"] for r in own.control("GET", "requests", after=last)]
    assert struck == [id, None]
    log = own.control("GET", "faults/log", fault=id)
    assert [e["event"] for e in log] == ["set", "begun", "touched", "ended"]
    assert (log[2]["operation"], log[2]["account"], log[2]["region"]) == ("DescribeParameters", ACCOUNT, HOME)
    assert log[3]["why"] == "it has struck as often as it should"
    assert own.control("GET", "faults/log", after=log[2]["n"], limit=1)[0]["n"] == log[3]["n"]


def test_slow_types_of_a_stack_take_longer(own: Sandbox, keys: Keys) -> None:
    stacks = Stacks(own.client("cloudformation", keys))
    id = own.fault("slow", stack="slow-*", type="AWS::SSM::*", action="create", seconds=600)
    for name in ("slow-one", "quick"):
        stacks.client.create_stack(StackName=name, TemplateBody=template(P=parameter("v")))
    assert stacks.wait("quick")["StackStatus"] == "CREATE_COMPLETE"
    [slow] = stacks.client.describe_stacks(StackName="slow-one")["Stacks"]
    assert slow["StackStatus"] == "CREATE_IN_PROGRESS"
    later(own, 600)
    assert stacks.wait("slow-one")["StackStatus"] == "CREATE_COMPLETE"
    [touched] = [e for e in own.control("GET", "faults/log", fault=id) if e["event"] == "touched"]
    assert (touched["type"], touched["action"]) == ("AWS::SSM::Parameter", "create")


def test_factor_stretches_what_something_takes(own: Sandbox, keys: Keys) -> None:
    own.settings(
        speed=1, durations={"AWS::RDS::DBSubnetGroup": {"create": 1}, "AWS::KMS::Key": {"create": 10}}
    )
    own.fault("slow", type="AWS::RDS::DBCluster", factor=3)
    own.settings(durations={"AWS::RDS::DBCluster": {"create": 100}})
    rds = own.client("rds", keys)
    login = {"MasterUsername": "swadmin", "MasterUserPassword": "correct-horse"}
    rds.create_db_cluster(DBClusterIdentifier="stretched", Engine="aurora-mysql", **login)

    def status() -> str:
        return str(rds.describe_db_clusters(DBClusterIdentifier="stretched")["DBClusters"][0]["Status"])

    later(own, 250)
    assert status() == "creating"
    later(own, 60)
    assert status() == "available"


def test_lag_that_grows_holds_copies_back_until_it_is_lifted(own: Sandbox, keys: Keys) -> None:
    s3 = {region: own.client("s3", keys, region) for region in (HOME, OTHER)}
    for region, client in s3.items():
        client.create_bucket(Bucket=f"lag-{region}", CreateBucketConfiguration={"LocationConstraint": region})
        on = {"Status": "Enabled"}
        client.put_bucket_versioning(Bucket=f"lag-{region}", VersioningConfiguration=on)
    to = {"Bucket": f"arn:aws:s3:::lag-{OTHER}"}
    rules = [{"Status": "Enabled", "Prefix": "", "Destination": to}]
    every = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    role = service_role(own.client("iam", keys), "replicates", "s3.amazonaws.com", every)
    configuration = {"Role": role, "Rules": rules}
    s3[HOME].put_bucket_replication(Bucket=f"lag-{HOME}", ReplicationConfiguration=configuration)
    secrets = own.client("secretsmanager", keys)
    secrets.create_secret(Name="lags", SecretString="1", AddReplicaRegions=[{"Region": OTHER}])

    def arrived() -> tuple[str, str]:
        head = s3[HOME].head_object(Bucket=f"lag-{HOME}", Key="k")
        return head["ReplicationStatus"], secrets.describe_secret(SecretId="lags")["ReplicationStatus"][0][
            "Status"
        ]

    id = own.fault("lag", region=OTHER, seconds=5, growth=1)
    s3[HOME].put_object(Bucket=f"lag-{HOME}", Key="k", Body=b"1")
    secrets.put_secret_value(SecretId="lags", SecretString="2")
    for _ in range(3):
        later(own, 100)
        assert arrived() == ("PENDING", "InProgress")
    own.control("DELETE", f"faults/{id}")
    deadline = time.monotonic() + 5
    while arrived() != ("COMPLETED", "InSync"):
        assert time.monotonic() < deadline, arrived()
        time.sleep(0.05)


def test_lag_of_a_table_is_as_long_as_it_says(own: Sandbox, keys: Keys) -> None:
    near, far = own.client("dynamodb", keys), own.client("dynamodb", keys, OTHER)
    near.create_table(
        TableName="lags",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    near.update_table(TableName="lags", ReplicaUpdates=[{"Create": {"RegionName": OTHER}}])
    own.fault("lag", service="dynamodb", seconds=30)
    near.put_item(TableName="lags", Item={"pk": {"S": "k"}})
    key = {"pk": {"S": "k"}}
    later(own, 20)
    assert "Item" not in far.get_item(TableName="lags", Key=key)
    later(own, 15)
    assert "Item" in far.get_item(TableName="lags", Key=key)


def test_health_checks_and_targets_stay_what_they_were(own: Sandbox, keys: Keys) -> None:
    watch, dns = own.client("cloudwatch", keys, "us-east-1"), own.client("route53", keys)
    watch.put_metric_alarm(
        AlarmName="frozen", Namespace="N", MetricName="M", Period=60, EvaluationPeriods=1, Threshold=1,
        Statistic="Sum", ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    watch.set_alarm_state(AlarmName="frozen", StateValue="OK", StateReason="test")
    alarm = {"Region": "us-east-1", "Name": "frozen"}
    config = {
        "Type": "CLOUDWATCH_METRIC",
        "AlarmIdentifier": alarm,
        "InsufficientDataHealthStatus": "Healthy",
    }
    check = dns.create_health_check(CallerReference="frozen", HealthCheckConfig=config)["HealthCheck"]["Id"]
    ec2, elb = own.client("ec2", keys), own.client("elbv2", keys)
    vpc = ec2.create_vpc(CidrBlock="10.71.0.0/16")["Vpc"]["VpcId"]
    group = elb.create_target_group(
        Name="frozen", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip"
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.71.0.9"}])
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.71.{n}.0/24", AvailabilityZone=f"{HOME}{z}")["Subnet"][
            "SubnetId"
        ]
        for n, z in enumerate("ab")
    ]

    def healthy() -> tuple[bool, str]:
        [found] = [c["healthy"] for c in own.control("GET", "health-checks") if c["id"] == check]
        [target] = elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return found, target["TargetHealth"]["State"]

    before = healthy()
    id = own.fault("frozen-health", account=ACCOUNT)
    watch.set_alarm_state(AlarmName="frozen", StateValue="ALARM", StateReason="test")
    made = elb.create_load_balancer(Name="frozen", Subnets=subnets, Scheme="internal")["LoadBalancers"][0]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(
        LoadBalancerArn=made["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=forward
    )
    assert before == healthy() == (True, "unused")
    own.control("DELETE", f"faults/{id}")
    assert healthy() == (False, "healthy")


def test_faults_and_their_log_survive_sigkill(own: Sandbox, keys: Keys) -> None:
    own.control("DELETE", "faults")
    active = own.fault("error", service="ssm", region=HOME, code="InternalServerError", count=3, for_s=1000)
    waiting = own.fault("dark", region=OTHER, after_s=500)
    refused(once(own, keys, "ssm").describe_parameters)
    before = own.control("GET", "faults/log")
    os.kill(listener(own), signal.SIGKILL)
    own.stop()
    own.start()
    assert own.control("GET", "faults/log") == before
    found = {f["id"]: (f["state"], f["left"]) for f in own.control("GET", "faults")}
    assert found == {active: ("active", 2), waiting: ("scheduled", None)}
    assert own.fault("deny", service="sqs", after_s=1) not in found
    later(own, 501)
    assert refused(once(own, keys, "ssm", OTHER).describe_parameters)[0] == "ServiceUnavailable"
    later(own, 500)
    assert active not in states(own)


def test_reset_lifts_everything_and_empties_the_log(own: Sandbox) -> None:
    own.fault("dark", region=OTHER, after_s=500)
    own.control("POST", "reset")
    assert (own.control("GET", "faults"), own.control("GET", "faults/log")) == ([], [])
