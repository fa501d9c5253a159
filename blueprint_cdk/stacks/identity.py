"""Identity: users, their sign-in, and their own data on all their devices. With the module `identity`."""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from blueprint_cdk.constructs.identity import IdentityPool, SignIn, UserPool
from blueprint_cdk.constructs.user_data import UserDataApi, UserTables
from blueprint_cdk.spec import RegionFacts, Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.storage import StorageStack


class IdentityStack(EnvironmentStack):
    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        network: NetworkStack,
        keys: KeysStack,
        storage: StorageStack,
        tags: Mapping[str, str],
    ) -> None:
        super().__init__(scope, "identity", spec, facts, protected=True)
        key_arn = keys.data_key.key_arn
        prefix = spec.named("sign-in-domain")
        users = UserPool(
            self,
            "Users",
            name=spec.named("user-pool"),
            domain_prefix=prefix,
            key_arn=key_arn,
            deletion_protection=spec.deletion_protection,
        )
        sign_in = SignIn(self, "SignIn", users=users, domain_prefix=prefix, address=f"https://{spec.domain}")
        credentials = IdentityPool(
            self,
            "Credentials",
            users=users,
            client=sign_in.client,
            name=spec.named("prefix"),
            uploads_bucket_arn=storage.uploads.bucket_arn,
            key_arn=key_arn,
        )
        data = UserDataApi(
            self,
            "Data",
            name=spec.named("prefix"),
            user_pool_id=users.pool.ref,
            client_id=sign_in.client.ref,
            tables=UserTables(
                self,
                "Tables",
                name=spec.named("user-data-table"),
                delta_name=spec.named("user-changes-table"),
                key_arn=key_arn,
                deletion_protection=spec.deletion_protection,
                tags=tags,
            ),
            key_arn=key_arn,
            logs_key_arn=network.logs_key.key_arn,
            log_retention_days=spec.log_retention_days,
        )
        self.user_pool_arn = users.pool.attr_arn
        self.api_arn = data.api.attr_arn
        # The issuer of the home region in every region: Cognito's updated issuer does not follow who serves.
        issuer = f"https://issuer-cognito-idp.{spec.home_region}.amazonaws.com/{users.pool.ref}"
        self.variables = {
            "USER_POOL_ID": users.pool.ref,
            "USER_POOL_CLIENT_ID": sign_in.client.ref,
            "USER_POOL_ISSUER": issuer,
            "SIGN_IN_URL": sign_in.url,
            "IDENTITY_POOL_ID": credentials.pool.ref,
            "USER_DATA_URL": data.api.attr_graph_ql_url,
        }
        self.output("UserPoolId", users.pool.ref, "The users")
        self.output(
            "UserPoolClientId", sign_in.client.ref, "Client of browsers and telephones, without a secret"
        )
        self.output("UserPoolIssuer", issuer, "Who signs the users' tokens")
        self.output("SignInUrl", sign_in.url, "Where users sign in")
        self.output("IdentityPoolId", credentials.pool.ref, "Gives signed-in users AWS credentials")
        self.output("UserDataUrl", data.api.attr_graph_ql_url, "The users' own data (GraphQL)")
