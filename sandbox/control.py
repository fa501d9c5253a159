"""The control API under /_sandbox: accounts, settings, faults, what was asked, what there is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox import quotas
from sandbox.faults import KINDS, BadFault
from sandbox.iam.principals import account_create
from sandbox.services import sent
from sandbox.services.cloudformation import custom
from sandbox.services.cognito_idp import messages
from sandbox.store import GLOBAL

if TYPE_CHECKING:
    from sandbox.world import World

PREFIX = "/_sandbox"


class Control:
    """Answers control requests; all in JSON."""

    def __init__(self, world: World, started_at: float) -> None:
        self.world = world
        self.started_at = datetime.fromtimestamp(started_at, UTC).isoformat()

    def handle(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """HTTP status and JSON document."""
        parts = path.removeprefix(PREFIX).strip("/").split("/")
        function = getattr(self, f"{method.lower()}_{parts[0]}", None)
        if function is None:
            return 404, {"error": f"{method} {path} is nothing that the sandbox's control API knows."}
        try:
            document = json.loads(body) if body else {}
            if not isinstance(document, dict):
                raise ValueError("the body must be a JSON object")
            answer: tuple[int, Any] = function(parts[1:], query, document)
        except BadFault as problem:
            return 400, {"error": str(problem), "fields": problem.fields}
        except (ValueError, KeyError, TypeError) as problem:
            return 400, {"error": f"The request cannot be used: {problem}."}
        return answer

    def get_health(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"status": "ok", "started_at": self.started_at}

    def post_accounts(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        granted = body.get("quotas") or {}
        if not isinstance(granted, dict):
            raise ValueError('quotas must be an object such as {"vpc/L-F678F1CE": 50}')
        made = account_create(self.world, str(body["account_id"]), str(body.get("alias", "")))
        for key, most in granted.items():
            quotas.grant(self.world, made["account_id"], GLOBAL, key, most)
        return 200, made

    def get_settings(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, self.world.settings

    def patch_settings(
        self, parts: list[str], query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        unknown = set(body) - {"speed", "durations", "enforce_iam", "event_latency"}
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        if "speed" in body and float(body["speed"]) < 0:
            raise ValueError("speed must not be negative")
        self.world.change_settings(body)
        return 200, self.world.settings

    def put_responses(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """What a custom resource's provider answers to its ResponseURL."""
        if custom.respond(self.world, "/".join(parts), body):
            return 200, {}
        return 404, {"error": "No custom resource waits for this response."}

    def get_clock(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"now": self.world.scheduler.now(), "ahead_s": self.world.scheduler.offset}

    def post_clock(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        seconds = float(body["advance_s"])
        if seconds < 0:
            raise ValueError("the clock goes forward only")
        self.world.advance(seconds)
        return self.get_clock(parts, query, body)

    def get_faults(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        faults = self.world.faults
        if not parts:
            return 200, faults.list()
        if parts == ["kinds"]:
            return 200, [kind.describe() for kind in KINDS.values()]
        if parts == ["log"]:
            after, limit = int(query.get("after", 0)), int(query.get("limit", 1000))
            last = int(query["last"]) if "last" in query else None
            return 200, faults.log(after, limit, query.get("fault"), last)
        if parts == ["scripts"]:
            return 200, faults.scripts()
        found = faults.get(parts[0])
        return (200, found) if found is not None else (404, {"error": f"There is no fault {parts[0]}."})

    def post_faults(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if parts == ["scripts"]:
            script, ids = self.world.faults.add_script(body.get("faults"), str(body.get("name") or ""))
            return 201, {"id": script, "faults": ids}
        if parts:
            return 404, {"error": f"Faults are posted to faults or faults/scripts, not to {'/'.join(parts)}."}
        return 201, {"id": self.world.faults.add(body).id}

    def delete_faults(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if not parts:
            self.world.faults.clear()
            return 200, {}
        if parts[0] == "scripts" and len(parts) == 2:
            ended = self.world.faults.remove_script(parts[1])
            gone = 404, {"error": f"Of a script {parts[1]} nothing is scheduled or active."}
            return (200, {"faults": ended}) if ended else gone
        if self.world.faults.remove(parts[0]):
            return 200, {}
        return 404, {"error": f"There is no fault {parts[0]}."}

    def get_requests(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        after, via = int(query.get("after", 0)), query.get("via", "api")
        if parts == ["counts"]:
            return 200, self.world.requests.counts(after, via)
        return 200, self.world.requests.after(after, int(query.get("limit", 1000)), via)

    def get_decisions(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """What users and roles asked to do, each distinct decision once: see iam/decisions.py."""
        wanted = {name: query[name] for name in ("account", "principal", "action") if name in query}
        return 200, self.world.decisions.after(int(query.get("after", 0)), **wanted)

    def get_cognito(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if parts != ["messages"]:
            return 404, {"error": "Of Cognito the control API shows messages."}
        return 200, messages.listed(self.world, query["pool"], query.get("username"))

    def get_sent(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        """Push messages and e-mail of an account and region, oldest first."""
        return 200, sent.listed(self.world, query["account"], query["region"])

    def get_snapshots(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, self.world.snapshots.accounts()

    def put_snapshots(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        self.world.snapshots.keep("/".join(parts))
        return 200, {}

    def post_snapshots(
        self, parts: list[str], query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        """Put one back."""
        name = "/".join(parts)
        if name not in self.world.snapshots.accounts():
            return 404, {"error": f"There is no snapshot {name}."}
        self.world.put_back(name)
        return 200, {}

    def post_reset(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        self.world.reset()
        return 200, {}

    def get_resources(self, parts: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        return 200, [
            {
                "account": r.account,
                "region": r.region,
                "type": r.type,
                "id": r.id,
                "arn": r.arn,
                "state": r.state,
                "tags": r.tags,
                "properties": r.properties,
                "stack": r.stack,
            }
            for r in self.world.store.all()
            if r.type.startswith("AWS::")
            and query.get("account", r.account) == r.account
            and query.get("region", r.region) == r.region
            and query.get("type", r.type) == r.type
        ]
