"""What an account lacks before environments can be built in it: looked at with the reader role, changed by nobody.

Each check answers Findings. One that is missing stands in the way of the portal; one that is optional does so only of
environments with that module. Nothing is written, neither to AWS nor to the database.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from environments.lifecycle.models import Account, Release
from environments.lifecycle.quotas import link_of
from environments.lifecycle.role_stacks import role_stacks
from workers.account_stacks import bootstrap_of, execution_policies
from workers.assembly import template_hash
from workers.aws import beanstalk, cloudformation, costs, ec2, iam, rds, route53, sts, subscriptions
from workers.aws.faults import DENIED_CODES, error_code
from workers.aws.session import Session
from workers.context import DEPLOYER, READER, connection, role_of
from workers.headroom import quotas_read
from workers.permissions import permissions_look

MIN_BOOTSTRAP = 21
"""aws-cdk-lib 2.1148's assets want this version of `cdk bootstrap` (its manifests' requiresBootstrapStackVersion)."""
MOST_NAMED = 5
COST_EXPLORER = "https://console.aws.amazon.com/costmanagement/home#/cost-explorer"
TODO_OF = {
    iam.BY_ORGANIZATION: "Whoever manages the organization's service control policies allows it for this account.",
    iam.BY_BOUNDARY: "Take the role's boundary off that its stack did not give it, or deploy the stack again.",
    iam.BY_DENIAL: "Take the policy that denies it off the role: its stacks attach none that do.",
}
THERE, MISSING, OPTIONAL, UNKNOWN = "there", "missing", "optional", "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `todo`: the command or link for what is missing; `costs`: what that costs."""

    check: str
    state: str
    sentence: str
    todo: str = ""
    costs: str = "nothing"


@dataclass(frozen=True)
class Place:
    """What a check is given."""

    account: Account
    release: Release

    def session(self, region: str, role: str = READER) -> Session:
        """The role's session in a region."""
        return Session(
            connection(),
            role_of(self.account, role, session_name="preflight", source_identity="preflight"),
            region,
            before=lambda *_: None,
            after=lambda *_: None,
            is_on_sandbox=self.account.is_on_sandbox,
        )

    @property
    def home(self) -> str:
        """The account's first region."""
        return self.account.home_region


def preflight(account: Account, release: Release) -> Iterator[Finding]:
    """Every finding, in the order in which they can be put right. Without credentials the rest is not asked."""
    place = Place(account, release)
    found = list(_credentials(place))
    yield from found
    if any(row.state == MISSING for row in found):
        return
    for check in CHECKS:
        yield from _asked(check, place)


def _asked(check: "Callable[[Place], Iterator[Finding]]", place: Place) -> Iterator[Finding]:
    """The check's findings; what the role may not ask is unknown, and the templates are what to deploy."""
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check(place)
    except ClientError as error:
        if error_code(error) not in DENIED_CODES:
            raise
        sentence = f"The reader may not call {error.operation_name}: its stack is of an older release."
        yield Finding(name, UNKNOWN, sentence, _deploy(place))
    except BotoCoreError as error:
        yield Finding(name, UNKNOWN, f"AWS did not answer: {error}", "Run it again.")


def _deploy(place: Place) -> str:
    return "\n".join(stack.command for stack in role_stacks(place.account, place.release))


def _credentials(place: Place) -> Iterator[Finding]:
    for role in (READER, DEPLOYER) if place.account.access == "deploy" else (READER,):
        if sts.role_works(place.session(place.home, role)):
            yield Finding("credentials", THERE, f"The {role} role can be taken.")
        else:
            yield Finding("credentials", MISSING, f"The {role} role cannot be taken.", _deploy(place))


def _stacks(place: Place) -> Iterator[Finding]:
    """The stacks that let the portal in are the release's, and the execution role's policies are there."""
    session = place.session(place.home)
    for stack in role_stacks(place.account, place.release):
        found = cloudformation.stack_find(session, stack.stack_name)
        if found is None:
            yield Finding("stacks", MISSING, f"{stack.stack_name} is not there.", stack.command)
            continue
        deployed = cloudformation.template_get(session, found.stack_id)
        if template_hash(deployed) == template_hash(stack.template):
            yield Finding("stacks", THERE, f"{stack.stack_name} is that of release {place.release.version}.")
        else:
            sentence = f"{stack.stack_name} is not that of release {place.release.version}."
            yield Finding("stacks", MISSING, sentence, stack.command)
    wanted = execution_policies(place.release) if place.account.access == "deploy" else []
    for name in iam.policies_missing(session, wanted):
        yield Finding("stacks", MISSING, f"The policy {name} is not there.", _deploy(place))


