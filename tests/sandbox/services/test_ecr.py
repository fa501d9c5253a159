"""ECR: images by manifest, copies in other regions and accounts, lifecycle rules, scans."""

import json
from typing import Any

import pytest

from devtools.sandbox import Sandbox
from tests.sandbox.support import Stacks, refused, template

ACCOUNT, OTHER = "210000000051", "210000000052"


@pytest.fixture(scope="module")
def ecr(sandbox: Sandbox) -> Any:
    return sandbox.client("ecr", sandbox.account(ACCOUNT))


def push(ecr: Any, repository: str, tag: str | None, n: int = 0) -> str:
    manifest = json.dumps({"schemaVersion": 2, "layers": [], "config": {"digest": f"{repository}{n}"}})
    more = {"imageTag": tag} if tag else {}
    image = ecr.put_image(repositoryName=repository, imageManifest=manifest, **more)["image"]
    return str(image["imageId"]["imageDigest"])


def rules(*rows: dict[str, Any]) -> str:
    numbered = [
        {"rulePriority": n, "selection": row, "action": {"type": "expire"}} for n, row in enumerate(rows, 1)
    ]
    return json.dumps({"rules": numbered})


def test_pushed_image_comes_back_by_tag_and_digest(ecr: Any) -> None:
    ecr.create_repository(repositoryName="shop/web", imageTagMutability="IMMUTABLE")
    digest = push(ecr, "shop/web", "v1")
    for id in ({"imageTag": "v1"}, {"imageDigest": digest}):
        (image,) = ecr.batch_get_image(repositoryName="shop/web", imageIds=[id])["images"]
        assert json.loads(image["imageManifest"])["config"]["digest"] == "shop/web0"
    (detail,) = ecr.describe_images(repositoryName="shop/web")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["v1"])
    again = refused(push, ecr=ecr, repository="shop/web", tag="v1")
    assert again[0] == "ImageAlreadyExistsException"
    taken = refused(push, ecr=ecr, repository="shop/web", tag="v1", n=1)
    assert taken[0] == "ImageTagAlreadyExistsException"


def test_image_is_copied_to_regions_and_to_accounts_that_let_it_in(sandbox: Sandbox, ecr: Any) -> None:
    places = [
        {"region": "eu-central-1", "registryId": ACCOUNT},
        {"region": "eu-west-1", "registryId": OTHER},
    ]
    filters = [{"filter": "copied/", "filterType": "PREFIX_MATCH"}]
    given = {"rules": [{"destinations": places, "repositoryFilters": filters}]}
    ecr.put_replication_configuration(replicationConfiguration=given)
    assert ecr.describe_registry()["replicationConfiguration"] == given
    for name in ("copied/web", "kept/web"):
        ecr.create_repository(repositoryName=name)
        push(ecr, name, "v1")

    def status() -> dict[str, str]:
        found = ecr.describe_image_replication_status(
            repositoryName="copied/web", imageId={"imageTag": "v1"}
        )["replicationStatuses"]
        return {f"{r['registryId']}/{r['region']}": r["status"] for r in found}

    assert status() == {f"{ACCOUNT}/eu-central-1": "COMPLETE", f"{OTHER}/eu-west-1": "FAILED"}
    there = sandbox.client("ecr", sandbox.account(ACCOUNT), "eu-central-1")
    assert [r["repositoryName"] for r in there.describe_repositories()["repositories"]] == ["copied/web"]
    assert there.describe_images(repositoryName="copied/web")["imageDetails"][0]["imageTags"] == ["v1"]
    other = sandbox.client("ecr", sandbox.account(OTHER))
    allowed = {
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
                "Action": ["ecr:CreateRepository", "ecr:ReplicateImage"],
                "Resource": "*",
            }
        ]
    }
    other.put_registry_policy(policyText=json.dumps(allowed))
    assert json.loads(other.get_registry_policy()["policyText"]) == allowed
    push(ecr, "copied/web", "v2", 1)
    assert other.describe_images(repositoryName="copied/web", imageIds=[{"imageTag": "v2"}])["imageDetails"]
    other.delete_registry_policy()
    assert refused(other.get_registry_policy)[0] == "RegistryPolicyNotFoundException"


