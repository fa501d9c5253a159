"""The baseline of an account: which state of it is there, and bringing it to the newest."""

from environments.errors import Conflict
from environments.lifecycle.models import Account, Release
from environments.lifecycle.selectors import release_default
from environments.lifecycle.states import AccountMode, AccountStatus
from environments.operations.models import Operation
from environments.operations.opening import operation_open
from environments.people.models import User
from environments.people.rights import require


def account_update(*, account: Account, actor: User) -> Operation:
    """Bring the account's own stacks and settings to the default release; answers the `account-update` operation.

    Another person approves what it changes; where nothing does, it ends at once. Raises Forbidden, Conflict.
    """
    require(actor, "account.change")
    if problem := update_problem(account):
        raise Conflict(problem)
    return operation_open(
        kind="account-update", subject=account, parameters={"regions": account.regions}, actor=actor
    )


def update_problem(account: Account) -> str:
    """Why the account's baseline cannot be updated now, in a sentence; empty when it can."""
    if account.status != AccountStatus.READY:
        return f"{account.name} is {account.status}: its adding has to succeed first."
    if account.mode == AccountMode.PLAN_ONLY:
        return f"{account.name} is plan-only: it has no baseline. A canary puts it there."
    return ""


def baseline_version(account: Account) -> int:
    """The state of the baseline that all of its regions have; 0 where one has none."""
    regions = [account.baseline.get(region, {}) for region in account.regions]
    # Adding an account kept no version before there was a second one.
    return min((int(row.get("version", 1 if "queue_url" in row else 0)) for row in regions), default=0)


def baseline_behind(account: Account, release: Release | None = None) -> bool:
    """Whether the default release (`release`, where the caller has it) has a newer baseline than the account."""
    release = release or release_default()
    if release is None or update_problem(account):
        return False
    return baseline_version(account) < release.baseline_version
