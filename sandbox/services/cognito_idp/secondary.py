"""What a replica in a secondary region does, by its status, and what only the primary does.

Source of the two lists: Cognito developer guide, "Multi-Region replication for user pools", "Supported API operations
in secondary Regions".
"""

from __future__ import annotations

from sandbox.errors import AwsError
from sandbox.store import Record

_INACTIVE = """
    AdminGetDevice AdminGetUser AdminListDevices AdminListGroupsForUser AdminListUserAuthEvents CreateUserPoolDomain
    DeleteUserPoolDomain DeleteUserPoolReplica DescribeIdentityProvider DescribeManagedLoginBranding
    DescribeManagedLoginBrandingByClient DescribeResourceServer DescribeRiskConfiguration DescribeTerms
    DescribeUserPool DescribeUserPoolClient DescribeUserPoolDomain GetGroup GetLogDeliveryConfiguration
    GetSigningCertificate GetUICustomization GetUserPoolMfaConfig ListGroups ListIdentityProviders ListResourceServers
    ListTagsForResource ListTerms ListUserPoolClients ListUserPoolClientSecrets ListUserPoolReplicas ListUserPools
    ListUsers ListUsersInGroup SetLogDeliveryConfiguration SetRiskConfiguration SetUserPoolMfaConfig TagResource
    UntagResource UpdateUserPool UpdateUserPoolDomain UpdateUserPoolReplica
"""
_BESIDES_WHEN_ACTIVE = """
    AdminInitiateAuth AdminRespondToAuthChallenge AdminUpdateAuthEventFeedback AdminUserGlobalSignOut GetDevice
    GetIdentityProviderByIdentifier GetTokensFromRefreshToken GetUser GetUserAuthFactors GlobalSignOut InitiateAuth
    ListDevices ListWebAuthnCredentials RespondToAuthChallenge RevokeToken UpdateAuthEventFeedback
"""
INACTIVE = frozenset(_INACTIVE.split())
ACTIVE = INACTIVE | frozenset(_BESIDES_WHEN_ACTIVE.split())
COPY_OF = "primary"
"""In the data of whatever was copied from the primary: the primary's region."""
STATUS = "replica_status"
"""In the data of a replica's pool: ACTIVE or INACTIVE."""


def is_secondary(record: Record) -> bool:
    """Whether the record (a pool, a client, a user …) is a replica's copy."""
    return COPY_OF in record.data


def refuse(pool: Record, operation: str) -> None:
    """Raise OperationNotEnabledException where the pool is a replica that does not do this."""
    if not is_secondary(pool):
        return
    allowed = ACTIVE if pool.data[STATUS] == "ACTIVE" else INACTIVE
    if operation not in allowed:
        raise not_enabled(
            f"{operation} is not available in the secondary region {pool.region} ({pool.data[STATUS]})."
        )


def not_enabled(message: str) -> AwsError:
    """The code is AWS's; the sentence is the sandbox's own, as AWS documents none."""
    return AwsError("OperationNotEnabledException", message)
