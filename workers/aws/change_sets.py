"""CloudFormation's change sets: made, read in the portal's words, carried out, dropped."""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from workers.aws.cloudformation import SERVICE, Deployment
from workers.aws.faults import error_code
from workers.aws.session import Session


def change_set_create(
    session: Session,
    deployment: Deployment,
    change_set: str,
    token: str,
    *,
    keeps: Sequence[str] = (),
    reverts: bool = False,
) -> None:
    """Ask for a change set against an existing stack; with `reverts` against what its resources really are, so that
    it puts back what has drifted. `keeps` are parameters that keep the value they have. The same name again is no
    error.
    """
    mode = {"DeploymentMode": "REVERT_DRIFT"} if reverts else {}
    request = deployment.request()
    request["Parameters"] += [{"ParameterKey": name, "UsePreviousValue": True} for name in keeps]
    try:
        session.client(SERVICE).create_change_set(
            **request,
            **mode,
            ChangeSetName=change_set,
            ChangeSetType="UPDATE",
            ClientToken=token,
        )
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise


def change_set_describe(
    session: Session, name: str, change_set: str, *, values: bool = False
) -> dict[str, Any]:
    """{"status", "reason", "execution", "changes": [{"logical_id", "type", "action", "may_replace"}]}.

    With `values` a change has also "before" and "after" (properties), and "sets": what it sets itself, each as the
    parts of a property's path; what only follows from another resource is not there.

    Actions in the portal's words: added, modified, replaced, removed. The status is empty when there is no such
    change set.
    """
    client = session.client(SERVICE)
    request: dict[str, Any] = {"StackName": name, "ChangeSetName": change_set}
    if values:
        request["IncludePropertyValues"] = True
    try:
        answer = client.describe_change_set(**request)
    except ClientError as error:
        if error_code(error) == "ChangeSetNotFound":
            return {"status": "", "reason": "", "execution": "", "changes": []}
        raise
    changes = list(answer.get("Changes", []))
    token = answer.get("NextToken")
    while token:
        page = client.describe_change_set(**request, NextToken=token)
        changes += page.get("Changes", [])
        token = page.get("NextToken")
    return {
        "status": answer["Status"],
        "reason": answer.get("StatusReason", ""),
        "execution": answer.get("ExecutionStatus", ""),
        "changes": [
            _change(change["ResourceChange"], values)
            for change in changes
            # What is there as the template wants it is only noted by CloudFormation.
            if "ResourceChange" in change and change["ResourceChange"]["Action"] != "SyncWithActual"
        ],
    }


def change_set_execute(session: Session, name: str, change_set: str, token: str) -> None:
    """Carry a change set out."""
    session.client(SERVICE).execute_change_set(
        StackName=name, ChangeSetName=change_set, ClientRequestToken=token
    )


def change_set_delete(session: Session, name: str, change_set: str) -> None:
    """Drop a change set."""
    session.client(SERVICE).delete_change_set(StackName=name, ChangeSetName=change_set)


def _change(change: dict[str, Any], values: bool) -> dict[str, Any]:
    action = {"Add": "added", "Modify": "modified", "Remove": "removed"}.get(change["Action"], "modified")
    replacement = change.get("Replacement", "")
    if action == "modified" and replacement == "True":
        action = "replaced"
    found = {
        "logical_id": change["LogicalResourceId"],
        "type": change["ResourceType"],
        "action": action,
        "may_replace": replacement == "Conditional",
    }
    if values:
        found |= {
            "before": _properties(change.get("BeforeContext")),
            "after": _properties(change.get("AfterContext")),
            "sets": [_path(detail["Target"]) for detail in change.get("Details", []) if _sets(detail)],
        }
    return found


def _properties(context: str | None) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads(context or "{}").get("Properties", {})
    return properties


def _sets(detail: dict[str, Any]) -> bool:
    target = detail["Target"]
    own = detail.get("ChangeSource", "DirectModification") == "DirectModification"
    synced = target.get("AttributeChangeType") == "SyncWithActual"
    return own and not synced and target.get("Attribute") == "Properties"


def _path(target: dict[str, Any]) -> list[str]:
    """ "/Properties/Tags/0/Value" as its parts below Properties."""
    path = target.get("Path") or f"/Properties/{target.get('Name', '')}"
    return path.split("/")[2:]
