"""S3: buckets (buckets.py, configuration.py), objects and versions (objects.py, listing.py), uploads (multipart.py)."""

from __future__ import annotations

from sandbox.context import Context
from sandbox.services.s3.state import bucket_get, current


def object_body(ctx: Context, bucket: str, key: str) -> bytes:
    """The body of an object's current version. Raises NoSuchBucket or NoSuchKey."""
    return ctx.store.blob(current(bucket_get(ctx, bucket), ctx, key).data["blob"])
