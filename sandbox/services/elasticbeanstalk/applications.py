"""Applications, their versions and configuration templates."""

from __future__ import annotations

from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.resource_types import ResourceType, tags_from
from sandbox.services.elasticbeanstalk import common, options, platforms
from sandbox.services.elasticbeanstalk.common import APPLICATION, TEMPLATE, VERSION, invalid
from sandbox.services.s3.state import bucket_find, current
from sandbox.store import Record


@resource_type(APPLICATION)
class Application(ResourceType):
    """An application: a folder of versions, templates and environments."""

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("elasticbeanstalk", f"application/{id}")

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        name = properties.get("ApplicationName")
        if name and ctx.store.get(ctx.account, ctx.region, APPLICATION, name):
            raise invalid(f"Application {name} already exists.")
        if name and (len(name) > 100 or "/" in name):
            raise invalid(
                f"Value {name} at 'ApplicationName' failed to satisfy constraint: at most 100, without '/'."
            )

    def check_delete(self, ctx: Context, record: Record) -> None:
        if common.environments(ctx, record.id):
            text = f"Unable to delete application {record.id} because it has a running environment."
            raise AwsError("OperationInProgressFailure", text, 400)

    def deleted(self, ctx: Context, record: Record) -> None:
        """Versions and templates go with it."""
        for kind in (VERSION, TEMPLATE):
            for part in ctx.store.list(record.account, record.region, kind):
                if part.properties["ApplicationName"] == record.id:
                    ctx.store.remove(part)


class PartOfApplication(ResourceType):
    """Kept as `<application>|<name>`; Ref answers the name alone."""

    part = ""

    def ref(self, record: Record) -> str:
        return record.id.partition("|")[2]

    def arn_for(self, ctx: Context, id: str, properties: dict[str, Any]) -> str:
        return ctx.arn("elasticbeanstalk", f"{self.part}/{id.replace('|', '/')}")


@resource_type(VERSION)
class Version(PartOfApplication):
    """An application version: a bundle in S3 that must exist."""

    part = "applicationversion"
    state_ready = "PROCESSED"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        label = properties.pop("VersionLabel", None) or self.new_name(hint, "").lower()
        return f"{properties['ApplicationName']}|{label}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        common.application(ctx, properties["ApplicationName"])
        label = properties.get("VersionLabel")
        if label and ctx.store.get(
            ctx.account, ctx.region, VERSION, f"{properties['ApplicationName']}|{label}"
        ):
            raise invalid(f"Application Version {label} already exists.")
        bundle = properties.get("SourceBundle")
        if bundle:
            refuse_bundle(ctx, bundle["S3Bucket"], bundle["S3Key"])

    def check_delete(self, ctx: Context, record: Record) -> None:
        label = self.ref(record)
        for user in common.environments(ctx, record.properties["ApplicationName"]):
            if user.properties.get("VersionLabel") == label and user.state != "Terminating":
                text = f"Application Version {label} is deployed to a running environment."
                raise AwsError("SourceBundleDeletionFailure", text, 400)


def refuse_bundle(ctx: Context, bucket: str, key: str) -> None:
    """Refuse a source bundle that is not there, or is in another region's bucket."""
    record = bucket_find(ctx.world, bucket)
    try:
        if record is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist")
        current(record, ctx, key)
    except AwsError as problem:
        text = f"Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found"
        raise AwsError("InvalidParameterCombination", text, 400) from problem
    if record.region != ctx.region:
        text = f"The bucket {bucket} is not in the region {ctx.region}."
        raise AwsError("S3LocationNotInServiceRegionException", text, 400)


