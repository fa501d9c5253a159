"""The errors that a handler raises; the front door turns them into the protocol's shape."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An answer that AWS would give as an error.

    code: the wire code of the service (`NoSuchEntity`, `ValidationError`, `DBClusterNotFoundFault`).
    message: AWS's sentence. status: HTTP status; None takes the service model's, else 400.
    fields: further members of the error shape (`BucketName`, `resourceId` …).
    """

    def __init__(self, code: str, message: str, status: int | None = None, **fields: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        for name, value in fields.items():
            setattr(self, name, value)

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


def validation_error(message: str) -> AwsError:
    """The query services' general refusal of a parameter."""
    return AwsError("ValidationError", message, 400)


def not_supported(what: str) -> AwsError:
    """What AWS has and the sandbox does not: said by name, never imitated."""
    return AwsError("NotImplemented", f"{what} is not supported by the sandbox", 501)


class UnreadableState(Exception):
    """The data directory cannot be used; the text is a sentence for a person."""
