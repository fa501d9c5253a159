"""Identity: users, their sign-in, and their own data on all their devices; and with a standby, the same of the other
region, whose users are a replica. With the module `identity`.
"""

from __future__ import annotations

from collections.abc import Mapping

from constructs import Construct

from blueprint_cdk.constructs.identity import IdentityPool, SesMail, SignIn, UserPool
from blueprint_cdk.constructs.identity_replica import ActiveReplica, UserPoolReplica
from blueprint_cdk.constructs.user_data import Table, UserDataApi, UserTables
from blueprint_cdk.facts import RegionFacts
from blueprint_cdk.fields import OTHER
from blueprint_cdk.spec import Spec
from blueprint_cdk.stacks import EnvironmentStack
from blueprint_cdk.stacks.keys import KeysStack, OtherKeysStack
from blueprint_cdk.stacks.network import NetworkStack
from blueprint_cdk.stacks.storage import StorageStack


class UsersStack(EnvironmentStack):
    """What both regions have beside the users themselves: credentials for them, and their own data."""

    user_pool_arn: str

    def credentials(
        self, *, provider: str, client_id: str, storage: StorageStack, key_arn: str
    ) -> IdentityPool:
        """AWS credentials for those whom `provider` has signed in, for uploads in this region."""
        return IdentityPool(
            self,
            "Credentials",
            provider=provider,
            client_id=client_id,
            name=self.spec.named("prefix"),
            uploads_bucket_arn=storage.uploads.bucket_arn,
            key_arn=key_arn,
        )

    def data(
        self,
        *,
        pool_id: str,
        client_id: str,
        items: Table,
        changes: Table,
        key_arn: str,
        network: NetworkStack,
    ) -> UserDataApi:
        """The API of this region over the users' tables."""
        return UserDataApi(
            self,
            "Data",
            name=self.spec.named("prefix"),
            user_pool_id=pool_id,
            client_id=client_id,
            items=items,
            changes=changes,
            key_arn=key_arn,
            logs_key_arn=network.logs_key.key_arn,
            log_retention_days=self.spec.log_retention_days,
        )

    def tell(
        self, *, pool_id: str, client_id: str, sign_in_url: str, credentials: IdentityPool, data: UserDataApi
    ) -> None:
        """What the application of this region is told, and what the portal shows of it."""
        self.api_arn = data.api.attr_arn
        self.variables = {
            "USER_POOL_ID": pool_id,
            "USER_POOL_CLIENT_ID": client_id,
            "USER_POOL_ISSUER": self.issuer(pool_id),
            "SIGN_IN_URL": sign_in_url,
            "IDENTITY_POOL_ID": credentials.pool.ref,
            "USER_DATA_URL": data.api.attr_graph_ql_url,
        }
        self.output("SignInUrl", sign_in_url, "Where users sign in")
        self.output("IdentityPoolId", credentials.pool.ref, "Gives signed-in users AWS credentials")
        self.output("UserDataUrl", data.api.attr_graph_ql_url, "The users' own data (GraphQL)")

    def issuer(self, pool_id: str) -> str:
        """Who signs tokens, of the home region in every region: Cognito's updated issuer does not follow who serves."""
        return f"https://issuer-cognito-idp.{self.spec.home_region}.amazonaws.com/{pool_id}"


class IdentityStack(UsersStack):
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
            mail=SesMail(spec.domain, spec.named("mail")) if spec.sign_in_mail == "ses" else None,
        )
        sign_in = SignIn(self, "SignIn", users=users, domain_prefix=prefix, address=f"https://{spec.domain}")
        client_id = sign_in.client.ref
        credentials = self.credentials(
            provider=users.pool.attr_provider_name, client_id=client_id, storage=storage, key_arn=key_arn
        )
        tables = UserTables(
            self,
            "Tables",
            name=spec.named("user-data-table"),
            delta_name=spec.named("user-changes-table"),
            key_arn=key_arn,
            deletion_protection=spec.deletion_protection,
            tags=tags,
            replica=self.table_replica(key_arn),
        )
        pool_id = users.pool.ref
        data = self.data(
            pool_id=pool_id,
            client_id=client_id,
            items=tables.items,
            changes=tables.changes,
            key_arn=key_arn,
            network=network,
        )
        self.user_pool_arn = users.pool.attr_arn
        self.output("UserPoolId", pool_id, "The users")
        self.output("UserPoolClientId", client_id, "Client of browsers and telephones, without a secret")
        self.output("UserPoolIssuer", self.issuer(pool_id), "Who signs the users' tokens")
        self.tell(
            pool_id=pool_id,
            client_id=client_id,
            sign_in_url=sign_in.url,
            credentials=credentials,
            data=data,
        )


class IdentityReplicaStack(EnvironmentStack):
    """In the home region, where Cognito wants replicas to be made: the users' copy in the other one.

    A stack of its own: the pool's is changed before a standby is taken away, and Cognito deletes no replica that is
    ACTIVE, which it is until the other region's stack has gone.
    """

    def __init__(self, scope: Construct, spec: Spec, facts: RegionFacts) -> None:
        super().__init__(scope, "identity-replica", spec, facts, protected=False)
        UserPoolReplica(
            self,
            "Users",
            user_pool_id=self.given("UserPoolId", "The users of the home region"),
            region=spec.region(OTHER),
        )
        self.output("UsersReplicaRegion", spec.region(OTHER), "Where the users have their replica")


class OtherIdentityStack(UsersStack):
    """In the other region: the replica at work, credentials and the users' own data from there.

    `network`, `keys` and `storage` are of that region.
    """

    def __init__(
        self,
        scope: Construct,
        spec: Spec,
        facts: RegionFacts,
        *,
        network: NetworkStack,
        keys: OtherKeysStack,
        storage: StorageStack,
    ) -> None:
        super().__init__(scope, "identity", spec, facts, protected=False, place=OTHER)
        pool_id = self.given("UserPoolId", "The users of the home region")
        client_id = self.given("UserPoolClientId", "Their client")
        key_arn = keys.data_key.key_arn
        replica = ActiveReplica(
            self, "Users", user_pool_id=pool_id, domain_prefix=spec.named("sign-in-domain", OTHER)
        )
        credentials = self.credentials(
            provider=f"cognito-idp.{self.region}.amazonaws.com/{pool_id}",
            client_id=client_id,
            storage=storage,
            key_arn=key_arn,
        )
        data = self.data(
            pool_id=pool_id,
            client_id=client_id,
            items=self._table("user-data-table"),
            changes=self._table("user-changes-table"),
            key_arn=key_arn,
            network=network,
        )
        # Both are of users whom this region lets in.
        for user in (credentials.pool, data.api):
            user.add_resource_dependency(replica.settings)
        arn = f"arn:{self.partition}:cognito-idp:{self.region}:{self.account}"
        self.user_pool_arn = f"{arn}:userpool/{pool_id}"
        self.tell(
            pool_id=pool_id,
            client_id=client_id,
            sign_in_url=replica.url,
            credentials=credentials,
            data=data,
        )

    def _table(self, rule: str) -> Table:
        """The replica of one of home's tables: of the same name, and made by home's stack."""
        name = self.spec.named(rule)
        return Table(name, f"arn:{self.partition}:dynamodb:{self.region}:{self.account}:table/{name}")