@resource_type(TEMPLATE)
class Template(PartOfApplication):
    """Saved option settings."""

    part = "configurationtemplate"

    def identify(self, ctx: Context, properties: dict[str, Any], hint: str) -> str:
        name = properties.pop("TemplateName", None) or self.new_name(hint, "")
        return f"{properties['ApplicationName']}|{name}"

    def check_create(self, ctx: Context, properties: dict[str, Any]) -> None:
        app = properties["ApplicationName"]
        common.application(ctx, app)
        name = properties.get("TemplateName")
        if name and ctx.store.get(ctx.account, ctx.region, TEMPLATE, f"{app}|{name}"):
            raise invalid(f"Configuration Template {name} already exists.")
        if not any(
            properties.get(n)
            for n in ("PlatformArn", "SolutionStackName", "SourceConfiguration", "EnvironmentId")
        ):
            text = "You must specify a solution stack, a platform, a source configuration or an environment."
            raise AwsError("InvalidParameterCombination", text, 400)
        options.refuse(ctx, {**options.DEFAULTS, **options.table(properties.get("OptionSettings"))})

    def created(self, ctx: Context, record: Record) -> None:
        properties = record.properties
        source = properties.get("SourceConfiguration")
        settings: list[dict[str, Any]] = []
        if source:
            origin = common.template(ctx, source["ApplicationName"], source["TemplateName"])
            settings = origin.data["settings"]
            record.data.update(arn=origin.data["arn"], stack=origin.data["stack"])
        elif properties.get("EnvironmentId"):
            env = common.environment(ctx, {"EnvironmentId": properties["EnvironmentId"]})
            settings = env.properties.get("OptionSettings", [])
            record.data.update(arn=env.data["platform_arn"], stack=env.data["stack"])
        else:
            arn, stack = platforms.resolve(
                ctx, properties.get("PlatformArn"), properties.get("SolutionStackName")
            )
            record.data.update(arn=arn, stack=stack)
        record.data["settings"] = options.merged(settings, properties.get("OptionSettings") or [], [])
        record.attributes = {"TemplateName": self.ref(record)}

    def updated(self, ctx: Context, record: Record, before: dict[str, Any]) -> None:
        record.data["settings"] = options.merged([], record.properties.get("OptionSettings") or [], [])


# -- operations


def application_shape(ctx: Context, record: Record) -> dict[str, Any]:
    def names(kind: str) -> list[str]:
        records = ctx.store.list(ctx.account, ctx.region, kind)
        return [r.id.partition("|")[2] for r in records if r.properties["ApplicationName"] == record.id]

    return {
        "ApplicationArn": record.arn,
        "ApplicationName": record.id,
        "Description": record.properties.get("Description", ""),
        "DateCreated": record.created_at,
        "DateUpdated": record.updated_at,
        "Versions": names(VERSION),
        "ConfigurationTemplates": names(TEMPLATE),
        "ResourceLifecycleConfig": record.properties.get("ResourceLifecycleConfig", {}),
    }


