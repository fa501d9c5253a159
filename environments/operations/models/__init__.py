"""The engine's rows."""

from environments.operations.models.approval import Decision
from environments.operations.models.audit import AuditEntry
from environments.operations.models.control import Occurrence, OperationLimit, Pause, Pulse
from environments.operations.models.export import AuditExport
from environments.operations.models.inventory import Resource, Stack
from environments.operations.models.notice import Notice
from environments.operations.models.operation import Claim, Event, Operation, Step

__all__ = [
    "AuditEntry",
    "AuditExport",
    "Claim",
    "Decision",
    "Event",
    "Notice",
    "Occurrence",
    "Operation",
    "OperationLimit",
    "Pause",
    "Pulse",
    "Resource",
    "Stack",
    "Step",
]
