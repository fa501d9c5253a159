"""The data key's replica in a standby's region: one that waits for its deletion is in the way of the next one."""

from collections.abc import Mapping
from typing import Any

from environments.lifecycle.models import Environment
from workers.aws import kms
from workers.context import READER, StepContext
from workers.workflow import StepFailed

KEY, REPLICA = "AWS::KMS::Key", "AWS::KMS::ReplicaKey"


def require_no_dying_replica(ctx: StepContext, environment: Environment, document: Mapping[str, Any]) -> None:
    """Refuse a plan that makes a replica of a key where one still waits for its deletion: KMS makes no second one in a
    region, and CloudFormation does not take over one whose deletion is cancelled. Raises StepFailed.
    """
    keys = list(environment.resources().filter(type=KEY).values_list("physical_id", flat=True))
    for row in document["stacks"]:
        if row["action"] != "create" or not any(change["type"] == REPLICA for change in row["changes"]):
            continue
        session = ctx.session(environment.account, row["region"], READER)
        for key_id in keys:
            state, date = kms.key_state(session, key_id)
            if state == kms.PENDING_DELETION:
                until = f"{date:%d %b %Y %H:%M} UTC" if date else "AWS has deleted it"
                raise StepFailed(
                    f"The data key's replica of the standby that was in {row['region']} waits for its deletion until"
                    f" {until}: KMS makes no second one there before.",
                    resource=key_id,
                    reason="replica waits for its deletion",
                    remedy="Ask again after that, or now for a standby in another region.",
                )
