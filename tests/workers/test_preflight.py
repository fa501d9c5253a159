"""What an account lacks before environments can be built in it."""

import json
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.workers.support import MEMBER, NO_COSTS, REGION
from workers.aws.session import credentials_forget
from workers.preflight import preflight

DENIAL = {"Effect": "Deny", "Action": "cloudformation:CreateStack", "Resource": "*"}
pytestmark = pytest.mark.django_db(transaction=True)


def told(name):
    """What the command prints, and how it ends."""
    out = StringIO()
    try:
        call_command("preflight", name, stdout=out)
    except SystemExit as end:
        return out.getvalue(), end.code
    return out.getvalue(), 0


def test_an_account_that_is_ready_lacks_nothing_but_what_is_optional(account, release):
    text, code = told(account.name)
    assert code == 0, text
    assert "MISSING" not in text and "unknown  " not in text
    assert f"switchyard-access is that of release {release.version}" in text
    assert f"{REGION} has Beanstalk's Docker platform" in text and "quotas of" in text
    # The local AWS has no Quick Sight: a module that is optional, with its link and its price.
    assert "optional dashboards: Quick Sight is not subscribed to" in text
    assert "quicksight.aws.amazon.com" in text and "USD per author" in text


def test_a_stack_of_an_older_release_is_missing_with_its_command(account, release):
    first = release.description["templates"]["roles"]["switchyard-access"]
    release.description["templates"]["roles"]["switchyard-access"] = first.replace(
        "Description: Lets Switchyard into this account.", "Description: Another one."
    )
    release.save()
    text, code = told(account.name)
    assert code == 1
    assert f"MISSING  stacks: switchyard-access is not that of release {release.version}." in text
    assert "aws cloudformation deploy" in text and "--stack-name switchyard-access" in text


def found(account, release, check="permissions"):
    return [row for row in preflight(account, release) if row.check == check]


def test_what_a_region_lacks_is_told_by_stack(account, release):
    [good] = found(account, release, "services")
    assert (good.state, good.sentence) == (
        "there",
        f"{REGION} has every service that environments are made of.",
    )
    # Ohio has no push.
    account.regions = ["us-east-2"]
    account.save()
    lacking = {row.sentence: row for row in found(account, release, "services")}
    assert set(lacking) == {
        "us-east-2 lacks AWS::Pinpoint::APNSChannel, AWS::Pinpoint::APNSSandboxChannel, AWS::Pinpoint::App, "
        "AWS::Pinpoint::GCMChannel (stack Notifications)."
    }
    [row] = lacking.values()
    assert row.state == "optional" and "module notifications" in row.todo
    next(row for row in release.stacks if row["key"] == "network")["types"].append("AWS::Nowhere::Thing")
    missing = [row for row in found(account, release, "services") if row.state == "missing"]
    assert ["AWS::Nowhere::Thing (stack Network)" in row.sentence for row in missing] == [True]


def test_iam_itself_says_that_the_roles_may_do_what_their_policies_say(account, release):
    rows = found(account, release)
    assert {row.state for row in rows} == {"there"}, rows
    roles = (
        "SwitchyardReader",
        "SwitchyardDeployer",
        f"cdk-swyard-cfn-exec-role-{account.account_id}-{REGION}",
    )
    assert [row.sentence.split()[0] for row in rows] == list(roles)
    assert all(int(re.search(r"all (\d+) actions", row.sentence)[1]) > 40 for row in rows)


@pytest.fixture
def by_hand(account, sandbox, keys):
    """IAM with root's rights, and the deployer; what a test changes of it is put right again."""
    client = sandbox.client("iam", keys, REGION)
    role, stem = {"RoleName": "SwitchyardDeployer"}, f"arn:aws:iam::{account.account_id}:policy/Switchyard"
    yield client, role, stem
    client.put_role_permissions_boundary(**role, PermissionsBoundary=f"{stem}Boundary")
    client.attach_role_policy(**role, PolicyArn=f"{stem}Teardown")
    for name in client.list_role_policies(**role)["PolicyNames"]:
        client.delete_role_policy(**role, PolicyName=name)


