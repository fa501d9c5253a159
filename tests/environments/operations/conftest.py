"""A subject and a kind of our own: the engine must carry what it has never heard of."""

import pytest
from django.contrib.contenttypes.models import ContentType

from environments.errors import Forbidden
from environments.operations.kinds import ApprovalNeed, Kind, kind_register
from environments.operations.models import Operation
from environments.operations.states import ClaimMode, OperationStatus
from environments.people.models import PortalRole, Team, User


def only_administrators(actor, verb, operation):
    if verb == "force-cancel" and actor.portal_role != PortalRole.ADMINISTRATOR:
        raise Forbidden("Only an administrator may force it.")


def one_approval(operation):
    count = operation.parameters.get("approvals", 0)
    return ApprovalNeed(count=count, plan_hash="h" * 64, rule="" if count else "Tests need none")


# A team is a subject that no workflow of the product knows.
for mode in ClaimMode.values:
    kind_register(
        Kind(
            name=f"test-{mode}",
            title="Testing",
            claim_mode=ClaimMode(mode),
            authorize=only_administrators,
            approval=one_approval,
        )
    )


@pytest.fixture
def team(db):
    return Team.objects.create(name="Shop", slug="shop")


@pytest.fixture
def ada(db):
    return User.objects.create(username="ada", portal_role=PortalRole.ADMINISTRATOR)


@pytest.fixture
def lena(db):
    return User.objects.create(username="lena", portal_role=PortalRole.TEAM_LEAD)


@pytest.fixture
def make_operation(team, ada):
    def make(mode="change", status=OperationStatus.PENDING, **fields):
        subject = fields.pop("subject", team)
        return Operation.objects.create(
            kind=f"test-{mode}",
            claim_mode=mode,
            subject_type=ContentType.objects.get_for_model(subject),
            subject_id=subject.pk,
            subject_label=str(subject),
            status=status,
            requested_by=fields.pop("requested_by", ada),
            **fields,
        )

    return make
