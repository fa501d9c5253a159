"""How CloudFormation words that a resource failed."""

from __future__ import annotations

import uuid

from sandbox.errors import AwsError

_HANDLER_CODES = (
    # part of the service's code -> the handler's (CloudFormation CLI user guide, handler error codes)
    ("AlreadyExist", "AlreadyExists"),
    ("AlreadyOwned", "AlreadyExists"),
    ("AccessDenied", "AccessDenied"),
    ("NotFound", "NotFound"),
    ("NoSuch", "NotFound"),
    ("Throttl", "Throttling"),
    ("LimitExceeded", "ServiceLimitExceeded"),
    ("QuotaExceeded", "ServiceLimitExceeded"),
    ("TooMany", "ServiceLimitExceeded"),
)


class ResourceFailed(Exception):
    """A resource's create, update or delete failed; the row says why."""


def handler_message(problem: AwsError) -> str:
    """A handler's error as CloudFormation words it."""
    if problem.code in ("CustomResource", "EmbeddedStack"):
        return problem.message
    for part, word in _HANDLER_CODES:
        if part in problem.code:
            code = word
            break
    else:
        code = "InvalidRequest" if (problem.status or 400) < 500 else "GeneralServiceException"
    tail = f"(RequestToken: {uuid.uuid4()}, HandlerErrorCode: {code})"
    return f'Resource handler returned message: "{problem.message}" {tail}'
