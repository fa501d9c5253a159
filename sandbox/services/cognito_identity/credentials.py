"""Identities and their AWS credentials: for who shows an ID token of a user pool, and for guests. No signature.

Source: Cognito developer guide, "Identity pools authentication flow" (the enhanced flow), "Using role-based access
control", "Using attributes for access control". Credentials last an hour.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.iam import policy
from sandbox.iam.documents import parsed
from sandbox.registry import operation
from sandbox.services import sts
from sandbox.services.cognito_identity.operations import identity_get, roles_of, tags_of
from sandbox.services.cognito_identity.pools import IDENTITY, POOL, as_map, invalid, of_pool, pool_get
from sandbox.services.cognito_idp import tokens
from sandbox.services.cognito_idp.names import POOL as USER_POOL
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.world import World

FEDERATED = "cognito-identity.amazonaws.com"
SESSION_NAME = "CognitoIdentityCredentials"
HOUR_S = 3600
Claims = dict[str, Any]


def _not_authorized(message: str) -> AwsError:
    return AwsError("NotAuthorizedException", message)


def whose(world: World, params: dict[str, Any]) -> tuple[str, str]:
    """Account and region of the pool or identity that an unsigned request names. Raises ResourceNotFoundException."""
    if params.get("IdentityPoolId"):
        kind, id, called = POOL, str(params["IdentityPoolId"]), "IdentityPool"
    else:
        kind, id, called = IDENTITY, str(params.get("IdentityId") or ""), "Identity"
    for record in world.store.everywhere(kind):
        if record.id == id:
            return record.account, record.region
    raise AwsError("ResourceNotFoundException", f"{called} '{id}' not found.")


def _login(ctx: Context, pool: Record, logins: dict[str, str] | None) -> tuple[str, Claims]:
    """Provider and claims of the one login; ("", {}) for a guest. Raises NotAuthorizedException in Cognito's words."""
    if not logins:
        if not pool.properties.get("AllowUnauthenticatedIdentities"):
            raise _not_authorized("Unauthenticated access is not supported for this identity pool.")
        return "", {}
    if len(logins) > 1:
        raise invalid("Please provide one login: the sandbox links no identities.")
    [(provider, token)] = logins.items()
    trusted = [
        p for p in pool.properties.get("CognitoIdentityProviders") or [] if p["ProviderName"] == provider
    ]
    if not trusted:
        raise _not_authorized("Token is not from a supported provider of this identity pool.")
    id = provider.partition("/")[2]
    place = next((p for p in ctx.store.everywhere(USER_POOL) if p.id == id and "keys" in p.data), None)
    if place is None:
        raise _not_authorized("Invalid login token. Token signature invalid.")
    claims = tokens.identity_claims(place, token)
    if claims is None:
        raise _not_authorized("Invalid login token. Not a valid OpenId Connect identity token.")
    entry = next((p for p in trusted if p["ClientId"] == claims["aud"]), None)
    if entry is None:
        raise _not_authorized("Invalid login token. Incorrect token audience.")
    if ctx.now >= claims["exp"]:
        raise _not_authorized(f"Invalid login token. Token expired: {claims['exp']} >= {int(ctx.now)}")
    there = ctx.world.context(place.account, place.region)
    if entry.get("ServerSideTokenCheck") and tokens.is_ended(there, place, claims):
        raise _not_authorized("Invalid login token. Token is revoked.")
    return provider, claims


