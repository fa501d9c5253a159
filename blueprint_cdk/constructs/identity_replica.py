"""The users in the other region: Cognito's multi-Region replication, which is one way, from home to there."""

from __future__ import annotations

from aws_cdk import aws_cognito as cognito
from constructs import Construct

from blueprint_cdk.constructs.identity import sign_in_host


class UserPoolReplica(Construct):
    """A copy of the user pool in another region, with the same id. It begins INACTIVE.

    All of its properties are create-only, its tags too: it gets none here (`environment.UNTAGGABLE`), and
    `ActiveReplica` gives it those that may change.
    """

    def __init__(self, scope: Construct, id: str, *, user_pool_id: str, region: str) -> None:
        super().__init__(scope, id)
        cognito.CfnUserPoolReplica(self, "Replica", user_pool_id=user_pool_id, region_name=region)


class ActiveReplica(Construct):
    """The replica at work in its own region, always: so that users sign in there whatever becomes of home.

    It has mail settings, tags and an address of its own for the sign-in pages; users, client, groups and branding
    come from home. When it goes, Cognito has the replica INACTIVE, which is when home's stack can delete it.
    """

    def __init__(self, scope: Construct, id: str, *, user_pool_id: str, domain_prefix: str) -> None:
        super().__init__(scope, id)
        kinds = cognito.CfnUserPoolRegionalConfigurationAttachment
        self.settings = kinds(
            self,
            "Settings",
            user_pool_id=user_pool_id,
            status="ACTIVE",
            email_configuration=kinds.EmailConfigurationProperty(email_sending_account="COGNITO_DEFAULT"),
        )
        domain = cognito.CfnUserPoolDomain(
            self, "Domain", user_pool_id=user_pool_id, domain=domain_prefix, managed_login_version=2
        )
        domain.add_resource_dependency(self.settings)
        self.url = f"https://{sign_in_host(domain_prefix, self.settings.stack.region)}"
