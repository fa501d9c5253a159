"""An assembly's files in the account's bucket, and its stacks as CloudFormation is told of them."""

from collections.abc import Mapping
from types import MappingProxyType

from environments.lifecycle.models import Account
from workers.assembly import Assembly, StackArtifact
from workers.aws import cloudformation, s3
from workers.aws.cloudformation import Deployment
from workers.context import StepContext
from workers.workflow import Done


def assets_upload(ctx: StepContext, account: Account, assembly: Assembly) -> Done:
    """Put what is not there yet. A template that is small enough travels in the call that deploys it."""
    new = 0
    for asset in assembly.assets:
        session = ctx.session(account, asset.region)
        if asset.is_template and _travels(assembly.content(asset.path)):
            continue
        # A template is new for each subject, so it is put without asking; a bundle is shared by many.
        if asset.is_template or not s3.object_exists(session, asset.bucket, asset.key):
            s3.object_put(session, asset.bucket, asset.key, assembly.content(asset.path))
            new += 1
    return Done(
        f"{new} of {len(assembly.assets)} files uploaded; the others were there, or travel in the call."
    )


def deployment_of(
    artifact: StackArtifact, parameters: Mapping[str, str] = MappingProxyType({})
) -> Deployment:
    """The stack as it is to be, its template in the call or by its address."""
    travels = _travels(artifact.template.encode())
    place = f"https://{artifact.template_bucket}.s3.{artifact.region}.amazonaws.com/{artifact.template_key}"
    return Deployment(
        name=artifact.name,
        role_arn=artifact.execution_role_arn,
        template_body=artifact.template if travels else "",
        template_url="" if travels else place,
        parameters=dict(parameters),
        tags=artifact.tags,
        policy=artifact.policy or "",
        termination_protection=artifact.termination_protection,
    )


def _travels(template: bytes) -> bool:
    return len(template) <= cloudformation.BODY_LIMIT
