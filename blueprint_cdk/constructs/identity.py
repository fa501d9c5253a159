"""Who the application's users are: the user pool with its sign-in, and what a signed-in user may do in AWS."""

from __future__ import annotations

from typing import NamedTuple

import aws_cdk as cdk
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_iam as iam
from constructs import Construct

GROUPS = {"provider": "Offers services", "consumer": "Uses services"}
"""What a user is, in the order of precedence; a user of both is first of all a provider."""


def sign_in_host(prefix: str, region: str) -> str:
    """Where Cognito's own pages of a prefix are in a region."""
    return f"{prefix}.auth.{region}.amazoncognito.com"


class SesMail(NamedTuple):
    """Mail to users by SES: the domain that it comes from, and the configuration set that counts it."""

    domain: str
    configuration_set: str


class UserPool(Construct):
    """The application's users, who sign in by e-mail address with password, passkey and a second factor.

    From its first day it is what a replica in another region needs, so that adding one replaces nothing: a
    multi-Region key, the updated issuer, which is the same everywhere, and the plan Essentials. Sign-in attributes
    and case can never be changed.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        name: str,
        domain_prefix: str,
        key_arn: str,
        deletion_protection: bool,
        mail: SesMail | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.host = sign_in_host(domain_prefix, cdk.Stack.of(self).region)
        self.pool = cognito.CfnUserPool(
            self,
            "Pool",
            user_pool_name=name,
            user_pool_tier="ESSENTIALS",
            deletion_protection="ACTIVE" if deletion_protection else "INACTIVE",
            key_configuration=cognito.CfnUserPool.KeyConfigurationProperty(
                key_type="CUSTOMER_MANAGED_KEY", kms_key_arn=key_arn
            ),
            issuer_configuration=cognito.CfnUserPool.IssuerConfigurationProperty(type="UPDATED"),
            username_attributes=["email"],
            username_configuration=cognito.CfnUserPool.UsernameConfigurationProperty(case_sensitive=False),
            auto_verified_attributes=["email"],
            user_attribute_update_settings=cognito.CfnUserPool.UserAttributeUpdateSettingsProperty(
                attributes_require_verification_before_update=["email"]
            ),
            account_recovery_setting=cognito.CfnUserPool.AccountRecoverySettingProperty(
                recovery_mechanisms=[
                    cognito.CfnUserPool.RecoveryOptionProperty(name="verified_email", priority=1)
                ]
            ),
            # Offered to every user, forced on none: passkeys are two factors in one.
            mfa_configuration="OPTIONAL",
            enabled_mfas=["SOFTWARE_TOKEN_MFA"],
            web_authn_relying_party_id=self.host,
            web_authn_user_verification="required",
            web_authn_factor_configuration="MULTI_FACTOR_WITH_USER_VERIFICATION",
            policies=cognito.CfnUserPool.PoliciesProperty(
                password_policy=cognito.CfnUserPool.PasswordPolicyProperty(
                    minimum_length=12,
                    require_lowercase=True,
                    require_uppercase=True,
                    require_numbers=True,
                    require_symbols=True,
                    password_history_size=5,
                    temporary_password_validity_days=3,
                ),
                sign_in_policy=cognito.CfnUserPool.SignInPolicyProperty(
                    allowed_first_auth_factors=["PASSWORD", "WEB_AUTHN"]
                ),
            ),
            device_configuration=cognito.CfnUserPool.DeviceConfigurationProperty(
                challenge_required_on_new_device=True, device_only_remembered_on_user_prompt=True
            ),
            email_configuration=_mail(cdk.Stack.of(self), mail),
            verification_message_template=cognito.CfnUserPool.VerificationMessageTemplateProperty(
                default_email_option="CONFIRM_WITH_CODE"
            ),
        )
        # Users go with it, and no export has their passwords: a teardown is told so (docs/decisions/0216).
        self.pool.apply_removal_policy(cdk.RemovalPolicy.DESTROY, apply_to_update_replace_policy=False)
        self.pool.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        for precedence, (group, description) in enumerate(GROUPS.items()):
            cognito.CfnUserPoolGroup(
                self,
                group.capitalize(),
                user_pool_id=self.pool.ref,
                group_name=group,
                description=description,
                precedence=precedence,
            )


class SignIn(Construct):
    """Cognito's own sign-in pages, and the public client (browser, telephone) that leads users there.

    The client has no secret: it proves itself by PKCE, which Cognito's code grant takes. Refresh tokens are good once.
    """

    def __init__(
        self, scope: Construct, id: str, *, users: UserPool, domain_prefix: str, address: str
    ) -> None:
        super().__init__(scope, id)
        pool = users.pool
        self.client = cognito.CfnUserPoolClient(
            self,
            "Client",
            user_pool_id=pool.ref,
            client_name="app",
            generate_secret=False,
            supported_identity_providers=["COGNITO"],
            allowed_o_auth_flows_user_pool_client=True,
            allowed_o_auth_flows=["code"],
            allowed_o_auth_scopes=["openid", "email", "profile", "aws.cognito.signin.user.admin"],
            callback_ur_ls=[f"{address}/signed-in"],
            logout_ur_ls=[f"{address}/"],
            explicit_auth_flows=["ALLOW_USER_AUTH", "ALLOW_USER_SRP_AUTH"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            refresh_token_rotation=cognito.CfnUserPoolClient.RefreshTokenRotationProperty(
                feature="ENABLED", retry_grace_period_seconds=10
            ),
            access_token_validity=60,
            id_token_validity=60,
            refresh_token_validity=30,
            token_validity_units=cognito.CfnUserPoolClient.TokenValidityUnitsProperty(
                access_token="minutes",  # noqa: S106 - a unit
                id_token="minutes",  # noqa: S106 - a unit
                refresh_token="days",  # noqa: S106 - a unit
            ),
        )
        domain = cognito.CfnUserPoolDomain(
            self, "Domain", user_pool_id=pool.ref, domain=domain_prefix, managed_login_version=2
        )
        branding = cognito.CfnManagedLoginBranding(
            self,
            "Branding",
            user_pool_id=pool.ref,
            client_id=self.client.ref,
            use_cognito_provided_values=True,
        )
        branding.add_resource_dependency(domain)
        self.url = f"https://{users.host}"


class IdentityPool(Construct):
    """AWS credentials for users who have signed in, and what these may do: their own folder of the uploads.

    `provider` is the user pool as identity pools call it: cognito-idp.<region>.amazonaws.com/<pool>. Identity pools
    are of one region: each has one of its own, whose users are those of the pool's copy there.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        provider: str,
        client_id: str,
        name: str,
        uploads_bucket_arn: str,
        key_arn: str,
    ) -> None:
        super().__init__(scope, id)
        region = cdk.Stack.of(self).region
        self.pool = cognito.CfnIdentityPool(
            self,
            "Pool",
            identity_pool_name=name,
            allow_unauthenticated_identities=False,
            allow_classic_flow=False,
            cognito_identity_providers=[
                cognito.CfnIdentityPool.CognitoIdentityProviderProperty(
                    client_id=client_id, provider_name=provider, server_side_token_check=True
                )
            ],
        )
        tags = cognito.CfnIdentityPoolPrincipalTag(
            self,
            "Tags",
            identity_pool_id=self.pool.ref,
            identity_provider_name=provider,
            use_defaults=False,
            principal_tags={"user": "sub"},
        )
        self.role = iam.Role(
            self,
            "User",
            description="Users who have signed in: their own uploads",
            assumed_by=iam.FederatedPrincipal(
                "cognito-identity.amazonaws.com",
                {
                    "StringEquals": {"cognito-identity.amazonaws.com:aud": self.pool.ref},
                    "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "authenticated"},
                },
                "sts:AssumeRoleWithWebIdentity",
            ).with_session_tags(),
            max_session_duration=cdk.Duration.hours(1),
        )
        policy = iam.Policy(
            self,
            "Policy",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    sid="OwnUploads",
                    actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                    resources=[f"{uploads_bucket_arn}/users/${{aws:PrincipalTag/user}}/*"],
                ),
                iam.PolicyStatement(
                    sid="DataKey",
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=[key_arn],
                    conditions={"StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"}},
                ),
            ],
        )
        roles = cognito.CfnIdentityPoolRoleAttachment(
            self,
            "Roles",
            identity_pool_id=self.pool.ref,
            roles={"authenticated": self.role.role_arn},
        )
        # Nobody gets credentials before the tag that bounds them is there.
        roles.node.add_dependency(policy, tags)


def _mail(stack: cdk.Stack, ses: SesMail | None) -> cognito.CfnUserPool.EmailConfigurationProperty:
    """Cognito's own address, or SES's identity: which is named, not imported, for its stack may go."""
    if ses is None:
        return cognito.CfnUserPool.EmailConfigurationProperty(email_sending_account="COGNITO_DEFAULT")
    return cognito.CfnUserPool.EmailConfigurationProperty(
        email_sending_account="DEVELOPER",
        source_arn=f"arn:{stack.partition}:ses:{stack.region}:{stack.account}:identity/{ses.domain}",
        from_=f"no-reply@{ses.domain}",
        configuration_set=ses.configuration_set,
    )
