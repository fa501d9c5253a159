"""Registering releases: a command's, run by the owner of the host from a checkout."""

from typing import Any

from django.db import transaction

from environments.errors import Conflict
from environments.lifecycle.models import Blueprint, Release
from environments.operations.audit import audit_record
from environments.people.models import User
from environments.people.rights import require


def release_register(
    *,
    blueprint: str,
    title: str,
    version: str,
    digest: str,
    artifact: str,
    description: dict[str, Any],
    actor: User | None,
) -> Release:
    """Keep a snapshot as a release and make it the default. The same snapshot again answers the same row.

    Raises Conflict when the version exists with other content: a release never changes.
    """
    require(actor, "release.change")
    with transaction.atomic():
        parent, _ = Blueprint.objects.get_or_create(name=blueprint, defaults={"title": title})
        parent = Blueprint.objects.select_for_update().get(pk=parent.pk)
        existing = parent.releases.filter(version=version).first()
        if existing is not None:
            if existing.digest != digest:
                raise Conflict(f"Release {version} exists with other content. Raise the blueprint's version.")
            return existing
        parent.releases.filter(is_default=True).update(is_default=False)
        release = Release.objects.create(
            blueprint=parent,
            version=version,
            digest=digest,
            artifact=artifact,
            description=description,
            is_default=True,
        )
        audit_record("release.registered", release, actor=actor, after={"digest": digest})
    return release
