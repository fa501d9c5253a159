"""What a service may refuse with. Each error is one sentence for a person, and the field it belongs to."""


class DomainError(Exception):
    """A refusal that the asker can act on. `field` names the input at fault, None when it is none."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(DomainError):
    """The input is not acceptable (HTTP 400)."""


class InvalidFields(DomainError):
    """Several inputs are not acceptable: `errors` maps each field to its sentence (HTTP 400)."""

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__(" ".join(errors.values()))
        self.errors = errors


class Forbidden(DomainError):
    """The asker may not do this (HTTP 403)."""

    code = "forbidden"


class Conflict(DomainError):
    """The subject is not in a state for this, or has moved meanwhile (HTTP 409)."""

    code = "conflict"