def _permissions(place: Place) -> Iterator[Finding]:
    """The roles may do what the release's policies say, whatever else the account or its organization says."""
    for said in permissions_look(place.session(place.home), place.account, place.release):
        if not said.refused:
            yield Finding("permissions", THERE, f"{said.role} may do all {said.asked} actions asked of.")
        by_whom: dict[str, list[str]] = {}
        for action, resource, by in said.refused:
            by_whom.setdefault(by, []).append(f"{action} on {resource}")
        for by, what in by_whom.items():
            more = f" and {len(what) - MOST_NAMED} more" if len(what) > MOST_NAMED else ""
            sentence = f"{said.role} may not {', '.join(what[:MOST_NAMED])}{more}, because of {by}."
            yield Finding("permissions", MISSING, sentence, TODO_OF.get(by) or _deploy(place))


def _zone(place: Place) -> Iterator[Finding]:
    name = place.account.zone_name
    zone_id = route53.zone_find(place.session(place.home), name)
    if zone_id:
        yield Finding("zone", THERE, f"{name} is a zone of the account.")
        yield _accelerated_recovery(place, zone_id)
        return
    yield Finding(
        "zone",
        MISSING,
        f"{name} is no zone of the account.",
        f"aws route53 create-hosted-zone --name {name} --caller-reference switchyard",
        "0.50 USD a month",
    )


def _accelerated_recovery(place: Place, zone_id: str) -> Finding:
    """The zone is made by a person, so that is who turns it on; the portal's roles may change no zone."""
    name = place.account.zone_name
    if route53.accelerated_recovery(place.session(place.home), zone_id):
        return Finding("zone", THERE, f"{name} has accelerated recovery.")
    return Finding(
        "zone",
        OPTIONAL,
        f"{name} has no accelerated recovery: while us-east-1 is dark its records cannot be changed.",
        f"aws route53 update-hosted-zone-features --hosted-zone-id {zone_id} --enable-accelerated-recovery",
    )


def _bootstrap(place: Place) -> Iterator[Finding]:
    """Deployed by the portal itself; a plan-only account has none."""
    name = bootstrap_of(place.release)["stack_name"]
    for region in place.account.regions:
        found = cloudformation.stack_find(place.session(region), name)
        version = int(found.outputs.get("BootstrapVersion", "0")) if found else 0
        if version >= MIN_BOOTSTRAP:
            yield Finding("bootstrap", THERE, f"{region} has version {version}.")
        elif place.account.access == "read":
            sentence = f"{region} has none yet: the canary makes it."
            yield Finding("bootstrap", OPTIONAL, sentence, "Plan a canary on the account's page.")
        else:
            sentence = (
                f"{region} has {f'version {version}' if version else 'none'}; {MIN_BOOTSTRAP} is wanted."
            )
            yield Finding(
                "bootstrap", MISSING, sentence, "Add again, or plan an update, on the account's page."
            )


def _platform(place: Place) -> Iterator[Finding]:
    """The region has what environments are made of."""
    for region in place.account.regions:
        session = place.session(region)
        found = {
            "Beanstalk's Docker platform": beanstalk.platform_newest(session),
            "Aurora MySQL 3": rds.aurora_version(session),
            "a third availability zone": len(ec2.zones_available(session)) >= 3,
        }
        for what, there in found.items():
            state = THERE if there else MISSING
            sentence = f"{region} has {what}." if there else f"{region} lacks {what}."
            yield Finding("platform", state, sentence, "" if there else "Choose another region.")


