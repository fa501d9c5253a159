"""CloudFormation's change sets: made, read in the portal's words, carried out, dropped."""

from typing import Any

from botocore.exceptions import ClientError

from workers.aws.cloudformation import SERVICE, Deployment
from workers.aws.faults import error_code
from workers.aws.session import Session


def change_set_create(session: Session, deployment: Deployment, change_set: str, token: str) -> None:
    """Ask for a change set against an existing stack. The same name again is no error."""
    try:
        session.client(SERVICE).create_change_set(
            **deployment.request(), ChangeSetName=change_set, ChangeSetType="UPDATE", ClientToken=token
        )
    except ClientError as error:
        if error_code(error) != "AlreadyExistsException":
            raise


def change_set_describe(session: Session, name: str, change_set: str) -> dict[str, Any]:
    """{"status", "reason", "execution", "changes": [{"logical_id", "type", "action", "may_replace"}]}.

    Actions in the portal's words: added, modified, replaced, removed. The status is empty when there is no such
    change set.
    """
    client = session.client(SERVICE)
    request = {"StackName": name, "ChangeSetName": change_set}
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
        "changes": [_change(change["ResourceChange"]) for change in changes if "ResourceChange" in change],
    }


def change_set_execute(session: Session, name: str, change_set: str, token: str) -> None:
    """Carry a change set out."""
    session.client(SERVICE).execute_change_set(
        StackName=name, ChangeSetName=change_set, ClientRequestToken=token
    )


def change_set_delete(session: Session, name: str, change_set: str) -> None:
    """Drop a change set."""
    session.client(SERVICE).delete_change_set(StackName=name, ChangeSetName=change_set)


def _change(change: dict[str, Any]) -> dict[str, Any]:
    action = {"Add": "added", "Modify": "modified", "Remove": "removed"}.get(change["Action"], "modified")
    replacement = change.get("Replacement", "")
    if action == "modified" and replacement == "True":
        action = "replaced"
    return {
        "logical_id": change["LogicalResourceId"],
        "type": change["ResourceType"],
        "action": action,
        "may_replace": replacement == "Conditional",
    }
