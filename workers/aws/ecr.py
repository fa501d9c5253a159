"""ECR: what a registry has."""

from datetime import datetime

from workers.aws.session import Session

RELEASE = "release-"
"""How the tag begins that the pipeline gives an image that was approved."""


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
