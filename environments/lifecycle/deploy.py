"""Putting a version of an application on an environment: deploy, and promote, which takes what runs on another one."""

from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from environments.errors import Conflict, InvalidFields
from environments.lifecycle.applications import delivery_of
from environments.lifecycle.models import Environment, Version
from environments.lifecycle.runtime import labels_running
from environments.lifecycle.stacks import regions_of, regions_there, scopes_of
from environments.lifecycle.states import EnvironmentStatus
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require

PORT = 8080
"""Where a container listens, as the placeholder's does: Beanstalk's nginx passes on to it."""


def environment_deploy(*, environment: Environment, version: Version, actor: User) -> Operation:
    """Ask for a version on an environment; answers the `deploy` operation.

    Raises Forbidden, InvalidFields (at "version"), Conflict (not active, or it runs already).
    """
    return _open(environment, version, {}, actor)


def environment_promote(*, environment: Environment, source: Environment, actor: User) -> Operation:
    """Ask for the version that runs on `source`, as workers saw it last; answers the `deploy` operation.

    Raises Forbidden, InvalidFields (at "source"), Conflict.
    """
    version = version_running(source)
    if version is None:
        runs = labels_running(source).get(source.home_region)
        told = f"{runs}, which no application here has" if runs else "the placeholder"
        require(actor, "environment.deploy", team=environment.team)
        raise InvalidFields({"source": f"{source.name} runs {told}: there is nothing to promote."})
    return _open(environment, version, {"promoted_from": source.name}, actor)


def label_of(version: Version) -> str:
    """What Beanstalk calls it: application, commit and digest, so that no label ever means another image."""
    return f"{version.application.full_name}-{version.commit[:12]}-{version.digest.partition(':')[2][:12]}"


def version_running(environment: Environment) -> Version | None:
    """The version that runs at home, as workers saw it last; None for the placeholder, and for what no application
    has.
    """
    return version_labelled(labels_running(environment).get(environment.home_region))


def is_running(environment: Environment, label: str) -> bool:
    """Whether a version is what runs in every region of which workers have seen what runs."""
    return set(labels_running(environment).values()) == {label}


def label_words(label: str | None) -> str:
    """What a label means, for people: "till c0ffee"; the label itself where no application has it."""
    version = version_labelled(label)
    if version is not None:
        return f"{version.application.name} {version.commit[:12]}"
    return label or "the placeholder"


def version_labelled(label: str | None) -> Version | None:
    """The version that a label means; None for none, and for what no application has."""
    parts = str(label or "").rsplit("-", 3)
    if len(parts) != 4:
        return None
    name, suffix, commit, digest = parts
    return (
        Version.objects.select_related("application__account", "application__team")
        .filter(
            application__name=name,
            application__suffix=suffix,
            commit__startswith=commit,
            digest__startswith=f"sha256:{digest}",
        )
        .first()
    )


def version_of(*, application: str, commit: str) -> Version:
    """The version of a living application, by its name and the commit or its beginning. Raises InvalidFields."""
    rows = Version.objects.select_related("application__account", "application__team").filter(
        application__name=application, application__gone_at__isnull=True
    )
    found = list(rows.filter(commit__startswith=commit)[:2]) if commit else []
    if len(found) == 1:
        return found[0]
    if not rows.exists():
        raise InvalidFields({"application": f"There is no version of an application {application[:80]}."})
    told = (
        "Two versions begin so: say more of it." if found else f"{application} has no version {commit[:80]}."
    )
    raise InvalidFields({"commit": told})


def versions_deployable(environment: Environment) -> QuerySet[Version]:
    """Versions of the team's applications in the environment's account, newest first."""
    return (
        Version.objects.select_related("application")
        .filter(
            application__team_id=environment.team_id,
            application__account_id=environment.account_id,
            gone_at__isnull=True,
        )
        .order_by("-pushed_at", "-pk")
    )


def deploy_problem(environment: Environment) -> str:
    """Why nothing can be deployed to it now, in a sentence; empty when something can."""
    if environment.status != EnvironmentStatus.ACTIVE:
        return f"{environment.name} is {environment.status}: only what is active is deployed to."
    if "bundle" not in delivery_of(environment.release):
        release = environment.release.version
        return (
            f"{environment.name} is of release {release}, whose instances may pull no image: "
            "update it to a newer one first."
        )
    return ""


def _open(environment: Environment, version: Version, more: dict[str, Any], actor: User) -> Operation:
    require(actor, "environment.deploy", team=environment.team)
    with transaction.atomic():
        environment = Environment.objects.select_for_update().get(pk=environment.pk)
        if problem := deploy_problem(environment):
            raise Conflict(problem)
        if problem := _version_problem(environment, version):
            raise InvalidFields({"source" if more else "version": problem})
        label = label_of(version)
        if is_running(environment, label):
            raise Conflict(
                f"{environment.name} runs {version.application.name} {version.commit[:12]} already."
            )
        application = version.application
        told = {
            "label": label,
            "application": application.name,
            "commit": version.commit,
            "digest": version.digest,
            "registry": application.stack_name,
            "port": PORT,
        }
        regions = [*regions_there(environment), *regions_of(environment.spec)]
        return operation_open(
            kind="deploy",
            subject=environment,
            **scopes_of(environment.account, dict.fromkeys(regions)),
            parameters={
                "spec": environment.spec,
                "release_id": environment.release_id,
                "version": told,
                **more,
            },
            actor=actor,
        )


def _version_problem(environment: Environment, version: Version) -> str:
    """Why this version cannot run there, in a sentence; empty when it can."""
    application = version.application
    if version.gone_at is not None:
        return f"{version} is no longer in its registry."
    if application.account_id != environment.account_id:
        return (
            f"{application.name} is in account {application.account}, {environment.name} in {environment.account}: "
            "its instances may not pull from another account's registry. Choose an environment in the same account."
        )
    if application.team_id != environment.team_id:
        return f"{application.name} is of team {application.team}, {environment.name} of team {environment.team}."
    places = {application.region, *application.account.regions}
    missing = [region for region in environment.regions if region not in places]
    if missing:
        return f"The registry is not copied to {', '.join(missing)}: account {application.account} does not name it."
    return ""
