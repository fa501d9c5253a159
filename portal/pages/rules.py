"""The rules of approval: their order, what each says, and what it would have decided of late.

Whatever changes a rule is proposed here; it holds once a second person has approved it.
"""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from environments.display import kind_word
from environments.errors import DomainError, Invalid
from environments.lifecycle.models import GRAVE, ApprovalRule, Release, Risk
from environments.lifecycle.rule_fields import (
    COSTS,
    FLAGS,
    LISTS,
    NUMBERS,
    rule_defaults,
    rule_state,
    rule_values,
)
from environments.lifecycle.rules import LATELY, kinds_ruled, plans_lately, rule_deciding, rule_try
from environments.lifecycle.selectors import release_default
from environments.lifecycle.settings import (
    rule_change_propose,
    rule_create_propose,
    rule_delete_propose,
    rules_order_propose,
)
from environments.lifecycle.states import Tier
from environments.lifecycle.terms import terms_of, terms_words
from environments.people.models import PortalRole, Proposal
from environments.people.rights import RIGHTS, may
from environments.people.selectors import proposal_of, proposals_waiting
from portal.pages.base import page, proposed, refusals, view_requires, viewer

PEOPLE_WORDS = {0: "Nobody", 1: "One other person", 2: "Two other people"}
LARGEST = 10**6


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """All rules in their order, with how many of the last plans each decides."""
    user = view_requires(request, "rule.view")
    rules = list(ApprovalRule.objects.all())
    lately = plans_lately()
    decided = [rule_deciding(facts, rules) for _plan, facts in lately]
    counts = {rule.pk: decided.count(rule) for rule in rules}
    return page(
        request,
        "portal/rules/list.html",
        "Approval rules",
        rows=[(rule, conditions(rule), people(rule), counts[rule.pk]) for rule in rules],
        plans=len(lately),
        without=decided.count(None),
        may_change=may(user, "rule.change"),
        proposals=[row for row in proposals_waiting() if row.verb.startswith("rule")],
    )


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A rule to add; a POST tries it on the last plans or proposes it."""
    view_requires(request, "rule.change")
    return _form(request, None)


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest, pk: int) -> HttpResponse:
    """One rule; a POST tries other values on the last plans or proposes them."""
    view_requires(request, "rule.view")
    return _form(request, ApprovalRule.objects.get(pk=pk))


@require_POST
def act(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Propose to move the rule up or down, to turn it on or off, or that it go."""
    if verb not in VERBS:
        raise Http404
    user = viewer(request)
    rule = ApprovalRule.objects.get(pk=pk)
    try:
        proposal = VERBS[verb](rule, user)
    except DomainError as error:
        messages.error(request, error.message)
        return redirect("admin:rules")
    return proposed(request, proposal, done="Done.", then="admin:rules")


def _moved(rule: ApprovalRule, user: Any, by: int) -> Proposal:
    ids = list(ApprovalRule.objects.values_list("pk", flat=True))
    place = ids.index(rule.pk)
    other = place + by
    if not 0 <= other < len(ids):
        raise Invalid(f"“{rule.name}” is {'first' if by < 0 else 'last'} already.")
    ids[place], ids[other] = ids[other], ids[place]
    return rules_order_propose(ids=ids, actor=user)


VERBS = {
    "up": lambda rule, user: _moved(rule, user, -1),
    "down": lambda rule, user: _moved(rule, user, 1),
    "enable": lambda rule, user: rule_change_propose(rule=rule, fields={"is_enabled": True}, actor=user),
    "disable": lambda rule, user: rule_change_propose(rule=rule, fields={"is_enabled": False}, actor=user),
    "delete": lambda rule, user: rule_delete_propose(rule=rule, actor=user),
}


def _form(request: HttpRequest, rule: ApprovalRule | None) -> HttpResponse:
    user = viewer(request)
    problems: dict[str, str] = {}
    fields = rule_state(rule) if rule else rule_defaults()
    tried = None
    if request.method == "POST":
        fields = _typed(request)
        reason = request.POST.get("reason", "")
        with refusals() as problems:
            if request.POST.get("do") == "try":
                view_requires(request, "rule.view")
                tried = rule_try(_candidate(rule, fields))
            elif rule is None:
                proposal = rule_create_propose(fields=fields, reason=reason, actor=user)
                return proposed(
                    request, proposal, done="The rule was added, as the last one.", then="admin:rules"
                )
            else:
                proposal = rule_change_propose(rule=rule, fields=fields, reason=reason, actor=user)
                return proposed(
                    request, proposal, done="The rule was changed.", then="admin:rule", pk=rule.pk
                )
    return page(
        request,
        "portal/rules/page.html",
        rule.name if rule else "New rule",
        status=400 if problems else 200,
        rule=rule,
        fields=fields,
        problems=problems,
        typed_reason=request.POST.get("reason", ""),
        choices=_choices(fields),
        told=conditions(rule) if rule else [],
        who=people(rule) if rule else "",
        people_words=PEOPLE_WORDS.items(),
        tried=tried,
        differ=sum(row.differs for row in tried or []),
        lately=LATELY,
        may_change=may(user, "rule.change"),
        proposal=proposal_of(rule) if rule else None,
        api_key=f"{rule.pk}/" if rule else "",
    )


