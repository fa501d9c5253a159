"""`make calls`: run the portal's flows, note what its roles ask AWS for, and write blueprint_cdk/data/calls.json.

The roles' policies are made from that file (blueprint_cdk/access). To each action that was asked for it adds the
dependent actions that AWS documents, and to each CloudFormation type that the stacks make, its handlers' permissions.
"""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from devtools import processes, references
from devtools.places import ROOT, STATE, shown
from devtools.trouble import Trouble

DATA = ROOT / "blueprint_cdk" / "data"
CALLS = DATA / "calls.json"
FLOWS = ("tests/workers",)
ROLES = {
    "role/SwitchyardReader": "reader",
    "role/SwitchyardDeployer": "deployer",
    "role/SwitchyardBootstrap": "bootstrap",
    "role/SwitchyardGuard": "guard",
}
EXECUTION = "role/cdk-swyard-cfn-exec-role-"
"""Its name ends with account and region."""

Decision = dict[str, Any]


def main(tests: list[str]) -> int:
    """Run the flows without enforcement, and write the file; some tests only: tell what they would add.

    Answers pytest's exit code, or 1 when the policies cannot be made from what was written.
    """
    noted = STATE / "calls.json"
    noted.parent.mkdir(parents=True, exist_ok=True)
    noted.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pytest", "-p", "tests.recording", f"--record-calls={noted}"]
    log = STATE / "logs" / "calls.log"
    log.unlink(missing_ok=True)
    run = processes.start("pytest", [*command, *(tests or FLOWS)], log=log)
    try:
        code = run.popen.wait()
    finally:
        run.stop()
    print(run.last_lines(1))
    if code or not noted.exists():
        # A flow that broke off has not asked for all that it needs.
        raise Trouble(f"The flows did not all end well; nothing was written. See {shown(run.log)}.")
    decisions = json.loads(noted.read_text())
    if tests:
        known = json.loads(CALLS.read_text())
        print("\n".join(unrecorded(decisions, known)) or "They ask for nothing new.")
        return 0
    CALLS.write_text(written(document(decisions)))
    return _policies_made()


def unrecorded(decisions: Iterable[Decision], known: dict[str, Any]) -> list[str]:
    """A sentence for each call of the portal's roles that the data file (parsed) does not hold."""
    return sorted(
        {
            f"The {role} role asks for {row['action']} ({row['kind']}), which {shown(CALLS)} does not hold: "
            "run `make calls`."
            for row in decisions
            if (role := role_of(row["principal"]))
            and row["kind"] not in known["roles"][role].get(row["action"], {"kinds": ()})["kinds"]
        }
    )


def role_of(principal: str) -> str:
    """The file's name of a role of the portal's, or nothing."""
    return "execution" if principal.startswith(EXECUTION) else ROLES.get(principal, "")


def document(decisions: Iterable[Decision]) -> dict[str, Any]:
    """The data file's content. Raises Trouble for an action that the reference does not know."""
    asked: dict[str, dict[str, set[str]]] = {
        role: defaultdict(set) for role in ("execution", *ROLES.values())
    }
    for row in decisions:
        if role := role_of(row["principal"]):
            asked[role][row["action"]].add(row["kind"])
    levels: dict[str, str] = {}
    unknown: set[str] = set()
    handlers = {
        user: {type_name: _handlers(type_name, levels, unknown) for type_name in types}
        for user, types in _types().items()
    }
    roles = {
        role: {name: _call(name, kinds, levels, unknown) for name, kinds in sorted(actions.items())}
        for role, actions in sorted(asked.items())
    }
    return {
        "sources": references.sources(),
        "roles": roles,
        "handlers": handlers,
        "levels": dict(sorted(levels.items())),
        "unknown": sorted(unknown),
    }


def _call(name: str, kinds: set[str], levels: dict[str, str], unknown: set[str]) -> dict[str, Any]:
    found = references.action(name)
    if found is None and name in unknown:
        # Newer than the reference: CloudFormation's registry names it as a permission of a handler.
        return {"kinds": sorted(kinds), "needs": []}
    if found is None:
        raise Trouble(f"{name} was asked for, which the Service Authorization Reference does not know.")
    levels[name] = found.level
    needs = [known for need in found.needs if (known := references.action(need))]
    levels.update({need.name: need.level for need in needs})
    return {"kinds": sorted(kinds), "needs": [need.name for need in needs]}


def _handlers(type_name: str, levels: dict[str, str], unknown: set[str]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for handler, permissions in references.handlers(type_name).items():
        made[handler] = []
        for permission in permissions:
            found = references.action(permission)
            made[handler].append(found.name if found else permission)
            if found:
                levels[found.name] = found.level
            else:
                # Newer than the reference, or no action at all but an operation's name: a person has to tell.
                unknown.add(permission)
    return made


def _types() -> dict[str, list[str]]:
    """The types that each of CloudFormation's roles makes."""
    stacks = json.loads((DATA / "stacks.json").read_text())
    made: dict[str, set[str]] = {"execution": set(), "guard": set()}
    for stack in (row for rows in stacks.values() for row in rows):
        made[stack.get("made_by", "execution")].update(stack["types"])
    bootstrap = json.loads((DATA / "bootstrap.json").read_text())
    return {"bootstrap": sorted(bootstrap["types"]), **{role: sorted(types) for role, types in made.items()}}


def written(content: dict[str, Any]) -> str:
    """JSON with one action or handler a line, for reviews."""

    def lines(value: Any, depth: int) -> str:
        if not isinstance(value, dict) or depth == 0:
            return json.dumps(value)
        pad = " " * (4 - depth)
        rows = [f"{pad}{json.dumps(name)}: {lines(row, depth - 1)}" for name, row in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{pad[1:]}}}"

    return lines(content, 3) + "\n"


def _policies_made() -> int:
    """Whether blueprint_cdk makes its policies from what was written; it says what is missing."""
    command = [sys.executable, "-m", "blueprint_cdk", "role-template", "--stack", "all"]
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        print((done.stderr.strip().splitlines() or ["No reason was given."])[-1], file=sys.stderr)
        return 1
    print(
        f"Written: {shown(CALLS)}. Where it has changed, raise the blueprint's version: accounts need the template."
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Trouble as trouble:
        print(trouble, file=sys.stderr)
        sys.exit(1)
