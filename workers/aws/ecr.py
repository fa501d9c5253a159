"""ECR: what a registry has."""

from datetime import datetime

from botocore.exceptions import ClientError

from workers.aws.faults import error_code
from workers.aws.session import Session

RELEASE = "release-"
"""How the tag begins that the pipeline gives an image that was approved."""


def image_exists(session: Session, registry: str, digest: str) -> bool:
    """Whether the registry of this region has the image of that digest."""
    try:
        session.client("ecr").describe_images(repositoryName=registry, imageIds=[{"imageDigest": digest}])
    except ClientError as error:
        if error_code(error) in ("ImageNotFoundException", "RepositoryNotFoundException"):
            return False
        raise
    return True


def releases(session: Session, registry: str) -> list[tuple[str, str, datetime]]:
    """(commit, digest, when it was pushed) of each image of the registry with a tag release-<commit>."""
    pages = (
        session.client("ecr")
        .get_paginator("describe_images")
        .paginate(repositoryName=registry, filter={"tagStatus": "TAGGED"})
    )
    return [
        (tag.removeprefix(RELEASE), image["imageDigest"], image["imagePushedAt"])
        for page in pages
        for image in page["imageDetails"]
        for tag in image.get("imageTags", ())
        if tag.startswith(RELEASE)
    ]
