"""What has moved between two plans of one operation: part by part, before and after, in words."""

from decimal import Decimal
from typing import Any, Protocol

from django.utils.dateparse import parse_datetime

SHOWN = 200
"""Characters of a value that is shown."""

Move = dict[str, str]
"""{"part": "release"|"spec"|"facts"|"stack"|"template"|"tags"|"policy"|"price", "name", "before", "after",
"sentence"}."""


class PlanLike(Protocol):
    """A Plan or a PlanVersion."""

    hashed: dict[str, Any]
    seen: dict[str, Any]
    document: dict[str, Any]
    cost: dict[str, Any]


def plan_moves(before: PlanLike, after: PlanLike) -> list[Move]:
    """Each part that the hash covers and that differs, and the price when it does, however little."""
    old, new = before.hashed, after.hashed
    found: list[Move] = []
    if old.get("release") != new.get("release"):
        found.append(
            _move("release", "release", old.get("release"), new.get("release"), "The release moved.")
        )
    found += _fields("spec", old.get("spec", {}), new.get("spec", {}), "The request says another {name}.")
    found += _facts(old.get("facts", {}), new.get("facts", {}))
    found += _stacks(before, after)
    return found + _price(before.cost.get("total"), after.cost.get("total"))


def _facts(old: dict[str, Any], new: dict[str, Any]) -> list[Move]:
    found = []
    for region in sorted({*old, *new}):
        what = "What runs" if region == "runtime" else f"What is known of {region}"
        sentence = f"{what} moved: {{name}}."
        found += _fields("facts", old.get(region, {}), new.get(region, {}), sentence)
    return found


def _fields(part: str, old: dict[str, Any], new: dict[str, Any], sentence: str) -> list[Move]:
    return [
        _move(part, name, old.get(name), new.get(name), sentence.format(name=name))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]


def _stacks(before: PlanLike, after: PlanLike) -> list[Move]:
    old = {row["name"]: row for row in before.hashed.get("stacks", [])}
    new = {row["name"]: row for row in after.hashed.get("stacks", [])}
    found = []
    for name in [*old, *(name for name in new if name not in old)]:
        then, now = old.get(name), new.get(name)
        if then is None or now is None:
            sentence = f"Stack {name} is {'new in' if then is None else 'no more part of'} the plan."
            found.append(_move("stack", name, then and "planned", now and "planned", sentence))
            continue
        if then.get("last_operation") != now.get("last_operation"):
            found.append(_changed(name, then, now, before.seen, after.seen))
        for part in ("template", "tags", "policy", "parameters"):
            if then.get(part) != now.get(part):
                sentence = f"Stack {name} is to have other {part}." if part in ("tags", "parameters") else (
                    f"Stack {name} is to have another {part}."
                )  # fmt: skip
                found.append(_move(part, name, then.get(part), now.get(part), sentence))
    return found


def _changed(
    name: str,
    then: dict[str, Any],
    now: dict[str, Any],
    seen_then: dict[str, Any],
    seen_now: dict[str, Any],
) -> Move:
    """A stack whose last operation is another one: made, deleted or changed by somebody else than this operation."""
    state = seen_now.get("stacks", {}).get(name, {})
    moment = parse_datetime(state.get("changed_at") or "")
    at = f" on {moment:%d %b %Y at %H:%M:%S} UTC" if moment else ""
    if not then.get("last_operation"):
        sentence = f"Stack {name} is there now: somebody created it{at}."
    elif not now.get("last_operation"):
        sentence = f"Stack {name} is gone."
    else:
        status = f"; it is {state['status']}" if state.get("status") else ""
        sentence = f"Stack {name} was changed{at} since that plan{status}."
    old = seen_then.get("stacks", {}).get(name, {})
    return _move("stack", name, _state_words(old, then), _state_words(state, now), sentence)


def _state_words(seen: dict[str, Any], row: dict[str, Any]) -> str:
    if not row.get("last_operation"):
        return ""
    return ", ".join(
        text for text in (seen.get("status"), seen.get("changed_at"), row["last_operation"]) if text
    )


def _price(before: Any, after: Any) -> list[Move]:
    if before is None or after is None or Decimal(str(before)) == Decimal(str(after)):
        return []
    return [_move("price", "price", before, after, "The price a month moved.")]


def _move(part: str, name: str, before: Any, after: Any, sentence: str) -> Move:
    return {
        "part": part,
        "name": name,
        "before": _text(before),
        "after": _text(after),
        "sentence": sentence,
    }


def _text(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else str(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
