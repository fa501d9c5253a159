"""Which AWS errors pass by themselves, and what the lasting ones mean in a sentence."""

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

# https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
PASSING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "EC2ThrottledException",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "OperationAborted",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
DENIED_CODES = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "UnauthorizedOperation",
        "AuthorizationError",
        "UnauthorizedException",
    }
)
CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "AuthFailure",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
"""What is said of a session that has ended; EC2 has a word of its own."""
NETWORK_ERRORS = (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

DENIED = re.compile(r"not authorized to perform: (?P<action>[\w:*-]+)(?: on resource: (?P<resource>\S+))?")


def error_code(error: ClientError) -> str:
    """AWS's code of an error, as Throttling."""
    return str(error.response.get("Error", {}).get("Code", ""))


def error_message(error: ClientError) -> str:
    """AWS's message of an error."""
    return str(error.response.get("Error", {}).get("Message", "")) or str(error)


def is_passing(error: Exception) -> bool:
    """Throttling, 5xx and network faults pass; everything else lasts."""
    if isinstance(error, NETWORK_ERRORS):
        return True
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error_code(error) in PASSING_CODES or status >= 500
    return False


def is_expired(error: Exception) -> bool:
    """Whether the role has to be taken anew."""
    return isinstance(error, ClientError) and error_code(error) in EXPIRED_CODES


def is_throttling(error: Exception) -> bool:
    """Whether AWS asks for fewer calls."""
    return isinstance(error, ClientError) and (
        "thrott" in error_code(error).lower() or error_code(error) in {"SlowDown", "RequestLimitExceeded"}
    )


def passing(error: Exception) -> str:
    """A passing fault in words, without a full stop."""
    if is_throttling(error):
        return "AWS asks for fewer calls"
    if isinstance(error, ClientError):
        said = error_message(error).rstrip(".")
        return f"AWS could not be reached: {said} ({error.operation_name}, {error_code(error)})"
    return f"AWS could not be reached: {str(error).rstrip('.')}"


def explain(error: BotoCoreError | ClientError) -> tuple[str, str, str]:
    """A lasting error as (sentence, resource, remedy)."""
    if not isinstance(error, ClientError):
        return f"AWS could not be called: {error}", "", "Check the portal's AWS configuration, then retry."
    code, message = error_code(error), error_message(error)
    if code in CREDENTIAL_CODES:
        resource = str(error.response["Error"].get("Resource", ""))
        action = "sts:AssumeRole" if error.operation_name == "AssumeRole" else error.operation_name
        on = f" on {resource}" if resource else ""
        return (
            f"AWS does not accept the portal's credentials for {action}{on} ({code}).",
            resource,
            "Renew the portal's access key (PORTAL_AWS_ACCESS_KEY_ID), then retry.",
        )
    if code in DENIED_CODES:
        found = DENIED.search(message)
        action = found["action"] if found else error.operation_name
        resource = (found["resource"] or "") if found else ""
        on = f" on {resource}" if resource else ""
        return (
            f"The role may not call {action}{on}.",
            resource,
            f"Allow {action} in the account's Switchyard role (deploy its current template), then retry.",
        )
    return f"AWS refused {error.operation_name}: {message} ({code})", "", "Correct the cause, then retry."
