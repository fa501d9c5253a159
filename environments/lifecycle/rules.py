"""Which rule decides about a plan: plain facts against plain rows, the same answer every time.

`plans.approval_need` asks it of a plan; forms ask it before there is one; the page of rules tries a rule on plans of
the past.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from django.contrib.contenttypes.models import ContentType

from environments.lifecycle.models import ApprovalRule, Environment, Plan, Risk
from environments.lifecycle.terms import terms_of
from environments.operations.kinds import kind_names

BY_ITSELF = frozenset(
    {
        "account-add",
        "account-update",
        "application-add",
        "application-remove",
        "application-update",
        "canary",
    }
)
"""Kinds that always need one other person: they change what the portal may deploy to, and no rule lifts that."""

LATELY = 50
DEFAULT_APPROVALS = 1


@dataclass(frozen=True)
class Facts:
    """All that a rule looks at. Costs in USD a month; after a teardown an environment costs nothing."""

    kind: str
    tier: str
    size: str
    cost_before: Decimal = Decimal(0)
    cost_after: Decimal = Decimal(0)
    risks: frozenset[str] = field(default_factory=frozenset)

    @property
    def increase(self) -> Decimal:
        """What it costs more than before."""
        return self.cost_after - self.cost_before


def facts_of(plan: Plan, environment: Environment) -> Facts:
    """The facts of a plan of an operation on the environment. The size is the one that it would have."""
    operation = plan.operation
    spec = operation.parameters.get("spec") or {}
    return Facts(
        kind=operation.kind,
        tier=environment.tier,
        size=str(spec.get("size") or environment.size),
        cost_before=plan.monthly_cost_before,
        cost_after=plan.monthly_cost_after,
        risks=frozenset(plan.document.get("risk_kinds", [])),
    )


def facts_of_teardown(environment: Environment) -> Facts:
    """What is known of a teardown before its plan: it removes everything, and data with it."""
    return Facts(
        kind="teardown",
        tier=environment.tier,
        size=environment.size,
        cost_before=environment.monthly_cost or Decimal(0),
        risks=frozenset({Risk.REMOVAL.value, Risk.DATA_LOSS.value}),
    )


def facts_of_request(*, tier: str, size: str, cost: Decimal) -> Facts:
    """What is known of a new environment before its plan, which may find risks that are not known here."""
    return Facts(kind="provision", tier=tier, size=size, cost_after=cost)


def rule_fits(rule: ApprovalRule, facts: Facts) -> bool:
    """Whether every condition of the rule holds.

    Risks are held to a closed list: one that the rule does not cover, also one that is new to it, keeps it from
    fitting. So no rule approves a grave risk that it does not name.
    """
    return (
        (not rule.operation_kinds or facts.kind in rule.operation_kinds)
        and (not rule.tiers or facts.tier in rule.tiers)
        and (not rule.sizes or facts.size in rule.sizes)
        and _within(facts.cost_after, rule.min_monthly_cost, rule.max_monthly_cost)
        and _within(facts.increase, rule.min_cost_increase, rule.max_cost_increase)
        and (not rule.risks_needed or bool(facts.risks & set(rule.risks_needed)))
        and facts.risks <= set(rule.risks_covered)
    )


def rule_deciding(facts: Facts, rules: Iterable[ApprovalRule] | None = None) -> ApprovalRule | None:
    """The first enabled rule that fits; None when none does, and one person decides."""
    if facts.kind in BY_ITSELF:
        return None
    if rules is None:
        rules = ApprovalRule.objects.filter(is_enabled=True)
    return next((rule for rule in rules if rule.is_enabled and rule_fits(rule, facts)), None)


def kinds_ruled() -> list[str]:
    """Kinds of operations that rules can speak of."""
    return [name for name in kind_names() if name not in BY_ITSELF]


@dataclass(frozen=True)
class Expected:
    """What a form tells before there is a plan: how many people will have to approve, and by which rule."""

    approvals: int
    rule: str


def approval_expected(facts: Facts) -> Expected:
    """By the rules as they are; the plan decides, and may find risks."""
    rule = rule_deciding(facts)
    return Expected(rule.approvals if rule else DEFAULT_APPROVALS, rule.name if rule else "")


@dataclass(frozen=True)
class Tried:
    """What would become of a past plan: by the rules as they are, and with a candidate among them."""

    plan: Plan
    facts: Facts
    now: ApprovalRule | None
    then: ApprovalRule | None

    @property
    def approvals_now(self) -> int:
        return self.now.approvals if self.now else DEFAULT_APPROVALS

    @property
    def approvals_then(self) -> int:
        return self.then.approvals if self.then else DEFAULT_APPROVALS

    @property
    def differs(self) -> bool:
        """Whether another number of people, or other people, would have to approve."""
        return (self.approvals_now, terms_of(self.now)) != (self.approvals_then, terms_of(self.then))


def rule_try(candidate: ApprovalRule, *, most: int = LATELY) -> list[Tried]:
    """The last plans on environments, newest first, and what the candidate would make of each.

    A candidate with an id stands in for that rule; one without takes its place by its position.
    """
    rules = list(ApprovalRule.objects.all())
    others = [rule for rule in rules if rule.pk != candidate.pk]
    with_it = sorted([*others, candidate], key=lambda rule: (rule.position, rule.pk or 0))
    return [
        Tried(plan, facts, rule_deciding(facts, rules), rule_deciding(facts, with_it))
        for plan, facts in plans_lately(most)
    ]


def plans_lately(most: int = LATELY) -> list[tuple[Plan, Facts]]:
    """The last plans that rules decided about, newest first, with their facts. Two queries, however many there are."""
    kind = ContentType.objects.get_for_model(Environment)
    plans = list(
        Plan.objects.select_related("operation")
        .filter(operation__subject_type=kind, operation__kind__in=kinds_ruled())
        .order_by("-operation_id")[:most]
    )
    environments = Environment.objects.in_bulk({plan.operation.subject_id for plan in plans})
    return [
        (plan, facts_of(plan, environments[plan.operation.subject_id]))
        for plan in plans
        if plan.operation.subject_id in environments
    ]


def _within(amount: Decimal, least: Decimal | None, most: Decimal | None) -> bool:
    return (least is None or amount >= least) and (most is None or amount <= most)
