"""Stacks that are deployed twice: what they hold for the other region is set up when its part stands there.

Their templates have the parameter Joined, false at first; once the stacks that they are joined to are there, the stack
is updated with true, and every later update keeps that (blueprint_cdk/data/stacks.json, "joins").
"""

import json
from typing import Any

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
