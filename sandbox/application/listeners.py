"""What an Application Load Balancer does with a request: listener, rules, action, target.

Source: Application Load Balancer guide, "Listener rules" (conditions, actions), "Target groups" (routing, fail open).
"""

from __future__ import annotations

import fnmatch
import random
from dataclasses import dataclass, field
from typing import Any

from sandbox.context import Context
from sandbox.services.elbv2 import base, health
from sandbox.store import Record


@dataclass
class Request:
    """One HTTP request as it reaches a load balancer. Header names are lower case."""

    method: str
    host: str
    port: int
    path: str
    query: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    source: str = "127.0.0.1"
    balancer: Record | None = None
    """The load balancer that it came to, once that is known."""

    def header(self, name: str) -> str:
        return next((v for n, v in self.headers if n == name), "")

    @property
    def target(self) -> str:
        return f"{self.path}?{self.query}" if self.query else self.path


@dataclass
class Reply:
    """What comes back; `group` is the target group that answered, if one did."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    group: str = ""

    @classmethod
    def page(cls, status: int, title: str) -> Reply:
        """One of the load balancer's own pages."""
        text = (
            f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>"
        )
        headers = [("server", "awselb/2.0"), ("content-type", "text/html")]
        return cls(status, headers, text.encode())


def listener_of(ctx: Context, balancer: Record, port: int) -> Record | None:
    for listener in base.listeners_of(ctx, balancer.id):
        if int(listener.properties.get("Port") or 0) == port:
            return listener
    return None


def action_for(ctx: Context, listener: Record, request: Request) -> dict[str, Any]:
    """The last action of the first rule that fits, in the order of priorities; else the default one."""
    rules = sorted(base.rules_of(ctx, listener.id), key=lambda r: int(r.properties["Priority"]))
    for rule in rules:
        if all(_fits(condition, request) for condition in rule.properties["Conditions"]):
            return _last(rule.properties["Actions"])
    return _last(listener.properties["DefaultActions"])


def _last(actions: list[dict[str, Any]]) -> dict[str, Any]:
    """Actions come in their Order; those before the last are authentications."""
    return max(actions, key=lambda a: int(a.get("Order") or 0))


def authenticates(ctx: Context, listener: Record, request: Request) -> bool:
    """Whether the rule that fits asks for a sign-in first (authenticate-oidc, authenticate-cognito)."""
    rules = sorted(base.rules_of(ctx, listener.id), key=lambda r: int(r.properties["Priority"]))
    chosen = listener.properties["DefaultActions"]
    for rule in rules:
        if all(_fits(condition, request) for condition in rule.properties["Conditions"]):
            chosen = rule.properties["Actions"]
            break
    return any(str(action["Type"]).startswith("authenticate-") for action in chosen)


def _fits(condition: dict[str, Any], request: Request) -> bool:
    kind = condition.get("Field") or next(
        (n.removesuffix("Config") for n in condition if n.endswith("Config")), ""
    )
    if kind == "host-header":
        return _any(_values(condition, "HostHeaderConfig"), request.host.lower(), lower=True)
    if kind == "path-pattern":
        return _any(_values(condition, "PathPatternConfig"), request.path)
    if kind == "http-request-method":
        return request.method in _values(condition, "HttpRequestMethodConfig")
    if kind == "http-header":
        config = condition["HttpHeaderConfig"]
        return _any(config["Values"], request.header(config["HttpHeaderName"].lower()))
    if kind == "query-string":
        pairs = [part.partition("=") for part in request.query.split("&")]
        for wanted in condition["QueryStringConfig"]["Values"]:
            for key, _, value in pairs:
                if wanted.get("Key") in (None, key) and fnmatch.fnmatchcase(value, wanted["Value"]):
                    return True
        return False
    return False


def _values(condition: dict[str, Any], member: str) -> list[str]:
    return [str(v) for v in (condition.get(member) or {}).get("Values") or condition.get("Values") or ()]


def _any(patterns: list[str], value: str, lower: bool = False) -> bool:
    """`*` and `?` are wild, `[` is not."""
    plain = [(p.lower() if lower else p).replace("[", "[[]") for p in patterns]
    return any(fnmatch.fnmatchcase(value, pattern) for pattern in plain)


def redirect(action: dict[str, Any], request: Request, protocol: str) -> Reply:
    """The Location with #{…} filled in."""
    config = base.action_shape(action)["RedirectConfig"]
    known = {
        "#{protocol}": protocol,
        "#{host}": request.host,
        "#{port}": str(request.port),
        "#{path}": request.path.removeprefix("/"),
        "#{query}": request.query,
    }

    def filled(name: str) -> str:
        text = str(config[name])
        for word, value in known.items():
            text = text.replace(word, value)
        return text

    query = filled("Query")
    address = f"{filled('Protocol').lower()}://{filled('Host')}:{filled('Port')}{filled('Path')}"
    status = int(str(config["StatusCode"]).removeprefix("HTTP_"))
    reply = Reply.page(status, "301 Moved Permanently" if status == 301 else "302 Found")
    reply.headers.append(("location", f"{address}?{query}" if query else address))
    return reply


def fixed(action: dict[str, Any]) -> Reply:
    config = action["FixedResponseConfig"]
    headers = [("server", "awselb/2.0"), ("content-type", config.get("ContentType", "text/plain"))]
    return Reply(int(config["StatusCode"]), headers, str(config.get("MessageBody", "")).encode())


def target_for(ctx: Context, action: dict[str, Any]) -> tuple[str, str]:
    """(target group, target id) that a request is forwarded to; the id is "" where the group has no target.

    Healthy ones, or all when none is healthy (fail open).
    """
    weighted = base.action_shape(action)["ForwardConfig"]["TargetGroups"]
    weights = [int(g.get("Weight", 1)) for g in weighted]
    arn = str(random.choices(weighted, weights if any(weights) else None)[0]["TargetGroupArn"])
    group = ctx.store.get(ctx.account, ctx.region, base.TARGET_GROUP, arn)
    registered = group.data["targets"] if group is not None else []
    states = {t["Id"]: health.health(ctx, group, t)["State"] for t in registered} if group else {}
    good = [id for id, state in states.items() if state == "healthy"]
    usable = good or [id for id, state in states.items() if state in ("unhealthy", "initial")]
    return arn, random.choice(usable) if usable else ""
