"""Whom a notice concerns, by a constant number of queries for a whole batch of notices.

Waiting for me means that I may approve it and did not ask for it. Everything else concerns who asked, who owns the
environment, and who leads its team; what belongs to no team concerns administrators.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType

from environments.lifecycle.models import Account, Application, Environment
from environments.notifications.models import Channel
from environments.notifications.topics import TOPICS, Group
from environments.operations.models import Decision, Notice
from environments.people.models import PortalRole, Team, User
from environments.people.rights import RIGHTS, Reach

R = PortalRole


@dataclass(frozen=True)
class Person:
    """What addressing needs to know of somebody who may sign in."""

    pk: int
    role: str
    email: str
    teams: frozenset[int]


@dataclass(frozen=True)
class Facts:
    """What a batch of notices is about."""

    people: dict[int, Person]
    teams: dict[tuple[int, int], int]
    """The team of a subject, by its content type and id."""
    owners: dict[tuple[int, int], set[int]]
    """Who owns a subject: an environment's or application's owner, who made a channel."""
    decided: dict[tuple[int, str], set[int]]
    """Who has decided on an operation's plan, by operation and hash."""
    account_type: int

    def team_of(self, notice: Notice) -> int | None:
        """The team that a notice is about."""
        return self.teams.get((notice.subject_type_id, notice.subject_id))


def facts_gather(notices: Sequence[Notice]) -> Facts:
    """Read what addressing these notices needs: seven queries, however many there are."""
    types = {
        model: ContentType.objects.get_for_model(model).pk
        for model in (Environment, Account, Application, Team, Channel)
    }
    subjects: dict[int, set[int]] = defaultdict(set)
    for notice in notices:
        subjects[notice.subject_type_id].add(notice.subject_id)
    teams: dict[tuple[int, int], int] = {(types[Team], pk): pk for pk in subjects[types[Team]]}
    owners: dict[tuple[int, int], set[int]] = defaultdict(set)
    for model in (Environment, Application):
        rows = model._default_manager.filter(pk__in=subjects[types[model]])
        for pk, team, owner in rows.values_list("pk", "team_id", "owner_id"):
            teams[types[model], pk] = team
            owners[types[model], pk].add(owner)
    channels = Channel.objects.filter(pk__in=subjects[types[Channel]])
    for pk, team, person, maker in channels.values_list("pk", "team_id", "person_id", "created_by_id"):
        owners[types[Channel], pk].update(one for one in (person, maker) if one)
        if team:
            teams[types[Channel], pk] = team
    decided: dict[tuple[int, str], set[int]] = defaultdict(set)
    operations = {notice.operation_id for notice in notices if notice.operation_id}
    decisions = Decision.objects.filter(operation__in=operations)
    for operation, plan_hash, by in decisions.values_list("operation_id", "plan_hash", "decided_by_id"):
        decided[operation, plan_hash].add(by)
    return Facts(people_gather(), teams, owners, decided, types[Account])


def people_gather() -> dict[int, Person]:
    """Everybody who may sign in, by id: two queries."""
    teams: dict[int, set[int]] = defaultdict(set)
    for person, team in User.teams.through.objects.values_list("user_id", "team_id"):
        teams[person].add(team)
    active = User.objects.filter(is_active=True).values_list("pk", "portal_role", "email")
    return {pk: Person(pk, role, email, frozenset(teams[pk])) for pk, role, email in active}


def concerned(notice: Notice, facts: Facts) -> set[int]:
    """Ids of the people whom a notice concerns."""
    topic = TOPICS[notice.topic]
    if topic.group == Group.WAITING:
        found = _deciders(notice, facts) - _decided(notice, facts)
        if notice.data.get("escalated"):
            found |= _of_role(facts, R.ADMINISTRATOR) - _asked(notice)
    elif notice.topic in ("operation.handled", "proposal.handled"):
        found = (_deciders(notice, facts) | _asked(notice)) - _decided(notice, facts)
    elif topic.group in (Group.HANDLED, Group.DONE):
        found = _asked(notice) | _owners(notice, facts)
    else:
        found = _asked(notice) | _owners(notice, facts) | _leads(notice, facts)
        if notice.topic in ("operation.stuck", "operation.errored", "limit.reached"):
            found |= _of_role(facts, R.ADMINISTRATOR)
    return found & facts.people.keys()


def reaches(person: Person, verb: str, team_id: int | None) -> bool:
    """As `rights.may` for a subject of that team, without a query."""
    reach = RIGHTS[verb].get(PortalRole(person.role))
    if reach is Reach.TEAM:
        return team_id is not None and team_id in person.teams
    return reach is Reach.ALL


def _deciders(notice: Notice, facts: Facts) -> set[int]:
    """Who may approve it and did not ask for it. A notice may name the right in its data: {"right": …}."""
    verb = notice.data.get("right")
    if verb not in RIGHTS:
        verb = "account.approve" if notice.subject_type_id == facts.account_type else "operation.approve"
    team = facts.team_of(notice)
    # A rule may leave it to some roles.
    roles = (notice.operation.approval_terms.get("roles") if notice.operation else None) or R.values
    found = {
        pk for pk, person in facts.people.items() if person.role in roles and reaches(person, verb, team)
    }
    return found - _asked(notice) - _without_room(notice, facts, team)


def _without_room(notice: Notice, facts: Facts, team: int | None) -> set[int]:
    """The environment's team, where the last approval that is missing has to come from another one."""
    operation = notice.operation
    if operation is None or team is None or not operation.approval_terms.get("another_team"):
        return set()
    own = {pk for pk, person in facts.people.items() if team in person.teams}
    given = facts.decided.get((operation.pk, operation.approval_hash), set())
    return own if operation.approvals_needed - len(given) <= 1 and given <= own else set()


def _decided(notice: Notice, facts: Facts) -> set[int]:
    """Who has decided already, or, as the notice itself says ({"decided_by": id}), handled it."""
    operation, by = notice.operation, notice.data.get("decided_by")
    found = facts.decided.get((operation.pk, operation.approval_hash), set()) if operation else set()
    return found | ({by} if isinstance(by, int) else set())


def _asked(notice: Notice) -> set[int]:
    """Who asked: of an operation, or as the notice itself says ({"asked_by": id})."""
    asked = {notice.operation.requested_by_id} if notice.operation else {notice.data.get("asked_by")}
    return {pk for pk in asked if isinstance(pk, int)}


def _owners(notice: Notice, facts: Facts) -> set[int]:
    return facts.owners.get((notice.subject_type_id, notice.subject_id), set())


def _leads(notice: Notice, facts: Facts) -> set[int]:
    """The leads of the subject's team; administrators where there is none."""
    team = facts.team_of(notice)
    leads = {pk for pk in _of_role(facts, R.TEAM_LEAD) if team in facts.people[pk].teams}
    return leads or _of_role(facts, R.ADMINISTRATOR)


def _of_role(facts: Facts, role: str) -> set[int]:
    return {pk for pk, person in facts.people.items() if person.role == role}


def channels_for(notice: Notice, facts: Facts, channels: Iterable[Channel]) -> list[Channel]:
    """The channels of teams, and those for everything, that ask for this notice's group."""
    group, team = TOPICS[notice.topic].group, facts.team_of(notice)
    return [
        channel
        for channel in channels
        if channel.person_id is None and group in channel.groups and channel.team_id in (None, team)
    ]