def _typed(request: HttpRequest) -> dict[str, Any]:
    """What the form says, as a rule's fields; what is no number stays text, and is told at its field."""
    data = request.POST
    fields: dict[str, Any] = {name: sorted(set(data.getlist(name))) for name in LISTS}
    fields |= {name: data.get(name, "").strip()[:20] or None for name in COSTS}
    for name in NUMBERS:
        text = data.get(name, "").strip()
        fields[name] = min(int(text), LARGEST) if text.isdecimal() and len(text) < 10 else text[:20] or None
    fields |= {name: data.get(name) == "on" for name in FLAGS}
    fields["name"] = data.get("name", "").strip()[:200]
    return fields


def _candidate(rule: ApprovalRule | None, fields: dict[str, Any]) -> ApprovalRule:
    """The rule that would be, not kept. A new one is tried as the last."""
    last = ApprovalRule.objects.count() + 1
    candidate = ApprovalRule(pk=rule.pk if rule else None, position=rule.position if rule else last)
    for name, value in rule_values({**fields, "is_enabled": True}).items():
        setattr(candidate, name, value)
    return candidate


def _choices(fields: dict[str, Any]) -> list[dict[str, Any]]:
    """The lists of boxes: [{"name", "label", "help", "boxes": [(value, label, is ticked, note)]}]."""
    release: Release | None = release_default()
    sizes = sorted({*_sizes(release), *fields["sizes"]}, key=lambda size: (SIZE_ORDER.get(size, 9), size))
    options: dict[str, tuple[str, str, list[tuple[str, str, str]]]] = {
        "operation_kinds": (
            "Kind of change",
            "None ticked: every kind.",
            [(kind, kind_word(kind), "") for kind in kinds_ruled()],
        ),
        "tiers": ("Tier", "None ticked: every tier.", [(tier.value, tier.label, "") for tier in Tier]),
        "sizes": ("Size after the change", "None ticked: every size.", [(size, size, "") for size in sizes]),
        "risks_needed": (
            "Only plans with one of these risks",
            "None ticked: it need not carry any.",
            [(risk.value, risk.label, "") for risk in Risk],
        ),
        "risks_covered": (
            "Risks that it covers",
            "A plan that carries another one goes to the next rule.",
            [(risk.value, risk.label, "grave" if risk in GRAVE else "") for risk in Risk],
        ),
        "approver_roles": (
            "Who may approve",
            "None ticked: everybody whose role may approve.",
            [(role.value, PortalRole(role).label, "") for role in RIGHTS["operation.approve"]],
        ),
    }
    return [
        {
            "name": name,
            "label": label,
            "help": words,
            "boxes": [(value, text, value in fields[name], note) for value, text, note in boxes],
        }
        for name, (label, words, boxes) in options.items()
    ]


SIZE_ORDER = {"small": 0, "medium": 1, "large": 2}


def _sizes(release: Release | None) -> list[str]:
    if release is None:
        return list(SIZE_ORDER)
    rule = release.schema.get("properties", {}).get("size", {})
    if "$ref" in rule:
        rule = release.schema.get("$defs", {}).get(rule["$ref"].rsplit("/", 1)[-1], {})
    return [str(size) for size in rule.get("enum", [])]


def conditions(rule: ApprovalRule) -> list[str]:
    """When the rule fits, in words, a phrase per condition; empty: always."""
    told = []
    if rule.operation_kinds:
        told.append(" or ".join(kind_word(kind).lower() for kind in rule.operation_kinds))
    if rule.tiers:
        told.append(" or ".join(Tier(tier).label.lower() for tier in rule.tiers))
    if rule.sizes:
        told.append(" or ".join(rule.sizes))
    told += _between("USD {} a month", rule.min_monthly_cost, rule.max_monthly_cost)
    told += _between("USD {} a month more than before", rule.min_cost_increase, rule.max_cost_increase)
    if rule.risks_needed:
        told.append(" or ".join(_risk(risk) for risk in rule.risks_needed))
    missing = [risk for risk in Risk if risk not in rule.risks_covered]
    if missing:
        told.append("not if it " + " or ".join(_risk(risk) for risk in missing))
    return told


def people(rule: ApprovalRule) -> str:
    """Whose yes it wants, in words."""
    terms = terms_words(terms_of(rule), team=None, people=rule.approvals)
    return f"{PEOPLE_WORDS[rule.approvals]}, {terms}" if terms else PEOPLE_WORDS[rule.approvals]


def _risk(risk: str) -> str:
    label = Risk(risk).label
    return label[:1].lower() + label[1:]


def _between(words: str, least: Any, most: Any) -> list[str]:
    if least is not None and most is not None:
        return [words.format(f"{least:,.2f} to {most:,.2f}")]
    if least is not None:
        return ["at least " + words.format(f"{least:,.2f}")]
    return ["at most " + words.format(f"{most:,.2f}")] if most is not None else []
