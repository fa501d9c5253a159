"""What is told of the portal's roles (docs/going-live.md) is what their policies say."""

from __future__ import annotations

from blueprint_cdk.access.needs import needs
from blueprint_cdk.access.told import ROLES, section


def test_every_action_is_told_with_its_reason() -> None:
    text = section()
    for key, (name, policies, _) in ROLES.items():
        told = text.split(f"### {name}\n")[1].split("\n### ")[0]
        for statement in (row for rows in policies.values() for row in rows if row["Effect"] == "Allow"):
            for action in statement["Action"]:
                [line] = [
                    line
                    for line in told.splitlines()
                    if f"`{action}`" in line
                    and (needs(key)[action] in line or needs(key)[action] == "recorded")
                ][:1]
                assert line.count("|") >= 4
    assert "dependent action of" in text and "**denied**" in text and "Fn::Sub" not in text
