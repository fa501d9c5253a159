"""What a team would do on its first day: people, an account, an environment. A step that is done already says so.

People come from `manage.py seed_demo`; account and environment through the public API, by different people's tokens.
"""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp

from devtools.demo.api import Api
from devtools.demo.house import House
from devtools.demo.keep import TOLD, write_private
from devtools.demo.story import Story
from devtools.sandbox import OFTEN, Keys
from devtools.trouble import Trouble

REGION = "eu-west-1"
# staging: no rule approves it, so that the demo shows one person asking and another one approving.
ENVIRONMENT = {
    "name": "shop",
    "tier": "staging",
    "size": "small",
    "account": "sandbox-dev",
    "home_region": REGION,
}
# A second one, with a standby in another region.
OTHER_REGION = "eu-central-1"
TWO_REGIONS = {**ENVIRONMENT, "name": "market", "standby": "pilot-light", "other_region": OTHER_REGION}
# dev: a rule approves it, and it expires so soon that the start page says so.
SHORT_LIVED = {
    "name": "trial",
    "tier": "dev",
    "size": "small",
    "account": "sandbox-dev",
    "home_region": REGION,
}
LIVES_FOR = timedelta(hours=44)
GONE = {"torn-down", "withdrawn"}
WITHIN_S = 300
PEOPLE = "people.json"


class Failed(Trouble):
    """An operation came to a bad end; its page says more."""


@dataclass(frozen=True)
class AccountToAdd:
    """An account of the local AWS, and the zone that is delegated to it."""

    name: str
    account_id: str
    zone: str
    regions: tuple[str, ...] = (REGION, OTHER_REGION)


DEMO_ACCOUNT = AccountToAdd("sandbox-dev", "222233334444", "dev.switchyard.example")


@dataclass(frozen=True)
class Person:
    """One of the demo's people, with all that signs them in."""

    username: str
    password: str
    totp_secret: str
    api_token: str


People = dict[str, Person]


def people(house: House) -> People:
    """Release, teams and one person per portal role; their secrets are in files that only we may read."""
    house.manage("register_release")
    file = house.folder / PEOPLE
    known = json.loads(file.read_text()) if file.exists() else {}
    answer = house.manage("seed_demo", "--known", json.dumps(sorted(known)))
    made: dict[str, dict[str, str]] = json.loads(answer.strip().splitlines()[-1])["users"]
    known |= made
    write_private(file, known)
    return {role: Person(**fields) for role, fields in known.items()}


def tell(house: House, people: People) -> None:
    """Write .data/demo.json, for scripts."""
    users = {role: vars(person) for role, person in people.items()}
    write_private(TOLD, {"url": house.url, "sandbox_url": house.sandbox.url, "users": users})


def announce(house: House, people: People, story: Story) -> None:
    """Print where to go and who to be."""
    story.say(f"\n  {house.url}   (scripts find all of this in .data/demo.json)\n")
    story.say(f"  {'role':<15}{'user name':<12}{'password':<22}{'TOTP secret':<34}code now")
    for role, person in people.items():
        code = pyotp.TOTP(person.totp_secret).now()
        story.say(f"  {role:<15}{person.username:<12}{person.password:<22}{person.totp_secret:<34}{code}")
    story.say("  A later code: .venv/bin/python -m devtools.totp team-lead\n")
    token = people["team-lead"].api_token
    story.say(f'  curl -H "Authorization: Bearer {token}" {house.url}/api/v1/environments/\n')


def account(house: House, people: People, story: Story, asked: AccountToAdd = DEMO_ACCOUNT) -> None:
    """Take the account in by the very operation that adds accounts; the role is deployed as a person would."""
    api = Api(house.url, people["administrator"].api_token)
    found = next((row for row in api.all("accounts/") if row["name"] == asked.name), None)
    if found is not None and found["status"] == "ready":
        story.done(f"The account {asked.name} is ready, as it was left")
        return
    keys = house.sandbox.account(asked.account_id, asked.name)
    _delegate_zone(house, keys, asked)
    if found is None:
        body = {
            "name": asked.name,
            "account_id": asked.account_id,
            "mode": "sandbox",
            "regions": list(asked.regions),
            "zone_name": asked.zone,
        }
        operation = api.post("accounts/", body)
    else:
        operation = api.all("operations/", subject=asked.name, kind="account-add")[0]
        if operation["status"] in ENDED:
            operation = api.post(f"accounts/{asked.name}/add/")
    _deploy_roles(house, keys, api.get(f"accounts/{asked.name}/"))
    _approved(house, people, api, operation, story, f"Account {asked.name}")
    story.done(f"The account {asked.name} is ready: its role was deployed, bootstrap and baseline are there")


def two_regions(house: House, people: People, story: Story) -> None:
    """One that has a standby in another region."""
    api = Api(house.url, people["administrator"].api_token)
    if OTHER_REGION in api.get(f"accounts/{DEMO_ACCOUNT.name}/")["regions"]:
        environment(house, people, story, TWO_REGIONS)
    else:
        # The state of a demo from before: adding a region to an account is a person's to ask for.
        story.done(f"The account uses {REGION} alone, as it was left: no environment with a standby is made")


