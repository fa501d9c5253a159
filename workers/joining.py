"""Stacks that are deployed twice: what they hold for the other region is set up when its part stands there.

Their templates have the parameter Joined, false at first; once the stacks that they are joined to are there, the stack
is updated with true, and every later update keeps that (blueprint_cdk/data/stacks.json, "joins").
"""

import json
from collections.abc import Iterable
from typing import Any

from environments.lifecycle.models import Environment
from environments.lifecycle.stacks import StackOf, stacks_of
from workers.changes import Change, Rules, dependents

JOINED = "Joined"
DETAIL = "Set up once both regions stand."


def joined_changes(template: dict[str, Any], rules: Rules) -> list[Change]:
    """What the second deployment changes: resources whose text asks whether the stack is joined, and what refers to
    them.
    """
    conditions = {
        name
        for name, rule in template.get("Conditions", {}).items()
        if f'"Ref": "{JOINED}"' in json.dumps(rule)
    }
    found: list[Change] = []
    for logical_id, resource in template["Resources"].items():
        is_made = resource.get("Condition") in conditions
        text = json.dumps(resource)
        if is_made or any(f'"Fn::If": ["{name}"' in text for name in conditions):
            found.append(
                {
                    "logical_id": logical_id,
                    "type": resource["Type"],
                    "action": "added" if is_made else "modified",
                    "detail": DETAIL,
                    "may_replace": False,
                    "stateful": resource["Type"] in rules.stateful,
                    "properties": [],
                }
            )
    return found + dependents(template["Resources"], found, rules)


def copies_planned(document: dict[str, Any], environment: Environment, stacks: Iterable[StackOf]) -> None:
    """Put into a plan's stacks what of them is copied when they are joined: what is in the buckets of a stack that is
    there before what it is joined to. `copies` of its row are those of StackOf.

    What was there before is what the environment was last told that it has: not what an update made half-way, which
    may have nothing left to change and all to copy.
    """
    had = {stack.key for stack in stacks_of(environment.release, environment.spec)}
    copied = {stack.key: stack.copies for stack in stacks if stack.copies and not had.issuperset(stack.joins)}
    for row in document["stacks"]:
        if row["key"] in copied and row["action"] != "create":
            row["copies"] = dict(copied[row["key"]])
