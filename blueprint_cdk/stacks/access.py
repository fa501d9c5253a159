"""Access: the AWS roles that people take in the environment. It needs no other stack, so it is there from the start."""

from __future__ import annotations

from constructs import Construct

from blueprint_cdk.aws_roles import aws_parts, aws_roles
from blueprint_cdk.constructs.people import PeoplesRole
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack


class AccessStack(EnvironmentStack):
    """At home only: IAM is one for all regions, and the roles speak of the environment in each of them."""

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "access", spec, facts, protected=False)
        regions = [spec.home_region]
        if spec.has_standby and spec.other_region:
            regions.append(spec.other_region)
        parts = aws_parts()
        for role in aws_roles():
            id = role.title.title().replace(" ", "")
            made = PeoplesRole(
                self,
                id,
                role=role,
                parts=parts,
                prefix=spec.named("prefix"),
                account_id=spec.account_id,
                regions=regions,
            )
            self.output(f"{id}RoleArn", made.role.attr_arn, f"AWS role {role.key}")
