"""S3: assets, and what a teardown does to buckets."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.faults import PASSING_CODES, error_code
from workers.aws.paging import entries
from workers.aws.session import Session

SERVICE = "s3"
BATCH = 1000
"""Keys that one DeleteObjects may name."""
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
"""Storage classes whose objects S3 reads, and copies, only once they are restored."""


def object_exists(session: Session, bucket: str, key: str) -> bool:
    """Whether the object is there, by one HEAD."""
    try:
        session.client(SERVICE).head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchKey", "NotFound"):
            return False
        raise
    return True


def object_put(session: Session, bucket: str, key: str, content: bytes) -> None:
    """Put an object; the same content under the same key again changes nothing."""
    session.client(SERVICE).put_object(Bucket=bucket, Key=key, Body=content)


def object_put_new(session: Session, bucket: str, key: str, content: bytes) -> bool:
    """Put an object where there is none; False when there is one, which stays as it is."""
    try:
        session.client(SERVICE).put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
    except ClientError as error:
        if error_code(error) in ("PreconditionFailed", "412"):
            return False
        raise
    return True


def object_get(session: Session, bucket: str, key: str, version: str) -> bytes:
    """A version of an object."""
    body = session.client(SERVICE).get_object(Bucket=bucket, Key=key, VersionId=version)["Body"]
    return bytes(body.read())


def versions_by_age(session: Session, bucket: str, prefix: str) -> dict[str, list[str]]:
    """Versions of the objects below a prefix, by key, the oldest first; markers of deletion are none."""
    found: dict[str, list[str]] = {}
    for page in _versions(session, bucket, prefix):
        for row in page.get("Versions", []):
            found.setdefault(row["Key"], []).append(row["VersionId"])
    # S3 lists the newest first; times are told in seconds only.
    return {key: versions[::-1] for key, versions in found.items()}


def bucket_exists(session: Session, bucket: str) -> bool:
    """Whether the bucket is there and ours."""
    try:
        session.client(SERVICE).head_bucket(Bucket=bucket)
    except ClientError as error:
        if error_code(error) in ("404", "NoSuchBucket", "NotFound"):
            return False
        raise
    return True


def bucket_size(session: Session, bucket: str) -> dict[str, int]:
    """{"objects", "versions", "bytes"}: current objects; all versions and markers; bytes of all versions."""
    objects = versions = size = 0
    for page in _versions(session, bucket):
        for version in page.get("Versions", []):
            versions += 1
            objects += bool(version["IsLatest"])
            size += int(version["Size"])
        versions += len(page.get("DeleteMarkers", []))
    return {"objects": objects, "versions": versions, "bytes": size}


def archived_find(session: Session, bucket: str) -> str:
    """The key of the first version in the bucket that is archived; "" where none is."""
    return next(
        (
            str(version["Key"])
            for page in _versions(session, bucket)
            for version in page.get("Versions", [])
            if version.get("StorageClass") in ARCHIVED
        ),
        "",
    )


def bucket_empty(session: Session, bucket: str, *, pages: int = 10) -> int | None:
    """Delete up to `pages` thousand versions and markers; answers how many, or None when the bucket is empty.

    Called again until it answers None: a lease is renewed before each call, and a step stays short.
    """
    client = session.client(SERVICE)
    deleted = 0
    for number, page in enumerate(_versions(session, bucket)):
        if number >= pages:
            return deleted
        doomed = [
            {"Key": entry["Key"], "VersionId": entry["VersionId"]}
            for entry in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]
        if not doomed:
            continue
        answer = client.delete_objects(Bucket=bucket, Delete={"Objects": doomed, "Quiet": True})
        errors = answer.get("Errors", [])
        if errors:
            raise ObjectsRemain(bucket, errors[0])
        deleted += len(doomed)
    return deleted or None


class ObjectsRemain(Exception):
    """S3 would not delete an object: the first of DeleteObjects' Errors, whose code may be one that passes."""

    def __init__(self, bucket: str, error: Mapping[str, str]) -> None:
        self.bucket, self.key = bucket, error.get("Key", "")
        self.code, self.reason = error.get("Code", ""), error.get("Message", "")
        super().__init__(f"S3 would not delete {self.key} from {bucket}: {self.reason} ({self.code})")

    @property
    def is_passing(self) -> bool:
        return self.code in PASSING_CODES


def uploads_abort(session: Session, bucket: str) -> None:
    """Drop unfinished multipart uploads, which keep bytes that no list shows."""
    client = session.client(SERVICE)
    for upload in list(entries(client, "list_multipart_uploads", "Uploads", Bucket=bucket)):
        client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def buckets_named(session: Session, prefix: str) -> list[str]:
    """Names of the account's buckets that begin so, in any region."""
    listed = entries(session.client(SERVICE), "list_buckets", "Buckets", PaginationConfig={"PageSize": BATCH})
    return [bucket["Name"] for bucket in listed if bucket["Name"].startswith(prefix)]


def _versions(session: Session, bucket: str, prefix: str = "") -> Iterator[dict[str, Any]]:
    pages = session.client(SERVICE).get_paginator("list_object_versions")
    yield from pages.paginate(Bucket=bucket, Prefix=prefix, PaginationConfig={"PageSize": BATCH})
