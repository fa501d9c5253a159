"""What is small and stands alone: quotas as they are told, and scaling groups that somebody planted."""

from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import refused

ACCOUNT = "210000000007"


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Any:
    keys = sandbox.account(ACCOUNT, quotas={})
    return lambda service: sandbox.client(service, keys)


def test_quotas_are_awss_defaults(client: Any) -> None:
    quotas = client("service-quotas")
    quota = quotas.get_service_quota(ServiceCode="vpc", QuotaCode="L-F678F1CE")["Quota"]
    assert (quota["QuotaName"], quota["Value"]) == ("VPCs per Region", 5.0)
    codes = {q["QuotaCode"] for q in quotas.list_service_quotas(ServiceCode="rds")["Quotas"]}
    assert "L-952B80B8" in codes
    assert (
        refused(quotas.get_service_quota, ServiceCode="vpc", QuotaCode="L-0")[0] == "NoSuchResourceException"
    )


def test_scaling_group_is_found_by_tag_and_deleted(client: Any) -> None:
    scaling = client("autoscaling")
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    scaling.create_auto_scaling_group(
        AutoScalingGroupName="left", MinSize=0, MaxSize=1, Tags=[{"Key": "team", "Value": "blue"}]
    )
    filters = [{"Name": "tag:team", "Values": ["blue"]}]
    (group,) = scaling.describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"]
    assert (group["AutoScalingGroupName"], group["Instances"]) == ("left", [])
    scaling.delete_auto_scaling_group(AutoScalingGroupName="left")
    assert scaling.describe_auto_scaling_groups(Filters=filters)["AutoScalingGroups"] == []
