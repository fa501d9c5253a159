"""How statuses, times, money and places are shown: one table for lists, pages and the engine's words."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

BLUE, AMBER, GREEN, RED, GREY = "blue", "amber", "green", "red", "grey"


@dataclass(frozen=True)
class Look:
    """How a status is shown; colours mean the same everywhere, and never stand alone."""

    tone: str
    icon: str
    word: str = ""


LOOKS: dict[str, Look] = {
    # operations and steps
    "pending": Look(AMBER, "schedule"),
    "planning": Look(BLUE, "progress_activity"),
    "awaiting-approval": Look(AMBER, "approval", "Awaiting approval"),
    "queued": Look(AMBER, "hourglass_top"),
    "running": Look(BLUE, "progress_activity"),
    "waiting": Look(AMBER, "hourglass_top"),
    "paused": Look(AMBER, "pause_circle"),
    "cancelling": Look(AMBER, "cancel"),
    "succeeded": Look(GREEN, "check_circle"),
    "failed": Look(RED, "error"),
    "errored": Look(RED, "bug_report"),
    "cancelled": Look(GREY, "cancel"),
    "rejected": Look(RED, "thumb_down"),
    "expired": Look(GREY, "timer_off"),
    "skipped": Look(GREY, "skip_next"),
    # environments
    "requested": Look(AMBER, "schedule"),
    "provisioning": Look(BLUE, "progress_activity"),
    "active": Look(GREEN, "check_circle"),
    "stopped": Look(GREY, "stop_circle"),
    "recovering": Look(BLUE, "progress_activity"),
    "tearing-down": Look(BLUE, "delete_sweep", "Tearing down"),
    "torn-down": Look(GREY, "inventory_2", "Torn down"),
    "withdrawn": Look(GREY, "undo"),
    "broken": Look(RED, "error"),
    # accounts and applications
    "adding": Look(BLUE, "progress_activity"),
    "removing": Look(BLUE, "delete_sweep"),
    "gone": Look(GREY, "inventory_2"),
    "ready": Look(GREEN, "check_circle"),
    # decisions and changes
    "open": Look(AMBER, "approval"),
    "approved": Look(GREEN, "thumb_up"),
    "added": Look(GREEN, "add_circle"),
    "modified": Look(AMBER, "edit"),
    "replaced": Look(RED, "published_with_changes"),
    "removed": Look(RED, "remove_circle"),
    # revisions
    "deployed": Look(GREEN, "check_circle"),
    "partial": Look(AMBER, "warning", "Half-way"),
}
UNKNOWN = Look(GREY, "help")

# AWS's regions by the place that people know them by.
CITIES = {
    "us-east-1": "N. Virginia",
    "us-east-2": "Ohio",
    "us-west-1": "N. California",
    "us-west-2": "Oregon",
    "ca-central-1": "Montréal",
    "sa-east-1": "São Paulo",
    "eu-west-1": "Dublin",
    "eu-west-2": "London",
    "eu-west-3": "Paris",
    "eu-central-1": "Frankfurt",
    "eu-central-2": "Zürich",
    "eu-north-1": "Stockholm",
    "eu-south-1": "Milan",
    "ap-south-1": "Mumbai",
    "ap-southeast-1": "Singapore",
    "ap-southeast-2": "Sydney",
    "ap-northeast-1": "Tokyo",
    "ap-northeast-2": "Seoul",
    "af-south-1": "Cape Town",
    "me-central-1": "Dubai",
}

KIND_WORDS = {
    "provision": "Build",
    "teardown": "Tear down",
    "account-add": "Add account",
    "account-update": "Update account",
    "application-add": "Add application",
    "application-update": "Change application",
    "application-remove": "Remove application",
    "canary": "Canary",
    "drift-fix": "Drift fix",
    "deploy": "Deploy",
    "update": "Update",
    "extend": "Extend",
    "resync": "Read anew",
}


def look_of(status: str) -> Look:
    """Tone, icon and word of a status; CloudFormation's own statuses are read by their ending."""
    if status in LOOKS:
        look = LOOKS[status]
        return Look(look.tone, look.icon, look.word or status.replace("-", " ").capitalize())
    word = status.replace("_", " ").replace("-", " ").capitalize()
    if status.endswith("FAILED") or ("ROLLBACK_COMPLETE" in status and status != "UPDATE_ROLLBACK_COMPLETE"):
        return Look(RED, "error", word)
    if status.endswith("IN_PROGRESS"):
        return Look(AMBER if "ROLLBACK" in status else BLUE, "progress_activity", word)
    if status.startswith("DELETE_COMPLETE"):
        return Look(GREY, "inventory_2", word)
    if status.endswith("COMPLETE"):
        return Look(GREEN, "check_circle", word)
    return Look(GREY, UNKNOWN.icon, word or "Not begun")


def kind_word(kind: str) -> str:
    """The kind of an operation as a verb for people."""
    return KIND_WORDS.get(kind, kind.replace("-", " ").capitalize())


def pill(status: str, word: str = "") -> SafeString:
    """Colour, icon and word."""
    look = look_of(status)
    return format_html(
        '<span class="sy-pill sy-{}"><span class="material-symbols-outlined{}" aria-hidden="true">{}</span>{}</span>',
        look.tone,
        " sy-spin" if look.icon == "progress_activity" else "",
        look.icon,
        word or look.word,
    )


def span_words(span: timedelta) -> str:
    """A length of time as people say it: 0.4 s, 42 s, 3 min 5 s, 2 h 10 min, 3 days."""
    exact = max(0.0, span.total_seconds())
    if exact < 10:
        return f"{exact:.1f} s"
    seconds = int(exact)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 and rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} days" if days > 1 else f"1 day {hours} h"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """Relative to now: just now, 5 min ago, in 3 days."""
    now = now or timezone.now()
    if abs(now - moment) < timedelta(seconds=10):
        return "just now"
    if moment > now:
        return f"in {span_words(moment - now)}"
    # Seconds beside minutes would be out of date before they are read.
    past, minute = now - moment, timedelta(minutes=1)
    return f"{span_words(past // minute * minute if past >= minute else past)} ago"


def when(moment: datetime | None) -> SafeString | str:
    """A relative time that tells the exact one on hover: in the viewer's zone, and in UTC."""
    if moment is None:
        return "–"
    local = timezone.localtime(moment)
    exact = f"{local:%a %d %b %Y, %H:%M:%S %Z}"
    if local.utcoffset():
        exact += f" · {moment.astimezone(UTC):%d %b, %H:%M:%S} UTC"
    return format_html(
        '<time class="sy-nowrap" datetime="{}" title="{}" data-ago>{}</time>',
        moment.isoformat(),
        exact,
        ago(moment),
    )


def money(amount: Any, period: str = "month", currency: str = "USD") -> str:
    """An amount with currency and period: USD 412.50 / month."""
    if amount is None or amount == "":
        return "–"
    return f"{currency} {Decimal(str(amount)):,.2f}" + (f" / {period}" if period else "")


def place(region: str) -> str:
    """A region with its city."""
    if not region:
        return "–"
    city = CITIES.get(region)
    return f"{city} ({region})" if city else region
