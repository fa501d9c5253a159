"""Deploy: a version of an application on an environment that is there, home first, then the other region.

The steps are update's with another version label: CloudFormation changes the Beanstalk environment, which tries the new
version on instances of their own and goes back to the one before when they are not healthy. Before that, the version's
image is looked for in each region's registry, and its bundle is named as a version of Beanstalk's application.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import replace
from typing import Any

from environments.lifecycle.applications import delivery_of
from environments.lifecycle.deploy import label_words
from environments.lifecycle.models import Environment
from environments.lifecycle.runtime import environment_version_record, labels_running
from environments.lifecycle.stacks import StackOf, stacks_of
from environments.operations.models import Operation
from workers.assembly import assembly_load
from workers.aws import beanstalk, ecr, s3
from workers.context import READER, StepContext, subject_of
from workers.plan_steps import release_of
from workers.runtime import APPLICATION, application_read, name_of, runtime, synthesis_inputs
from workers.synthesis import synthesise
from workers.workflow import Done, Outcome, StepFailed, StepSpec, Workflow, workflow_register
from workers.workflows import provision

LONG_AGO = (1980, 1, 1, 0, 0, 0)


def image(ctx: StepContext) -> Outcome:
    """Whether each region's registry has the image: instances pull from their own region's."""
    environment: Environment = ctx.subject
    told = ctx.operation.parameters["version"]
    regions = [stack.region for stack in _of_beanstalk(ctx.operation)]
    missing = [
        region
        for region in regions
        if not ecr.image_exists(
            ctx.session(environment.account, region, READER), told["registry"], told["digest"]
        )
    ]
    if missing:
        raise StepFailed(
            f"The registry of {', '.join(missing)} has no image {told['digest'][:19]}… of {told['application']}.",
            resource=told["registry"],
            reason="no image",
            remedy="Images that were pushed before the account's registry was copied there are not copied: let the "
            "pipeline make a new version, then deploy that.",
        )
    return Done(f"The image is in the registry of {' and of '.join(regions)}.")


def synthesis(ctx: StepContext) -> Outcome:
    """The templates for what runs now, with the new version in its place."""
    release, spec = release_of(ctx.operation), ctx.operation.parameters["spec"]
    label = ctx.operation.parameters["version"]["label"]
    live: dict[str, Any] = {**ctx.operation.state["runtime"], "version_label": label}
    if any(not stack.is_home for stack in _of_beanstalk(ctx.operation)):
        live["other"] = {**live.get("other", {}), "version_label": label}
    facts, live = synthesis_inputs(release, spec, ctx.operation.state["facts"], live)
    name = synthesise(
        release=release, app="environment", spec=spec, facts=facts, runtime=live, alive=ctx.lease.renew
    )
    assembly = assembly_load(name)
    return Done(f"{len(assembly.stacks)} stacks from release {release.version}.", {"assembly": name})


def execute(operation: Operation) -> list[StepSpec]:
    """As an update; before a Beanstalk environment is changed, its version is made. Home comes first."""
    stacks = _of_beanstalk(operation)
    home = [stack.key for stack in stacks if stack.is_home]
    steps = []
    for step in provision.execute(operation):
        stack = next((row for row in stacks if row.key == step.key), None)
        if stack is not None:
            first = () if stack.is_home else tuple(home)
            step = replace(step, needs=(*step.needs, f"version-{stack.key}", *first))
            steps.append(
                StepSpec(
                    f"version-{stack.key}",
                    f"Version in {stack.region}",
                    "version",
                    ("assets",),
                    stack.region,
                    900,
                    {"of": stack.key},
                )
            )
        steps.append(step)
    return steps


def version(ctx: StepContext) -> Outcome:
    """The bundle in the region's bucket, and its name among the versions of Beanstalk's application."""
    environment: Environment = ctx.subject
    region, told = ctx.step.region, ctx.operation.parameters["version"]
    session = ctx.session(environment.account, region)
    name = name_of(environment, "BeanstalkEnvironment", region)
    found = beanstalk.environment_find(session, name)
    if found is None:
        raise StepFailed(
            f"There is no Beanstalk environment {name}.", resource=name, remedy="Update it first."
        )
    if beanstalk.version_exists(session, found["application"], told["label"]):
        return Done(f"{found['application']} has version {told['label']} already.")
    content = bundle_of(
        told, region, environment.account.account_id, delivery_of(release_of(ctx.operation))["bundle"]
    )
    bucket = f"{beanstalk.ASSETS}{environment.account.account_id}-{region}"
    key = f"{beanstalk.VERSIONS}/{hashlib.sha256(content).hexdigest()}.zip"
    s3.object_put(session, bucket, key, content)
    said = f"{told['application']} {told['commit']}, {told['digest']}"
    beanstalk.version_create(session, found["application"], told["label"], said, bucket, key)
    return Done(f"{told['label']} is a version of {found['application']}.")


def stack(ctx: StepContext) -> Outcome:
    """As an update's. What a region has come to run is written down at once, since the other region's turn may fail;
    and where one keeps the version before, the failure says what each of them runs.
    """
    environment: Environment = ctx.subject
    if ctx.step.key not in [row.key for row in _of_beanstalk(ctx.operation)]:
        return provision.stack(ctx)
    try:
        outcome = provision.stack(ctx)
    except StepFailed as error:
        raise StepFailed(f"{error.sentence} {_told_of_regions(ctx)}", **error.failure) from error
    if isinstance(outcome, Done):
        label = ctx.operation.parameters["version"]["label"]
        with ctx.fenced():
            environment_version_record(environment=environment, region=ctx.step.region, label=label)
    return outcome


def _told_of_regions(ctx: StepContext) -> str:
    """What each region runs now, in a sentence. Looked at and written down in the step's own one, which answers; the
    other one is as it was seen last, for nothing was begun there.
    """
    environment: Environment = ctx.subject
    region = ctx.step.region
    facts, moving = application_read(ctx.session(environment.account, region), environment)
    if facts:
        with ctx.fenced():
            environment_version_record(
                environment=environment, region=region, label=facts.get("version_label")
            )
    told = {row: f"runs {label_words(label)}" for row, label in labels_running(environment).items()}
    if moving:
        told[region] = "is not at rest"
    return f"{', '.join(f'{row} {words}' for row, words in told.items())}."


def bundle_of(told: dict[str, Any], region: str, account_id: str, beside: dict[str, str]) -> bytes:
    """The zip file that names the image by its digest: the same bytes every time. `beside` is text by path."""
    place = f"{account_id}.dkr.ecr.{region}.amazonaws.com/{told['registry']}@{told['digest']}"
    run = {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": place, "Update": "true"},
        "Ports": [{"ContainerPort": told["port"]}],
    }
    files = {**beside, "Dockerrun.aws.json": json.dumps(run, indent=1) + "\n"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, LONG_AGO)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def _of_beanstalk(operation: Operation) -> list[StackOf]:
    """The stacks that hold a Beanstalk environment: home's, then the other region's."""
    stacks = stacks_of(release_of(operation), operation.parameters["spec"])
    return [stack for stack in stacks if APPLICATION in stack.types]


def succeeded(operation: Operation) -> str:
    """The sentence of the good end."""
    environment: Environment = subject_of(operation)
    told = operation.parameters["version"]
    return f"{environment} runs {told['application']} {told['commit'][:12]}."


workflow_register(
    Workflow(
        kind="deploy",
        plan=(
            StepSpec("facts", "Region facts", "facts", time_limit_s=300),
            StepSpec("runtime", "What runs now", "runtime", time_limit_s=3600),
            StepSpec("image", "Image", "image", time_limit_s=300),
            StepSpec("synthesis", "Synthesis", "synthesis", ("facts", "runtime", "image"), time_limit_s=600),
            StepSpec("plan", "Plan", "plan", ("synthesis",), time_limit_s=600),
        ),
        execute=execute,
        functions={
            **provision.FUNCTIONS,
            "runtime": runtime,
            "image": image,
            "synthesis": synthesis,
            "version": version,
            "stack": stack,
        },
        cancels=provision.CANCELS,
        succeeded=succeeded,
    )
)