def test_what_a_hand_took_from_a_role_is_missing_although_its_stack_is_right(account, release, by_hand):
    client, role, stem = by_hand
    denial = {"Version": "2012-10-17", "Statement": [DENIAL]}
    client.put_role_policy(**role, PolicyName="freeze", PolicyDocument=json.dumps(denial))
    [row] = [row for row in found(account, release) if row.state == "missing"]
    assert "SwitchyardDeployer may not cloudformation:CreateStack on" in row.sentence
    assert row.sentence.endswith("because of a policy that denies it.") and "Take the policy" in row.todo
    client.delete_role_policy(**role, PolicyName="freeze")
    client.detach_role_policy(**role, PolicyArn=f"{stem}Teardown")
    [row] = [row for row in found(account, release) if row.state == "missing"]
    assert row.sentence.endswith("because of the lack of a policy that allows it.")
    assert "aws cloudformation deploy" in row.todo
    client.attach_role_policy(**role, PolicyArn=f"{stem}Teardown")
    client.put_role_permissions_boundary(**role, PermissionsBoundary=f"{stem}Read")
    [row] = [row for row in found(account, release) if row.state == "missing"]
    assert row.sentence.endswith("because of its permissions boundary.") and "boundary" in row.todo


def test_without_credentials_nothing_else_is_asked(account, release):
    credentials_forget()
    account.external_id = "another-external-id-than-that"
    account.save()
    found = list(preflight(account, release))
    credentials_forget()
    assert {row.check for row in found} == {"credentials"}
    assert {row.state for row in found} == {"missing"} and "aws cloudformation deploy" in found[0].todo


def test_a_full_quota_is_missing_with_the_link_to_ask_for_more(account, release):
    [quota] = [row for row in release.description["quotas"] if row["name"] == "IAM roles"]
    # Service Quotas does not list it, so the release's own figure holds, which the account's roles exceed.
    quota |= {"code": "L-00000000", "default": 2}
    release.save()
    [row] = [row for row in preflight(account, release) if row.state == "missing"]
    assert row.check == "quotas" and row.sentence.startswith("IAM roles in eu-west-1: ")
    assert row.todo.startswith("https://") and "servicequotas" in row.todo


@pytest.mark.parametrize(
    ("said", "state", "sentence", "todo"),
    [
        (MEMBER, "optional", "its payer activates cost tags", "switchyard:environment"),
        ("User not enabled for cost explorer access", "missing", "Cost Explorer is off", "Open it once"),
    ],
)
def test_whose_costs_the_account_may_watch_is_told(account, release, sandbox, said, state, sentence, todo):
    sandbox.fault("error", account=account.account_id, **NO_COSTS, message=said)
    [row] = found(account, release, "cost tags")
    assert row.state == state and sentence in row.sentence and todo in row.todo


def test_a_zone_that_is_not_there_is_told_with_the_command_and_its_price(account, release):
    account.zone_name = "nowhere.example.org"
    account.save()
    [row] = [row for row in preflight(account, release) if row.check == "zone"]
    assert (row.state, row.costs) == ("missing", "0.50 USD a month")
    assert "--name nowhere.example.org" in row.todo


def test_accelerated_recovery_of_the_zone_is_a_persons_to_turn_on(account, release, sandbox, keys):
    def found():
        return [row for row in preflight(account, release) if "accelerated recovery" in row.sentence]

    [row] = found()
    assert row.state == "optional" and "us-east-1 is dark" in row.sentence
    assert row.todo.endswith(f"--hosted-zone-id {account.zone_id} --enable-accelerated-recovery")
    route53 = sandbox.client("route53", keys)
    route53.update_hosted_zone_features(HostedZoneId=account.zone_id, EnableAcceleratedRecovery=True)
    [row] = found()
    assert (row.state, row.sentence) == ("there", f"{account.zone_name} has accelerated recovery.")
    route53.update_hosted_zone_features(HostedZoneId=account.zone_id, EnableAcceleratedRecovery=False)


def test_an_unknown_account_is_told(account):
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("preflight", "nobody")