def _services(place: Place) -> Iterator[Finding]:
    """The region has the services: CloudFormation can make there what stacks of environments hold."""
    stacks = place.release.stacks
    for region in place.account.regions:
        there = cloudformation.types_there(place.session(region))
        complete = True
        for stack in stacks:
            lacking = sorted(set(stack["types"]) - there)
            if not lacking or stack["region"] != "home":
                continue
            complete = False
            module = ", ".join(stack.get("when", {}).get("modules", ()))
            named = ", ".join(lacking[:MOST_NAMED]) + (" and more" if len(lacking) > MOST_NAMED else "")
            yield Finding(
                "services",
                OPTIONAL if module else MISSING,
                f"{region} lacks {named} (stack {stack['title']}).",
                f"Have environments with the module {module} at home in another region."
                if module
                else "Choose another region.",
            )
        if complete:
            yield Finding("services", THERE, f"{region} has every service that environments are made of.")


def _quotas(place: Place) -> Iterator[Finding]:
    """Room for at least one more of everything that is counted."""
    quotas = place.release.description.get("quotas", [])
    for region in place.account.regions:
        read = quotas_read(place.session(region), quotas)
        for quota in quotas:
            told = read[quota["key"]]
            if told["used"] is None or told["limit"] is None:
                sentence = f"{quota['name']} in {region}: AWS does not tell."
                yield Finding("quotas", UNKNOWN, sentence, link_of(quota["key"], region))
            elif told["used"] >= told["limit"]:
                sentence = f"{quota['name']} in {region}: {told['used']} of {told['limit']:.0f} are used."
                yield Finding("quotas", MISSING, sentence, link_of(quota["key"], region))
        yield Finding("quotas", THERE, f"{len(quotas)} quotas of {region} were looked at.")


def _cost_tags(place: Place) -> Iterator[Finding]:
    wanted = place.release.description["baseline"]["settings"]["cost_tags"]
    try:
        found = costs.cost_tags(place.session(place.home), wanted)
    except costs.NotThePayer:
        sentence = "The account is an organization's member: its payer activates cost tags, and watches costs by them."
        todo = f"Whoever manages the organization activates {', '.join(wanted)}."
        yield Finding("cost tags", OPTIONAL, sentence, todo)
        return
    except costs.CostExplorerOff:
        sentence = "Cost Explorer is off: without it the baseline's cost monitor cannot be made."
        yield Finding("cost tags", MISSING, sentence, f"Open it once, then wait a day: {COST_EXPLORER}")
        return
    for tag in wanted:
        if found.get(tag) == costs.ACTIVE:
            yield Finding("cost tags", THERE, f"{tag} is activated.")
        else:
            sentence = f"{tag} is not activated: billing sees it a day after a resource has it."
            yield Finding(
                "cost tags", OPTIONAL, sentence, "Plan an update on the account's page a day later."
            )


def _support_plan(place: Place) -> Iterator[Finding]:
    if subscriptions.trusted_advisor_is_there(place.session(place.home)):
        yield Finding("support plan", THERE, "Trusted Advisor answers.")
        return
    yield Finding(
        "support plan",
        OPTIONAL,
        "Trusted Advisor is not available: it wants Business Support+ or more.",
        "https://console.aws.amazon.com/support/plans/home",
        "Business Support+: 3 to 9 % of the bill, at least 29 USD a month",
    )


def _mail(place: Place) -> Iterator[Finding]:
    for region in place.account.regions:
        if subscriptions.mail_is_open(place.session(region)):
            yield Finding("e-mail", THERE, f"SES in {region} sends to anybody.")
            continue
        yield Finding(
            "e-mail",
            OPTIONAL,
            f"SES in {region} is in its sandbox: it sends to verified addresses only.",
            f"https://{region}.console.aws.amazon.com/ses/home?region={region}#/get-set-up",
            "0.10 USD per 1,000 messages (mem)",
        )


def _dashboards(place: Place) -> Iterator[Finding]:
    if subscriptions.quick_sight_is_there(place.session(place.home), place.account.account_id):
        yield Finding("dashboards", THERE, "Quick Sight is subscribed to.")
        return
    yield Finding(
        "dashboards",
        OPTIONAL,
        "Quick Sight is not subscribed to: environments have no dashboards of usage.",
        f"https://{place.home}.quicksight.aws.amazon.com/sn/start",
        "24 USD per author and month (mem)",
    )


CHECKS: tuple[Callable[[Place], Iterator[Finding]], ...] = (
    _stacks,
    _permissions,
    _zone,
    _bootstrap,
    _platform,
    _services,
    _quotas,
    _cost_tags,
    _support_plan,
    _mail,
    _dashboards,
)