def environment(house: House, people: People, story: Story, asked: dict[str, str] = ENVIRONMENT) -> None:
    """One environment, asked for by the team lead and approved by the approver."""
    asking = Api(house.url, people["team-lead"].api_token)
    name = asked["name"]
    found = next((row for row in asking.all("environments/", search=name) if row["name"] == name), None)
    if found is not None and found["status"] == "active":
        story.done(f"The environment {name} is active, as it was left")
        return
    if found is None:
        operation = asking.post("environments/", asked | {"team": "storefront"})
        story.done(f"{people['team-lead'].username} asked for the environment {name} ({asked['tier']})")
    else:
        operation = asking.all("operations/", subject=name)[0]
    _approved(house, people, asking, operation, story, f"Environment {name}")
    row = asking.get(f"environments/{name}/")
    story.done(f"The environment {name} is {row['status']}: {_address(row)}")


def short_lived(house: House, people: People, story: Story) -> None:
    """An environment that expires soon, unless one is there. It is built while people look around."""
    asking = Api(house.url, people["engineer"].api_token)
    name = SHORT_LIVED["name"]
    found = asking.all("environments/", search=name)
    if any(row["name"] == name and row["status"] not in GONE for row in found):
        return
    expires_at = (datetime.now(UTC) + LIVES_FOR).isoformat(timespec="seconds")
    asking.post("environments/", SHORT_LIVED | {"team": "storefront", "expires_at": expires_at})
    story.done(
        f"{people['engineer'].username} asked for the environment {name} ({SHORT_LIVED['tier']}), which expires"
        " in two days: it is being built"
    )


UNDER_WAY = {"queued", "running", "waiting", "paused", "cancelling"}
ENDED = {"succeeded", "failed", "errored", "cancelled", "rejected", "expired"}


def _approved(
    house: House, people: People, api: Api, operation: dict[str, Any], story: Story, what: str
) -> None:
    """Wait for its plan, have the approver approve it where a person has to, and wait for its end."""
    operation = _until(
        house, api, operation, story, f"{what}, its plan", {"awaiting-approval", *UNDER_WAY, *ENDED}
    )
    if operation["status"] == "awaiting-approval":
        approving = Api(house.url, people["approver"].api_token)
        approving.post(
            f"operations/{operation['id']}/approve/",
            {"hash": operation["plan"]["hash"], "comment": "Approved by the demo."},
        )
        story.done(f"{what}: {people['approver'].username} approved its plan")
    _follow(house, api, operation, story, what)


def _follow(house: House, api: Api, operation: dict[str, Any], story: Story, what: str) -> None:
    """Wait for its end; Trouble unless it succeeded."""
    operation = _until(house, api, operation, story, what, ENDED)
    if operation["status"] != "succeeded":
        raise Failed(f"{what}: {operation['status']}. {operation.get('sentence') or ''}".strip())


def _until(
    house: House, api: Api, operation: dict[str, Any], story: Story, what: str, statuses: set[str]
) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN_S
    while operation["status"] not in statuses:
        house.look()
        if time.monotonic() > deadline:
            raise Trouble(f"{what} is still {operation['status']} after {WITHIN_S} s: look at {house.url}.")
        story.goes_on(f"{what}: {operation['status']}")
        operation = api.get(f"operations/{operation['id']}/", wait=2)
    return operation


def _delegate_zone(house: House, keys: Keys, asked: AccountToAdd) -> None:
    """The hosted zone that the parent domain's owner delegates to this account."""
    route53 = house.sandbox.client("route53", keys)
    zones = route53.list_hosted_zones_by_name(DNSName=asked.zone)["HostedZones"]
    if not any(zone["Name"] == f"{asked.zone}." for zone in zones):
        route53.create_hosted_zone(Name=asked.zone, CallerReference=f"demo-{asked.account_id}")


def _deploy_roles(house: House, keys: Keys, account: dict[str, Any]) -> None:
    """What the account's page asks a person to do: deploy its templates with the account's own credentials."""
    cloudformation = house.sandbox.client("cloudformation", keys, REGION)
    for stack in account["role_stacks"]:
        parameters = [
            {"ParameterKey": name, "ParameterValue": value} for name, value in stack["parameters"].items()
        ]
        try:
            cloudformation.create_stack(
                StackName=stack["stack_name"],
                TemplateBody=stack["template"],
                Parameters=parameters,
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
        except cloudformation.exceptions.AlreadyExistsException:
            continue
        cloudformation.get_waiter("stack_create_complete").wait(
            StackName=stack["stack_name"], WaiterConfig=OFTEN
        )


def _address(row: dict[str, Any]) -> str:
    addresses = row.get("addresses") or {}
    return next(iter(addresses.values()), "no address yet") if isinstance(addresses, dict) else str(addresses)
