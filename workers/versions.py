"""Looking at the registries of applications: which versions there are. Reads only."""

import structlog
from botocore.exceptions import BotoCoreError, ClientError

from environments.lifecycle.applications import Found, applications_delivering, versions_record
from environments.lifecycle.models import Application
from workers.aws import ecr
from workers.aws.session import NoEndpoint
from workers.observer import reader_session

log = structlog.get_logger(__name__)


def versions_round() -> int:
    """Look at every registry once; answers how many versions are new. One that does not answer keeps no other back."""
    new = 0
    for application in applications_delivering():
        try:
            new += versions_look(application)
        except (BotoCoreError, ClientError, NoEndpoint) as error:
            log.warning("versions.not-seen", application=application.full_name, reason=str(error))
    return new


def versions_look(application: Application) -> int:
    """Look at one registry; answers how many versions are new. Raises what botocore raises."""
    session = reader_session(application.account, application.region)
    found = ecr.releases(session, application.stack_name)
    return versions_record(application, [Found(*row) for row in found])