def test_registry_does_not_copy_to_itself(ecr: Any) -> None:
    place = {"region": "eu-west-1", "registryId": ACCOUNT}
    call = ecr.put_replication_configuration
    found = refused(call, replicationConfiguration={"rules": [{"destinations": [place]}]})
    assert found[0] == "InvalidParameterException"


@pytest.mark.parametrize(
    ("policy", "gone"),
    [
        (rules({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2}), {0, 1}),
        (rules({"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}), set()),
        (
            rules(
                {"tagStatus": "tagged", "tagPrefixList": ["keep"], "countType": "imageCountMoreThan", "countNumber": 9},
                {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
            ),
            {1},
        ),
        (
            rules({"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}),
            set(),
        ),
    ],
)  # fmt: skip
def test_lifecycle_rules_say_which_images_expire(ecr: Any, policy: str, gone: set[int]) -> None:
    name = f"life/{abs(hash(policy))}"
    ecr.create_repository(repositoryName=name)
    tags = ["keep-0", "a1", "keep-2", None]
    digests = [push(ecr, name, tag, n) for n, tag in enumerate(tags)]
    ecr.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=policy)
    ecr.start_lifecycle_policy_preview(repositoryName=name)
    found = ecr.get_lifecycle_policy_preview(repositoryName=name)
    assert found["status"] == "COMPLETE"
    assert {digests.index(r["imageDigest"]) for r in found["previewResults"]} == gone


def test_policy_that_is_none_is_refused(ecr: Any) -> None:
    ecr.create_repository(repositoryName="refused")
    call = ecr.put_lifecycle_policy
    text = rules({"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1})
    assert refused(call, repositoryName="refused", lifecyclePolicyText=text)[0] == "InvalidParameterException"


def test_scan_on_push_by_repository_and_by_registry(ecr: Any) -> None:
    ecr.create_repository(repositoryName="scanned", imageScanningConfiguration={"scanOnPush": True})
    ecr.create_repository(repositoryName="unscanned")
    image = {"imageTag": "v1"}
    for name in ("scanned", "unscanned"):
        push(ecr, name, "v1")
    found = ecr.describe_image_scan_findings(repositoryName="scanned", imageId=image)
    assert found["imageScanStatus"]["status"] == "COMPLETE"
    assert found["imageScanFindings"]["findings"] == []
    call = ecr.describe_image_scan_findings
    assert refused(call, repositoryName="unscanned", imageId=image)[0] == "ScanNotFoundException"
    everything = [{"filter": "*", "filterType": "WILDCARD"}]
    often = [{"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": everything}]
    ecr.put_registry_scanning_configuration(scanType="BASIC", rules=often)
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"]["rules"] == often
    push(ecr, "unscanned", "v2", 1)
    assert call(repositoryName="unscanned", imageId={"imageTag": "v2"})["imageScanFindings"]["findings"] == []


def test_registry_by_cloudformation(sandbox: Sandbox, ecr: Any) -> None:
    keys = sandbox.account(OTHER)
    stacks = Stacks(sandbox.client("cloudformation", keys, "eu-central-1"))
    place = {"Region": "eu-west-1", "RegistryId": OTHER}
    body = template(
        Copies={
            "Type": "AWS::ECR::ReplicationConfiguration",
            "Properties": {"ReplicationConfiguration": {"Rules": [{"Destinations": [place]}]}},
        },
        Scans={
            "Type": "AWS::ECR::RegistryScanningConfiguration",
            "Properties": {"ScanType": "BASIC", "Rules": []},
        },
    )
    assert stacks.create("registry", body)["StackStatus"] == "CREATE_COMPLETE"
    there = sandbox.client("ecr", keys, "eu-central-1")
    there.create_repository(repositoryName="made")
    push(there, "made", "v1")
    here = sandbox.client("ecr", keys)
    assert here.describe_images(repositoryName="made")["imageDetails"][0]["imageTags"] == ["v1"]
    assert stacks.delete("registry")["StackStatus"] == "DELETE_COMPLETE"
    assert there.describe_registry()["replicationConfiguration"]["rules"] == []
