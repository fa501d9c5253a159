"""How long an environment lives: its tier's rule, what is due when, and the words for it."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import transaction
from django.utils import timezone

from environments.errors import InvalidFields
from environments.lifecycle.models import Environment, ExpiryRule
from environments.lifecycle.states import GONE, Tier
from environments.operations.audit import audit_record
from environments.people.models import User
from environments.people.rights import require

WARNINGS = (timedelta(days=2), timedelta(hours=2), timedelta(minutes=30))
"""How long before an expiry people are told of it."""
SOONEST = timedelta(hours=1)
"""No expiry is set nearer than this: whoever wants it gone now tears it down."""
FURTHEST = timedelta(days=3650)
MOST_DAYS = 3650

BY_RULE: Literal["by-rule"] = "by-rule"
Wanted = datetime | None | Literal["by-rule"]
"""What a request asks for: a moment, never (None), or its tier's default."""


def expiry_rule(tier: str) -> ExpiryRule:
    """The rule of a tier. A tier without a row has neither default nor maximum."""
    return ExpiryRule.objects.filter(tier=tier).first() or ExpiryRule(tier=tier)


def expiry_default(rule: ExpiryRule, now: datetime) -> datetime | None:
    """What a request that names no expiry gets."""
    return now + timedelta(days=rule.default_days) if rule.default_days is not None else None


def expiry_limit(rule: ExpiryRule, counted_from: datetime) -> datetime | None:
    """The latest expiry that needs nobody's approval; None where there is no maximum."""
    return counted_from + timedelta(days=rule.maximum_days) if rule.maximum_days is not None else None


def expiry_next(expires_at: datetime | None, now: datetime) -> datetime | None:
    """The first moment after `now` at which something is to be told or done for an expiry; None when none is left."""
    if expires_at is None:
        return None
    moments = (*(expires_at - span for span in WARNINGS), expires_at)
    return next((moment for moment in moments if moment > now), None)


def expiry_warning(expires_at: datetime, now: datetime) -> timedelta | None:
    """The latest warning whose moment has come: 2 days, 2 hours or 30 minutes; zero once it has expired."""
    if now >= expires_at:
        return timedelta(0)
    return next((span for span in reversed(WARNINGS) if now >= expires_at - span), None)


def is_beyond(until: datetime | None, limit: datetime | None) -> bool:
    """Whether an expiry is later than a limit. None is never, which is later than any moment."""
    return limit is not None and (until is None or until > limit)


def expiry_problem(until: datetime | None, now: datetime) -> str:
    """Why nothing can expire at this moment, or an empty string."""
    if until is None:
        return ""
    if until < now + SOONEST:
        return (
            f"{moment_words(until)} is too soon: the earliest expiry is an hour from now. To have it gone sooner,"
            " tear it down."
        )
    return f"{moment_words(until)} is more than ten years away." if until > now + FURTHEST else ""


def expiry_wanted(tier: str, wanted: Wanted, now: datetime) -> tuple[datetime | None, str]:
    """The expiry that a request gets, and why it cannot be had (or an empty string)."""
    rule = expiry_rule(tier)
    if wanted == BY_RULE:
        return expiry_default(rule, now), ""
    until = wanted if isinstance(wanted, datetime) else None
    if problem := expiry_problem(until, now):
        return until, problem
    limit = expiry_limit(rule, now)
    if limit is not None and is_beyond(until, limit):
        return until, (
            f"{tier_words(tier)} environments live at most {rule.maximum_days} days: until {moment_words(limit)}. Once"
            " it is there it can be extended beyond that, which another person approves."
        )
    return until, ""


def expiry_set(environment: Environment, until: datetime | None, now: datetime) -> None:
    """Write an expiry on a row that the caller holds. Warnings begin anew, with those that are still to come; one that
    has passed (while protection was on) is due now, and warned of before it acts."""
    environment.expires_at = until
    environment.expiry_due_at = expiry_next(until, now) or (now if until is not None else None)
    environment.expiry_warned_at = None
    environment.save(update_fields=["expires_at", "expiry_due_at", "expiry_warned_at"])


def expiry_rule_set(
    *,
    tier: str,
    default_days: int | None,
    maximum_days: int | None,
    approves_teardown: bool,
    actor: User | None,
) -> ExpiryRule:
    """Change a tier's rule. Expiries that are set stay; environments of the tier that have none get the default,
    counted from now, when a maximum says that each has to have one. Raises Forbidden, InvalidFields.
    """
    require(actor, "expiry.change")
    problems = expiry_rule_problems(tier, default_days, maximum_days)
    if problems:
        raise InvalidFields(problems)
    with transaction.atomic():
        rule, _ = ExpiryRule.objects.select_for_update().get_or_create(tier=tier)
        before = expiry_rule_words(rule)
        rule.default_days, rule.maximum_days = default_days, maximum_days
        rule.approves_teardown = approves_teardown
        rule.save(update_fields=["default_days", "maximum_days", "approves_teardown"])
        given = _give_default(rule)
        audit_record(
            "expiry-rule.set",
            rule,
            actor=actor,
            before=before,
            after={**expiry_rule_words(rule), "environments_given_an_expiry": given},
        )
    return rule


def expiry_rule_words(rule: ExpiryRule) -> dict[str, Any]:
    """A rule as the audit keeps it."""
    return {
        "default_days": rule.default_days,
        "maximum_days": rule.maximum_days,
        "approves_teardown": rule.approves_teardown,
    }


def expiry_rule_problems(tier: str, default_days: int | None, maximum_days: int | None) -> dict[str, str]:
    """What is wrong with a rule, by field."""
    problems = {}
    if tier not in Tier.values:
        problems["tier"] = f"{tier[:40]} is no tier. Choose one of: {', '.join(Tier.values)}."
    for field, days in (("default_days", default_days), ("maximum_days", maximum_days)):
        if days is not None and not 1 <= days <= MOST_DAYS:
            problems[field] = f"Days are a number from 1 to {MOST_DAYS}."
    if not problems and maximum_days is not None:
        if default_days is None:
            problems["default_days"] = (
                "Where there is a maximum, a request that names no expiry needs a default."
            )
        elif default_days > maximum_days:
            problems["default_days"] = f"The default cannot be above the maximum, {maximum_days} days."
    return problems


def _give_default(rule: ExpiryRule) -> int:
    if not rule.is_required:
        return 0
    now = timezone.now()
    until = expiry_default(rule, now)
    without = Environment.objects.filter(tier=rule.tier, expires_at__isnull=True, is_canary=False)
    return without.exclude(status__in=GONE).update(
        expiry_from=now, expires_at=until, expiry_due_at=expiry_next(until, now), expiry_warned_at=None
    )


def moment_words(moment: datetime) -> str:
    """A moment as sentences tell it: in UTC, for a sentence is read by many."""
    return f"{moment.astimezone(UTC):%d %b %Y %H:%M} UTC"


def when_words(moment: datetime | None) -> str:
    """What follows "it expires": a moment, or never."""
    return "never" if moment is None else f"on {moment_words(moment)}"


def span_left(span: timedelta) -> str:
    """How long is left, roughly: 2 days, 5 hours, 30 minutes."""
    minutes = max(1, round(span.total_seconds() / 60))
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= size:
            count = round(minutes / size)
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def tier_words(tier: str) -> str:
    """The tier at the beginning of a sentence."""
    return str(Tier(tier).label) if tier in Tier.values else tier
