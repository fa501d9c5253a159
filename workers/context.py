"""What a step is given: the rows it works on, a way to write under the lease, and sessions in accounts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.conf import settings

from environments.lifecycle.models import Account
from environments.operations.events import event_write
from environments.operations.leases import Lease
from environments.operations.models import Operation, Step
from workers.aws.session import Connection, Role, Session
from workers.faultpoints import fault_point

READER = "reader"
DEPLOYER = "deployer"


def connection() -> Connection:
    """How this process reaches AWS, from the settings."""
    return Connection(
        access_key_id=settings.PORTAL_AWS_ACCESS_KEY_ID,
        secret_access_key=settings.PORTAL_AWS_SECRET_ACCESS_KEY,
        endpoint_url=settings.SANDBOX_URL,
        connect_timeout_s=settings.AWS_CONNECT_TIMEOUT_S,
        read_timeout_s=settings.AWS_READ_TIMEOUT_S,
    )


def role_of(account: Account, name: str, *, session_name: str, source_identity: str) -> Role:
    """The reader or deployer role of an account."""
    arn = account.reader_role_arn if name == READER else account.deployer_role_arn
    return Role(arn, account.external_id, session_name, source_identity)


def subject_of(operation: Operation) -> Any:
    """What an operation is about; LookupError when its row is gone."""
    subject = operation.subject
    if subject is None:
        raise LookupError(f"The subject of operation {operation.pk} is gone.")
    return subject


class StepContext:
    """One look of one step. `operation` and `step` are as read at its start; writes go through fenced()."""

    def __init__(self, lease: Lease, operation: Operation, step: Step) -> None:
        self.lease, self.operation, self.step = lease, operation, step
        self._sessions: dict[tuple[int, str, str], Session] = {}

    @property
    def subject(self) -> Any:
        """What the operation is about: an Environment, an Account."""
        return subject_of(self.operation)

    @property
    def token(self) -> str:
        """A ClientRequestToken for this step and attempt: the same however often a worker dies."""
        return f"sy-{self.operation.pk}-{self.step.key}-{self.step.attempts}"[:128]

    @contextmanager
    def fenced(self) -> Iterator[Operation]:
        """A transaction under the lease; raises LeaseLost. No AWS call inside."""
        with self.lease.fenced() as operation:
            yield operation

    def remember(self, **values: Any) -> None:
        """Store an intent or token on the step before the call it belongs to."""
        with self.fenced():
            self.step.state = {**self.step.state, **values}
            Step.objects.filter(pk=self.step.pk).update(state=self.step.state)

    def share(self, **values: Any) -> None:
        """Store what later steps need on the operation."""
        with self.fenced() as operation:
            operation.state = {**operation.state, **values}
            operation.save(update_fields=["state"])
            self.operation.state = operation.state

    def event(self, kind: str, text: str, *, level: str = "info", data: dict[str, Any] | None = None) -> None:
        """Write a line of what happened."""
        with self.fenced():
            event_write(self.operation.pk, kind, text, level=level, step_key=self.step.key, data=data or {})

    def session(self, account: Account, region: str, role: str = DEPLOYER) -> Session:
        """A session in an account whose every call renews the lease and passes the fault points."""
        key = (account.pk, region, role)
        if key not in self._sessions:
            requester = self.operation.requested_by
            self._sessions[key] = Session(
                connection(),
                role_of(
                    account,
                    role,
                    session_name=f"operation-{self.operation.pk}",
                    source_identity=requester.username if requester else "switchyard",
                ),
                region,
                before=self._before_call,
                after=self._after_call,
                is_on_sandbox=account.is_on_sandbox,
            )
        return self._sessions[key]

    def _before_call(self, service: str, operation: str) -> None:
        fault_point(f"{self._point(service, operation)}.before")
        self.lease.renew()

    def _after_call(self, service: str, operation: str) -> None:
        fault_point(f"{self._point(service, operation)}.after")

    def _point(self, service: str, operation: str) -> str:
        return f"{self.operation.kind}.{self.step.key}.{service}.{operation}"