@operation("elasticbeanstalk", "CreateApplication")
def create_application(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = ("ApplicationName", "Description", "ResourceLifecycleConfig")
    properties = {n: params[n] for n in names if params.get(n)}
    record = ctx.world.create(ctx, APPLICATION, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return {"Application": application_shape(ctx, record)}


@operation("elasticbeanstalk", "DescribeApplications")
def describe_applications(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    wanted = params.get("ApplicationNames")
    records = ctx.store.list(ctx.account, ctx.region, APPLICATION)
    return {"Applications": [application_shape(ctx, r) for r in records if not wanted or r.id in wanted]}


@operation("elasticbeanstalk", "UpdateApplication")
def update_application(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = common.application(ctx, params["ApplicationName"])
    changes = {"Description": params["Description"]} if params.get("Description") is not None else {}
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return {"Application": application_shape(ctx, record)}


@operation("elasticbeanstalk", "DeleteApplication")
def delete_application(ctx: Context, params: dict[str, Any]) -> None:
    record = ctx.store.get(ctx.account, ctx.region, APPLICATION, params["ApplicationName"])
    if record is None:
        return  # AWS says nothing of an application that is not there
    if params.get("TerminateEnvByForce"):
        for env in common.environments(ctx, record.id):
            if env.state != "Terminating":
                ctx.world.delete(ctx, env, at_once=True)
    ctx.world.delete(ctx, record, at_once=True)


def version_shape(record: Record) -> dict[str, Any]:
    label = record.id.partition("|")[2]
    answer = {
        "ApplicationVersionArn": record.arn,
        "ApplicationName": record.properties["ApplicationName"],
        "Description": record.properties.get("Description", ""),
        "VersionLabel": label,
        "DateCreated": record.created_at,
        "DateUpdated": record.updated_at,
        "Status": "PROCESSED" if record.properties.get("Process") else "UNPROCESSED",
    }
    if record.properties.get("SourceBundle"):
        answer["SourceBundle"] = record.properties["SourceBundle"]
    return answer


@operation("elasticbeanstalk", "CreateApplicationVersion")
def create_application_version(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    name = params["ApplicationName"]
    if (
        params.get("AutoCreateApplication")
        and ctx.store.get(ctx.account, ctx.region, APPLICATION, name) is None
    ):
        ctx.world.create(ctx, APPLICATION, {"ApplicationName": name}, at_once=True)
    names = ("ApplicationName", "VersionLabel", "Description", "SourceBundle", "Process")
    properties = {n: params[n] for n in names if params.get(n)}
    record = ctx.world.create(ctx, VERSION, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return {"ApplicationVersion": version_shape(record)}


@operation("elasticbeanstalk", "DescribeApplicationVersions")
def describe_application_versions(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    app, labels = params.get("ApplicationName"), params.get("VersionLabels")
    found = [
        version_shape(r)
        for r in reversed(ctx.store.list(ctx.account, ctx.region, VERSION))
        if app in (None, r.properties["ApplicationName"]) and (not labels or r.id.partition("|")[2] in labels)
    ]
    return common.page(found, params, "ApplicationVersions")


@operation("elasticbeanstalk", "DeleteApplicationVersion")
def delete_application_version(ctx: Context, params: dict[str, Any]) -> None:
    id = f"{params['ApplicationName']}|{params['VersionLabel']}"
    record = ctx.store.get(ctx.account, ctx.region, VERSION, id)
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)


def template_shape(record: Record) -> dict[str, Any]:
    return {
        "ApplicationName": record.properties["ApplicationName"],
        "TemplateName": record.id.partition("|")[2],
        "Description": record.properties.get("Description", ""),
        "PlatformArn": record.data["arn"],
        "SolutionStackName": record.data["stack"],
        "DateCreated": record.created_at,
        "DateUpdated": record.updated_at,
        "OptionSettings": record.data["settings"],
    }


@operation("elasticbeanstalk", "CreateConfigurationTemplate")
def create_configuration_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = (
        "ApplicationName",
        "TemplateName",
        "SolutionStackName",
        "PlatformArn",
        "SourceConfiguration",
        "EnvironmentId",
        "Description",
        "OptionSettings",
    )
    properties = {n: params[n] for n in names if params.get(n)}
    record = ctx.world.create(ctx, TEMPLATE, properties, tags=tags_from(params.get("Tags")), at_once=True)
    return template_shape(record)


@operation("elasticbeanstalk", "UpdateConfigurationTemplate")
def update_configuration_template(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    record = common.template(ctx, params["ApplicationName"], params["TemplateName"])
    settings = options.merged(
        record.data["settings"], params.get("OptionSettings") or [], params.get("OptionsToRemove") or []
    )
    changes: dict[str, Any] = {"OptionSettings": settings}
    if params.get("Description") is not None:
        changes["Description"] = params["Description"]
    ctx.world.update(ctx, record, {**record.properties, **changes}, at_once=True)
    return template_shape(record)


@operation("elasticbeanstalk", "DeleteConfigurationTemplate")
def delete_configuration_template(ctx: Context, params: dict[str, Any]) -> None:
    id = f"{params['ApplicationName']}|{params['TemplateName']}"
    record = ctx.store.get(ctx.account, ctx.region, TEMPLATE, id)
    if record is not None:
        ctx.world.delete(ctx, record, at_once=True)
