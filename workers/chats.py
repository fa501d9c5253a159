"""Chats, by apprise: those of its services that are let in, on connections of ours.

apprise's services make their requests by `requests.post` and the like. Here the name `requests` in their modules leads
to egress.fetch, so that the rules for outgoing connections hold for them too, and what a service answered can be
told. The services are imported one by one: apprise's own registry would load 190, some of which run programs.
"""

import sys
import time
from contextvars import ContextVar
from typing import Any

import requests
from apprise import AppriseAsset
from apprise.common import NotifyType, PersistentStoreMode
from apprise.plugins.custom_json import NotifyJSON
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.google_chat import NotifyGoogleChat
from apprise.plugins.matrix import NotifyMatrix
from apprise.plugins.mattermost import NotifyMattermost
from apprise.plugins.rocketchat import NotifyRocketChat
from apprise.plugins.slack import NotifySlack
from apprise.plugins.workflows import NotifyWorkflows

from environments.notifications.contents import Message
from environments.notifications.deliveries import Outcome
from environments.notifications.models import Channel
from environments.notifications.signing import chat_address
from environments.notifications.topics import TOPICS, Group
from workers.egress import Answer, Unreached, fetch

SERVICES: dict[str, Any] = {
    "slack": NotifySlack,
    "workflows": NotifyWorkflows,
    "discord": NotifyDiscord,
    "gchat": NotifyGoogleChat,
    "mmost": NotifyMattermost,
    "mmosts": NotifyMattermost,
    "rocket": NotifyRocketChat,
    "rockets": NotifyRocketChat,
    "matrix": NotifyMatrix,
    "matrixs": NotifyMatrix,
    "json": NotifyJSON,
    "jsons": NotifyJSON,
}
"""By schema; the same as environments.notifications.addresses lets in, which a test compares."""

# In memory: nothing of a chat is kept in files of the worker. Redirects are overruled by egress as well.
ASSET = AppriseAsset(
    app_id="Switchyard",
    app_desc="Switchyard",
    app_url="",
    storage_mode=PersistentStoreMode.MEMORY,
    http_redirects=False,
)

_heard: ContextVar["list[Answer | Unreached] | None"] = ContextVar("heard", default=None)


class _Requests:
    """What a service takes for the library `requests`: its words, and our connections."""

    def __getattr__(self, name: str) -> Any:
        return getattr(requests, name)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        heard = _heard.get()
        assert heard is not None, "A chat service made a request by itself."
        try:
            answer = fetch(method, url, **options)
        except Unreached as error:
            heard.append(error)
            raise requests.exceptions.ConnectionError(str(error)) from error
        heard.append(answer)
        response = requests.Response()
        response.status_code, response.url = answer.code, url
        response._content = answer.text.encode()
        return response

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("POST", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return self.request("PUT", url, **options)


def _lead_to_us() -> None:
    """Put ours in place of `requests` in the modules of the services."""
    ours = _Requests()
    for service in SERVICES.values():
        for base in service.__mro__:
            module = sys.modules.get(base.__module__)
            is_plugin = base.__module__.startswith("apprise.plugins.")
            if module is not None and is_plugin and getattr(module, "requests", None) is requests:
                module.requests = ours  # type: ignore[attr-defined]


_lead_to_us()


def chat_send(channel: Channel, message: Message) -> Outcome:
    """Tell a chat."""
    address = chat_address(channel)
    begun = time.monotonic()
    chat = _chat(address)
    if chat is None:
        return Outcome(False, "This address is not complete: correct it, and send a test.", lasting=True)
    heard: list[Answer | Unreached] = []
    mark = _heard.set(heard)
    try:
        is_delivered = bool(chat.notify(body=message.text, title=message.subject, notify_type=_type(message)))
    finally:
        _heard.reset(mark)
    return _outcome(is_delivered, heard, round((time.monotonic() - begun) * 1000))


def _chat(address: str) -> Any:
    """apprise's object for an address; None when it lacks a part."""
    # apprise's own way in does the same before it looks for a service.
    address = address.replace("/#", "/%23")
    service = SERVICES.get(address.partition("://")[0].lower())
    found = (
        [(service, service.parse_url(address))]
        if service
        else [
            # The address that a service itself gives: https://hooks.slack.com/…
            (one, one.parse_native_url(address))
            for one in dict.fromkeys(SERVICES.values())
        ]
    )
    for one, parsed in found:
        if parsed:
            try:
                return one(**{**parsed, "asset": ASSET})
            except TypeError:
                # What apprise raises for an address that lacks a part.
                return None
    return None


def _outcome(is_delivered: bool, heard: "list[Answer | Unreached]", duration_ms: int) -> Outcome:
    last = heard[-1] if heard else None
    if isinstance(last, Answer):
        return Outcome(
            is_delivered,
            f"The service answered {last.code}.",
            duration_ms=duration_ms,
            code=last.code,
            text=last.text,
            retry_after_s=None if is_delivered else last.retry_after_s,
        )
    sentence = str(last) if last else "The service sent nothing: look at the address."
    return Outcome(is_delivered, sentence, duration_ms=duration_ms)


def _type(message: Message) -> NotifyType:
    """The colour that services show beside a message."""
    topic = TOPICS.get(message.delivery.topic)
    colours = {
        Group.FAILED: NotifyType.FAILURE,
        Group.DONE: NotifyType.SUCCESS,
        Group.WAITING: NotifyType.WARNING,
    }
    return colours.get(topic.group, NotifyType.INFO) if topic else NotifyType.INFO
