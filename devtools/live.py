"""A live AWS account in the sandbox's place, for `make conform`: same clients, a spending cap, nothing left behind."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import boto3
import yaml
from botocore.exceptions import BotoCoreError, ClientError

from devtools.live_calls import CALLS, PRICED, REFUSED, Made, is_gone
from devtools.sandbox import Keys
from devtools.trouble import Trouble

# US dollars, set by hand above what one of it costs in the minutes that it lives; no figures of AWS's price pages. A
# type that is not here is not made at all.
PRICES_USD: Mapping[str, Decimal] = {
    "AWS::CloudFormation::WaitConditionHandle": Decimal(0),
    "AWS::Events::Rule": Decimal(0),
    "AWS::IAM::ManagedPolicy": Decimal(0),
    "AWS::IAM::Role": Decimal(0),
    "AWS::KMS::Key": Decimal("0.10"),
    "AWS::Logs::LogGroup": Decimal("0.10"),
    "AWS::S3::Bucket": Decimal("0.10"),
    "AWS::SNS::Subscription": Decimal(0),
    "AWS::SNS::Topic": Decimal(0),
    "AWS::SNS::TopicPolicy": Decimal(0),
    "AWS::SQS::Queue": Decimal("0.01"),
    "AWS::SQS::QueuePolicy": Decimal(0),
    "AWS::SSM::Parameter": Decimal(0),
}
SERVICES = frozenset({"cloudformation"}) | PRICED
DELETED_WITHIN_S = 900
ASKED = "switchyard.asked"
"""Of a request's context: its input."""
COUNTED = "Counted against the cap"
LEFT_OVER = "LEFT OVER"
"""How the lines begin that tell what was spent, and what a person has to delete."""


@dataclass
class LiveAccount:
    """What tests ask of `devtools.sandbox.Sandbox`, for the account of the person's own credentials.

    Raises Trouble when the credentials are another account's. A call that would pass the cap, a type without a price
    and another service fail the test that wants them, before anything is made.
    """

    account_id: str
    cap_usd: Decimal
    region: str = "eu-west-1"
    spent_usd: Decimal = Decimal(0)
    made: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        try:
            found = boto3.client("sts", region_name=self.region).get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise Trouble(f"AWS does not say whose credentials these are: {error}") from error
        if found != self.account_id:
            raise Trouble(f"The credentials found are those of account {found}, not of {self.account_id}.")

    def account(self, account_id: str) -> Keys:
        """The person's own account, whichever account a test names; boto3 finds its credentials."""
        return Keys(self.account_id, "", "")

    def client(self, service: str, keys: Keys, region: str = "") -> Any:
        """A client that counts what is made through it."""
        if service not in SERVICES:
            raise Trouble(f"{service} is not compared with a live account: what it costs is not known here.")
        # Any: the stubs want the service's name as a literal.
        session: Any = boto3.Session(region_name=region or self.region)
        client = session.client(service)
        watch = client.meta.events.register
        if service == "cloudformation":
            for operation in ("CreateStack", "UpdateStack", "CreateChangeSet"):
                watch(f"provide-client-params.cloudformation.{operation}", self._count)
            for operation in ("CreateStack", "CreateChangeSet"):
                watch(f"after-call.cloudformation.{operation}", self._stack(client))
        for (owner, operation), made in CALLS.items():
            if owner == service:
                event = f"{client.meta.service_model.service_id.hyphenize()}.{operation}"
                watch(f"provide-client-params.{event}", self._spend(made))
                watch(f"after-call.{event}", self._note(client, made))
        for operation in REFUSED.get(service, ()):
            event = f"{client.meta.service_model.service_id.hyphenize()}.{operation}"
            watch(f"provide-client-params.{event}", _refuse)
        return client

    def after_test(self) -> None:
        """Delete what the test made, the last first; what does not go is in `left`, for a person."""
        while self.made:
            name, delete = self.made.pop()
            try:
                delete()
            except ClientError as error:
                if not is_gone(error):
                    self.left.append(f"{name}: {error}")

    def stop(self) -> None:
        """Nothing runs here."""

    def _count(self, params: dict[str, Any], **_: Any) -> None:
        body = str(params.get("TemplateBody", ""))
        if not body:
            raise Trouble("A template by URL is not priced here.")
        resources = json.loads(body) if body.lstrip().startswith("{") else yaml.safe_load(body)
        for resource in (resources.get("Resources") or {}).values():
            kind = str(resource.get("Type"))
            if kind not in PRICES_USD:
                raise Trouble(f"{kind} has no price in devtools/live.py, so it is not made.")
            self.spent_usd += PRICES_USD[kind]
        self._within_cap()

    def _within_cap(self) -> None:
        if self.spent_usd > self.cap_usd:
            raise Trouble(f"The cap of {self.cap_usd} USD would be passed.")

    def _stack(self, client: Any) -> Callable[..., None]:
        def note(parsed: dict[str, Any], **_: Any) -> None:
            id = parsed.get("StackId")
            if id and not any(name == id for name, _delete in self.made):
                self.made.append((id, lambda: self._delete_stack(client, id)))

        return note

    def _delete_stack(self, client: Any, id: str) -> None:
        if self._settled(client, id) != "DELETE_COMPLETE":
            client.update_termination_protection(StackName=id, EnableTerminationProtection=False)
            client.delete_stack(StackName=id)
        state = self._settled(client, id)
        for row in client.describe_stack_resources(StackName=id)["StackResources"]:
            if row.get("PhysicalResourceId") and row["ResourceStatus"] != "DELETE_COMPLETE":
                self.left.append(
                    f"{row['ResourceType']} {row['PhysicalResourceId']} of {id}, which is {state}"
                )

    @staticmethod
    def _settled(client: Any, id: str) -> str:
        until = time.monotonic() + DELETED_WITHIN_S
        while True:
            state = str(client.describe_stacks(StackName=id)["Stacks"][0]["StackStatus"])
            if not state.endswith("_IN_PROGRESS") or state == "REVIEW_IN_PROGRESS":
                return state
            if time.monotonic() > until:
                return state
            time.sleep(2)

    def _spend(self, made: Made) -> Callable[..., None]:
        def count(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            self.spent_usd += made.price_usd
            self._within_cap()
            context[ASKED] = params

        return count

    def _note(self, client: Any, made: Made) -> Callable[..., None]:
        def note(http_response: Any, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
            asked = context[ASKED]
            if http_response.status_code < HTTPStatus.MULTIPLE_CHOICES:
                name = str(asked.get(made.name, made.name))
                self.made.append((name, lambda: made.delete(client, asked, parsed)))

        return note


def _refuse(model: Any, **_: Any) -> None:
    raise Trouble(
        f"{model.name} is not asked of a live account: it may cost, or change what the account shares."
    )
