"""The stacks that let the portal into an account: what a person deploys there, with credentials of their own."""

import shlex
from dataclasses import dataclass, field

from django.conf import settings

from environments.lifecycle.canary import canary_open
from environments.lifecycle.models import Account, Release
from environments.lifecycle.selectors import release_default

ACCESS = "switchyard-access"


@dataclass(frozen=True)
class RoleStack:
    """One of them. `template` is CloudFormation, as YAML, empty while no release is registered."""

    stack_name: str
    template: str
    parameters: dict[str, str] = field(default_factory=dict)
    command: str = ""

    @property
    def file(self) -> str:
        """The name that the command expects the template saved by."""
        return f"{self.stack_name}.yaml"


def role_templates(release: Release | None) -> dict[str, str]:
    """A release's templates by the name of their stack, in the order of their deployment. Older ones have one."""
    templates = release.description.get("templates", {}) if release else {}
    made: dict[str, str] = templates.get("roles") or {ACCESS: templates.get("role", "")}
    return made


def role_stacks(account: Account, release: Release | None = None, *, access: str = "") -> list[RoleStack]:
    """What lets the portal of a release (else of the default one) in; a plan-only account has the first stack alone.

    `access`: "read" or "deploy", where it is not the account's own.
    """
    templates = role_templates(release or release_default())
    access = access or ("deploy" if canary_open(account) else account.access)
    # The template of an older release does not know each, and CloudFormation refuses what a template does not know.
    given = {
        "PortalPrincipalArn": settings.PORTAL_PRINCIPAL_ARN,
        "ExternalId": account.external_id,
        "Access": access,
        "ZoneName": account.zone_name,
    }
    made = []
    for name, template in templates.items():
        if name != ACCESS and access == "read":
            continue
        known = {key: value for key, value in given.items() if not template or f"\n  {key}:\n" in template}
        made.append(RoleStack(name, template, known, _command(account, name, known)))
    return made


def _command(account: Account, name: str, parameters: dict[str, str]) -> str:
    pairs = " ".join(shlex.quote(f"{key}={value}") for key, value in parameters.items())
    parts = [
        "aws cloudformation deploy",
        f"--stack-name {name}",
        f"--template-file {name}.yaml",
        "--capabilities CAPABILITY_NAMED_IAM",
        f"--region {account.home_region}" if account.regions else "",
        f"--parameter-overrides {pairs}" if pairs else "",
    ]
    return " \\\n  ".join(part for part in parts if part)
