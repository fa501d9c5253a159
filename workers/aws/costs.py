"""Cost Explorer: which tags bills are told by. It answers in us-east-1, for all regions."""

from collections.abc import Sequence

from botocore.exceptions import ClientError

from workers.aws.faults import error_message
from workers.aws.session import Session

SERVICE = "ce"
REGION = "us-east-1"
ACTIVE, INACTIVE = "Active", "Inactive"
MEMBER = "inked account"
"""What Cost Explorer says to an organization's member account ("Linked account doesn't have access to cost allocation
tags."), whose tags its payer decides on."""
OFF = "not enabled for cost explorer"
"""What it says while nobody has turned it on, which is a person's to do, in the console."""


class NotThePayer(Exception):
    """The account is an organization's member: tags of bills, and who watches costs by them, are its payer's."""


class CostExplorerOff(Exception):
    """Nobody has turned Cost Explorer on."""


def pays(session: Session, names: Sequence[str]) -> bool:
    """Whether the account pays its own bill, so that it may watch costs by these tags."""
    try:
        cost_tags(session, names)
    except NotThePayer:
        return False
    except CostExplorerOff:
        pass  # who pays has yet to turn it on
    return True


def cost_tags(session: Session, names: Sequence[str]) -> dict[str, str]:
    """Those of the tags that billing has seen, with Active or Inactive. Raises NotThePayer, CostExplorerOff.

    Billing sees a tag within a day after a resource has it.
    """
    client = session.client(SERVICE, region=REGION)
    try:
        found = client.list_cost_allocation_tags(TagKeys=list(names), MaxResults=100)["CostAllocationTags"]
    except ClientError as error:
        if MEMBER in error_message(error):
            raise NotThePayer(error_message(error)) from error
        if OFF in error_message(error).lower():
            raise CostExplorerOff(error_message(error)) from error
        raise
    return {row["TagKey"]: row["Status"] for row in found if row["TagKey"] in names}


def cost_tags_activate(session: Session, names: Sequence[str]) -> list[str]:
    """Let bills be told by these tags; answers what was refused, a sentence each."""
    status = [{"TagKey": name, "Status": ACTIVE} for name in names]
    answer = session.client(SERVICE, region=REGION).update_cost_allocation_tags_status(
        CostAllocationTagsStatus=status
    )
    return [f"{row.get('TagKey', '')}: {row.get('Message', '')}" for row in answer.get("Errors", [])]
