"""Web ACLs: lock tokens, associations, logs."""

from typing import Any

import pytest

from tests.sandbox.services.edge.support import VISIBLE, a_balancer
from tests.sandbox.support import refused

ACCOUNT = "210000000006"


@pytest.fixture
def acl(aws: Any) -> dict[str, Any]:
    """A web ACL; the test deletes it."""
    return aws("wafv2").create_web_acl(
        Name="acl", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=VISIBLE
    )["Summary"]


def test_web_acl_changes_only_with_the_last_lock_token(aws: Any, acl: dict[str, Any]) -> None:
    waf = aws("wafv2")
    which = {"Name": acl["Name"], "Id": acl["Id"], "Scope": "REGIONAL"}
    same = {**which, "DefaultAction": {"Block": {}}, "VisibilityConfig": VISIBLE}
    following = waf.update_web_acl(**same, LockToken=acl["LockToken"])["NextLockToken"]
    assert refused(waf.update_web_acl, **same, LockToken=acl["LockToken"])[0] == "WAFOptimisticLockException"
    assert waf.get_web_acl(**which)["WebACL"]["DefaultAction"] == {"Block": {}}
    assert refused(
        waf.create_web_acl,
        Name="acl",
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig=VISIBLE,
    )[0] == ("WAFDuplicateItemException")
    waf.delete_web_acl(**which, LockToken=following)
    assert waf.list_web_acls(Scope="REGIONAL")["WebACLs"] == []
    assert refused(waf.get_web_acl, **which)[0] == "WAFNonexistentItemException"


def test_associated_web_acl_is_not_deleted(aws: Any, acl: dict[str, Any], place: dict[str, Any]) -> None:
    waf = aws("wafv2")
    which = {"Name": acl["Name"], "Id": acl["Id"], "Scope": "REGIONAL", "LockToken": acl["LockToken"]}
    balancer = a_balancer(aws, place, "guarded")["LoadBalancerArn"]
    waf.associate_web_acl(WebACLArn=acl["ARN"], ResourceArn=balancer)
    assert waf.get_web_acl_for_resource(ResourceArn=balancer)["WebACL"]["Id"] == acl["Id"]
    assert waf.list_resources_for_web_acl(WebACLArn=acl["ARN"])["ResourceArns"] == [balancer]
    assert refused(waf.delete_web_acl, **which)[0] == "WAFAssociatedItemException"
    aws("elbv2").delete_load_balancer(LoadBalancerArn=balancer)
    waf.delete_web_acl(**which)


def test_log_of_a_web_acl_goes_only_to_a_group_of_its_prefix(aws: Any, acl: dict[str, Any]) -> None:
    waf = aws("wafv2")
    for group, code in (
        ("plain", "WAFInvalidParameterException"),
        ("aws-waf-logs-missing", "WAFLogDestinationPermissionIssueException"),
    ):
        destination = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:{group}"
        given = {"ResourceArn": acl["ARN"], "LogDestinationConfigs": [destination]}
        assert refused(waf.put_logging_configuration, LoggingConfiguration=given)[0] == code
    waf.delete_web_acl(Name=acl["Name"], Id=acl["Id"], Scope="REGIONAL", LockToken=acl["LockToken"])
