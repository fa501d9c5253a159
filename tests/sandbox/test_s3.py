"""S3: objects, versions, listings, multipart, addresses, presigned requests, what is refused."""

import io
import json
import urllib.request
from typing import Any

import pytest

from devtools.sandbox import Keys, Sandbox
from tests.sandbox.support import refused

ACCOUNT = "110000000005"


@pytest.fixture(scope="module")
def s3(sandbox: Sandbox, keys: Keys) -> Any:
    return sandbox.client("s3", keys)


@pytest.fixture
def bucket(s3: Any, keys: Keys, request: pytest.FixtureRequest) -> str:
    """An empty bucket; the account is in its name, which has to be the only one of the world in a live account."""
    test = request.node.name.removeprefix("test_").replace("_", "-")[:44].split("[")[0].strip("-")
    name = f"b5-{test}-{keys.account_id}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return str(name)


def test_object_comes_back_as_it_went(s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="a/ü b+c.txt", Body=b"hello", ContentType="text/plain", Metadata={"who": "me"}
    )
    answer = s3.get_object(Bucket=bucket, Key="a/ü b+c.txt")
    assert (answer["Body"].read(), answer["ContentType"], answer["Metadata"]) == (
        b"hello",
        "text/plain",
        {"who": "me"},
    )
    assert answer["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    assert s3.get_object(Bucket=bucket, Key="a/ü b+c.txt", Range="bytes=1-3")["Body"].read() == b"ell"
    assert s3.head_object(Bucket=bucket, Key="a/ü b+c.txt")["ContentLength"] == 5
    assert refused(s3.get_object, Bucket=bucket, Key="none")[0] == "NoSuchKey"


def test_only_new_object_is_written_if_none_match(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")
    assert (
        refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*")[0] == "PreconditionFailed"
    )


def test_versions_and_delete_markers(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    first = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    second = s3.put_object(Bucket=bucket, Key="k", Body=b"2")["VersionId"]
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    assert refused(s3.get_object, Bucket=bucket, Key="k")[0] == "NoSuchKey"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=first)["Body"].read() == b"1"
    listed = s3.list_object_versions(Bucket=bucket)
    assert [v["VersionId"] for v in listed["Versions"]] == [second, first]
    assert [(m["VersionId"], m["IsLatest"]) for m in listed["DeleteMarkers"]] == [(marker["VersionId"], True)]
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_full_bucket_is_not_deleted(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    s3.delete_object(Bucket=bucket, Key="k")
    code, message = refused(s3.delete_bucket, Bucket=bucket)
    assert code == "BucketNotEmpty" and message.endswith("You must delete all versions in the bucket.")
    listed = s3.list_object_versions(Bucket=bucket)
    wanted = [
        {"Key": v["Key"], "VersionId": v["VersionId"]} for v in listed["Versions"] + listed["DeleteMarkers"]
    ]
    assert len(s3.delete_objects(Bucket=bucket, Delete={"Objects": wanted})["Deleted"]) == 2
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.list_objects_v2, Bucket=bucket)[0] == "NoSuchBucket"


def test_listing_by_prefix_delimiter_and_page(s3: Any, bucket: str) -> None:
    for key in ("a/1", "a/2", "b/1", "c", "d é"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert [p["Prefix"] for p in top["CommonPrefixes"]] == ["a/", "b/"]
    assert [o["Key"] for o in top["Contents"]] == ["c", "d é"]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
    assert [len(p["Contents"]) for p in pages] == [2, 2, 1]


def test_multipart_upload(s3: Any, bucket: str) -> None:
    s3.upload_fileobj(io.BytesIO(b"z" * 17_000_000), bucket, "big")
    head = s3.head_object(Bucket=bucket, Key="big")
    assert head["ContentLength"] == 17_000_000 and head["ETag"].endswith('-3"')
    assert s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []) == []


def test_virtual_hosted_address(sandbox: Sandbox, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"by host")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"})
    path = url.removeprefix(sandbox.url).replace(f"/{bucket}/", "/", 1)
    request = urllib.request.Request(  # noqa: S310
        sandbox.url + path, headers={"Host": f"{bucket}.localhost:{sandbox.port}"}
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        assert answer.read() == b"by host"


def test_bucket_names_are_one_space_over_all_accounts(sandbox: Sandbox, s3: Any, bucket: str) -> None:
    other = sandbox.client("s3", sandbox.account("110000000059"))
    here = {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}}
    assert refused(other.create_bucket, Bucket=bucket, **here)[0] == "BucketAlreadyExists"
    assert refused(s3.create_bucket, Bucket=bucket, **here)[0] == "BucketAlreadyOwnedByYou"
    assert refused(s3.create_bucket, Bucket="b5-elsewhere")[0] == "IllegalLocationConstraintException"


def test_configurations_come_back(s3: Any, bucket: str) -> None:
    rule = {
        "ID": "old",
        "Status": "Enabled",
        "Filter": {"Prefix": "logs/"},
        "NoncurrentVersionExpiration": {"NoncurrentDays": 9},
    }
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [rule]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    block = dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration=block)
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == block
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == [{"Key": "a", "Value": "b"}]
    document = {"Version": "2012-10-17", "Statement": []}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == document
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused(s3.get_bucket_policy, Bucket=bucket)[0] == "NoSuchBucketPolicy"


def test_location_is_empty_in_us_east_1(sandbox: Sandbox, keys: Keys, s3: Any, bucket: str) -> None:
    sandbox.client("s3", keys, "us-east-1").create_bucket(Bucket="b5-in-virginia")
    assert s3.get_bucket_location(Bucket="b5-in-virginia")["LocationConstraint"] is None
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == "eu-west-1"
