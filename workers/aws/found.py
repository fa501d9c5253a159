"""What a search for leftovers is about: the environment that is looked for, and the things that are found of it."""

from dataclasses import dataclass
from typing import Any

TAG = "switchyard:environment"


@dataclass(frozen=True)
class Found:
    """Something that is still there. `deleting_on` is AWS's date of its deletion, as text, if it has one."""

    type: str
    id: str
    found_by: str
    deleting_on: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is looked for: full name (shop-k3x9), domain and zone of one environment."""

    full_name: str
    domain: str
    zone_id: str

    @property
    def prefix(self) -> str:
        return f"sy-{self.full_name}"


def is_ours(name: str, wanted: Wanted) -> bool:
    """The prefix itself, or the prefix and a separator: sy-shop-k3x9 is not the beginning of sy-shop-k3x9b."""
    rest = name[len(wanted.prefix) :] if name.startswith(wanted.prefix) else None
    return rest is not None and (not rest or not rest[0].isalnum())


def named(kind: str, name: str, found_by: str) -> Found:
    return Found(kind, name, f"{found_by} by name")


def same_thing(one: Found, other: Found) -> bool:
    """Whether two rows tell of one thing: a name, and the ARN that ends with it."""
    if one.type != other.type:
        return False
    return one.id == other.id or _ends(one.id, other.id) or _ends(other.id, one.id)


def _ends(arn: str, name: str) -> bool:
    if not arn.startswith("arn:"):
        return False
    tail: Any = arn.split(":", 5)[5]
    return bool(
        tail == name
        or tail.endswith((f"/{name}", f":{name}"))
        or f":{name}-" in f":{tail}"
        or f"/{name}/" in tail
    )
