"""What needs what inside a template: CloudFormation begins a resource as soon as all that it needs is there."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from workers.rows import QUIET

_IN_TEXT = re.compile(r"\$\{([^!.}]+)")


def quiet_groups(template: dict[str, Any]) -> list[tuple[list[str], int]]:
    """How many of the resources that no event tells of wait for which told ones: [(logical ids, count)].

    `template` is a parsed CloudFormation template.
    """
    resources = template["Resources"]
    needs = {key: set(_named(resource)) & resources.keys() - {key} for key, resource in resources.items()}
    quiet = {key for key, resource in resources.items() if resource["Type"] in QUIET}
    counts: Counter[tuple[str, ...]] = Counter()
    for key in quiet:
        counts[tuple(sorted(_told_needs(key, needs, quiet)))] += 1
    return [(list(ids), count) for ids, count in sorted(counts.items())]


def _told_needs(key: str, needs: dict[str, set[str]], quiet: set[str]) -> set[str]:
    """What `key` waits for, with other quiet ones replaced by what those wait for."""
    found: set[str] = set()
    seen, waiting = {key}, [key]
    while waiting:
        for need in needs[waiting.pop()] - seen:
            seen.add(need)
            if need in quiet:
                waiting.append(need)
            else:
                found.add(need)
    return found


def _named(value: Any) -> Iterator[str]:
    """Logical ids (and other names) that a part of a template mentions: DependsOn, Ref, GetAtt, Sub."""
    if isinstance(value, list):
        for item in value:
            yield from _named(item)
    if not isinstance(value, dict):
        return
    for name, item in value.items():
        if name == "DependsOn":
            yield from [item] if isinstance(item, str) else item
        elif name == "Ref":
            yield str(item)
        elif name == "Fn::GetAtt":
            yield item.split(".")[0] if isinstance(item, str) else str(item[0])
        elif name == "Fn::Sub":
            yield from _IN_TEXT.findall(item if isinstance(item, str) else item[0])
            yield from _named(item)
        else:
            yield from _named(item)
