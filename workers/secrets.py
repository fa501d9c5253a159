"""Whether the secrets of applications are set: one list per account and region, however many environments there are."""

from collections import defaultdict

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from environments.lifecycle.models import Account, Environment
from environments.lifecycle.pauses import environment_pause_of
from environments.lifecycle.secrets import secrets_seen, with_secrets
from workers.aws.secretsmanager import secrets_beginning
from workers.aws.session import NoEndpoint, Session
from workers.context import READER, connection, role_of

log = structlog.get_logger(__name__)

PREFIX = "sy-"


def secrets_round() -> int:
    """Look in every home region that has environments with secrets; how many environments were looked at.

    A region that does not answer keeps what was seen last, with its time, and no other from being looked at.
    """
    places: dict[tuple[Account, str], list[Environment]] = defaultdict(list)
    for environment in with_secrets():
        if environment_pause_of(environment) is None:
            places[environment.account, environment.home_region].append(environment)
    looked = 0
    for (account, region), environments in places.items():
        try:
            found = secrets_beginning(_session(account, region), PREFIX)
        except (ClientError, BotoCoreError, NoEndpoint) as error:
            log.warning("secrets.not-seen", account=account.account_id, region=region, error=str(error))
            continue
        for environment in environments:
            secrets_seen(environment, found)
            looked += 1
    return looked


def _session(account: Account, region: str) -> Session:
    role = role_of(account, READER, session_name="secrets", source_identity="switchyard")
    return Session(connection(), role, region, before=_told, after=_told, is_on_sandbox=account.is_on_sandbox)


def _told(_service: str, _operation: str) -> None:
    """No step's lease is renewed around these calls: they belong to no operation."""