@operation("cognito-identity", "GetId")
def get_id(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    """The same identity for the same user; a new one for each guest."""
    pool = pool_get(ctx, params["IdentityPoolId"])
    provider, claims = _login(ctx, pool, params.get("Logins"))
    subject = str(claims.get("sub", ""))
    for record in of_pool(ctx, pool, IDENTITY):
        if provider and (record.data["provider"], record.data["subject"]) == (provider, subject):
            return {"IdentityId": record.id}
    data = {"pool": pool.id, "provider": provider, "subject": subject}
    id = f"{ctx.region}:{uuid.uuid4()}"
    made = Record(pool.account, pool.region, IDENTITY, id, created_at=ctx.now, updated_at=ctx.now, data=data)
    ctx.store.put(made)
    return {"IdentityId": made.id}


@operation("cognito-identity", "GetCredentialsForIdentity")
def get_credentials_for_identity(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    identity = identity_get(ctx, params["IdentityId"])
    pool = pool_get(ctx, identity.data["pool"])
    provider, claims = _login(ctx, pool, params.get("Logins"))
    if (identity.data["provider"], identity.data["subject"]) != (provider, str(claims.get("sub", ""))):
        raise _not_authorized(f"Access to Identity '{identity.id}' is forbidden.")
    role = _role(ctx, pool, provider, claims, params.get("CustomRoleArn"))
    tags = _tags(ctx, pool, provider, claims)
    _demand_trust(ctx, role, identity, claims, tags)
    keys = {f"{FEDERATED}:aud": pool.id, f"{FEDERATED}:sub": identity.id, "aws:FederatedProvider": FEDERATED}
    given = sts.begin_role_session(ctx, role, SESSION_NAME, HOUR_S, keys=keys, tags=tags)
    credentials = {
        "AccessKeyId": given["AccessKeyId"],
        "SecretKey": given["SecretAccessKey"],
        "SessionToken": given["SessionToken"],
        "Expiration": given["Expiration"],
    }
    return {"IdentityId": identity.id, "Credentials": credentials}


# -- which role


def _role(ctx: Context, pool: Record, provider: str, claims: Claims, custom: str | None) -> Record:
    kept = roles_of(ctx, pool)
    usual = (kept.get("Roles") or {}).get("authenticated" if provider else "unauthenticated")
    if custom and custom not in (claims.get("cognito:roles") or []):
        raise _not_authorized("The custom role is not among the token's roles.")
    mapping = _mapping(kept.get("RoleMappings") or {}, provider, claims)
    arn = custom or (_mapped(mapping, claims, usual) if mapping else usual)
    role = ctx.store.by_arn(str(arn))
    if arn is None or role is None or role.type != "AWS::IAM::Role":
        raise _misconfigured()
    return role


def _misconfigured() -> AwsError:
    text = "Invalid identity pool configuration. Check assigned IAM roles for this pool."
    return AwsError("InvalidIdentityPoolConfigurationException", text)


def _mapping(mappings: dict[str, Any], provider: str, claims: Claims) -> dict[str, Any] | None:
    """A user pool's mapping is called `<provider>:<client id>`."""
    found: dict[str, Any] | None = mappings.get(f"{provider}:{claims.get('aud')}") if provider else None
    return found


def _mapped(mapping: dict[str, Any], claims: Claims, usual: str | None) -> str | None:
    if mapping["Type"] == "Token":
        roles = claims.get("cognito:roles") or []
        found = claims.get("cognito:preferred_role") or (roles[0] if len(roles) == 1 else None)
    else:
        rules = mapping["RulesConfiguration"]["Rules"]
        found = next((r["RoleARN"] for r in rules if _fits(r, claims)), None)
    if found:
        return str(found)
    if mapping.get("AmbiguousRoleResolution") == "Deny":
        raise _not_authorized("No role of the identity pool's mapping fits the token.")
    return usual


def _fits(rule: dict[str, str], claims: Claims) -> bool:
    value, wanted = claims.get(rule["Claim"]), rule["Value"]
    values = [str(v) for v in value] if isinstance(value, list) else [str(value)]
    if value is None:
        return False
    if rule["MatchType"] == "Equals":
        return wanted in values
    if rule["MatchType"] == "NotEqual":
        return wanted not in values
    if rule["MatchType"] == "StartsWith":
        return any(v.startswith(wanted) for v in values)
    return any(wanted in v for v in values)


def _tags(ctx: Context, pool: Record, provider: str, claims: Claims) -> dict[str, str]:
    """Session tags by the provider's map of claims; the defaults are client and username."""
    record = tags_of(ctx, pool, provider)
    if record is None:
        return {}
    names = {"client": "aud", "username": "sub"}
    if not record.properties.get("UseDefaults"):
        names = as_map(record.properties.get("PrincipalTags") or {})
    return {tag: str(claims[claim]) for tag, claim in names.items() if claim in claims}


def _demand_trust(ctx: Context, role: Record, identity: Record, claims: Claims, tags: dict[str, str]) -> None:
    """The role has to trust the pool's identities, and their tags if there are any."""
    amr = ["authenticated", str(claims["iss"]).removeprefix("https://")] if claims else ["unauthenticated"]
    keys: policy.Keys = {
        f"{FEDERATED}:aud": identity.data["pool"],
        f"{FEDERATED}:sub": identity.id,
        f"{FEDERATED}:amr": amr,
        **{f"aws:RequestTag/{k}": v for k, v in tags.items()},
    }
    actions = ["sts:AssumeRoleWithWebIdentity", *(["sts:TagSession"] if tags else [])]
    statements = policy.listed(parsed(role.properties["AssumeRolePolicyDocument"]).get("Statement"))
    for action in actions:
        request = policy.Request(action, role.arn, keys)
        fitting = [s["Effect"] for s in statements if _names_cognito(s) and policy.applies(s, request)]
        if "Deny" in fitting or "Allow" not in fitting:
            raise _misconfigured()


def _names_cognito(statement: policy.Document) -> bool:
    principal = statement.get("Principal")
    if not isinstance(principal, dict):
        return principal == "*"
    return FEDERATED in policy.listed(principal.get("Federated"))
