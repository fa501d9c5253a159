"""The way in for browsers and probes: a request for a name goes through DNS, load balancer and instance to the process.

A request reaches it by its Host header (`curl -H "Host: shop.example.com" http://127.0.0.1:4566/`), through the sandbox
as an HTTP proxy, or by `GET /_sandbox/fetch?url=https://shop.example.com/`. TLS itself is not spoken here: the port
says which listener is meant (in a Host header; without one 443 where there is such a listener, else 80).
"""

from __future__ import annotations

import asyncio
import http.client
import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sandbox.application import dns, hosting, instance, listeners, processes
from sandbox.application.bundle import CannotRun
from sandbox.application.dark import darkness, struck
from sandbox.application.listeners import Reply, Request
from sandbox.application.surroundings import INSTANCE_PATH
from sandbox.services import cloudwatch
from sandbox.services.elbv2.base import BALANCER
from sandbox.services.route53 import status
from sandbox.services.route53.names import HEALTH_CHECK, normal
from sandbox.store import Record

if TYPE_CHECKING:
    from sandbox.context import Context
    from sandbox.world import World

FETCH_PATH = "/_sandbox/fetch"
RESOLVE_PATH = "/_sandbox/resolve"
CHECKS_PATH = "/_sandbox/health-checks"
OURS = (FETCH_PATH, RESOLVE_PATH, CHECKS_PATH)
TIMEOUT_S = 60.0
"""A load balancer's default idle timeout."""
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
    "content-length",
}
REQUESTS_KEPT = 1000


class Unreachable(Exception):
    """No answer at all comes from where the name leads; `hang`: not even a refusal. The text says why."""

    def __init__(self, why: str, hang: bool = False, fault: str | None = None) -> None:
        super().__init__(why)
        self.hang, self.fault = hang, fault


def is_name_of_ours(world: World, host: str) -> bool:
    """Whether a Host header is a name that leads to a load balancer, rather than to AWS's API."""
    name = host.partition(":")[0].lower()
    if name in ("", "localhost") or name.replace(".", "").isdigit():
        return False
    full = normal(name)
    if full.endswith(("amazonaws.com.", "elasticbeanstalk.com.")):
        return dns.balancer_of(world, full) is not None
    return dns.zone_of(world, full) is not None


async def handle(
    world: World, scope: dict[str, Any], path: str, query: dict[str, str], body: bytes, send: Any
) -> str:
    """Answer an ASGI request that is not for AWS's API: `answered`, `hang` (say nothing), or `other` (not ours)."""
    headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in scope["headers"]]
    host = next((v for n, v in headers if n == "host"), "")
    if path in OURS:
        reply = await _control(world, scope["method"], path, query, body)
    elif path.startswith(INSTANCE_PATH + "/"):
        code, kind, content = instance.answer(world, scope["method"], path.removeprefix(INSTANCE_PATH + "/"))
        reply = Reply(code, [("content-type", kind)], content)
    elif path.startswith("/_sandbox") or not is_name_of_ours(world, host):
        return "other"
    else:
        name, _, port = host.partition(":")
        asked = scope["query_string"].decode("ascii")
        request = Request(scope["method"], name.lower(), int(port or 0), path, asked, headers, body)
        try:
            reply = await served(world, request)
        except Unreachable as problem:
            if problem.hang:
                return "hang"
            said = [("content-type", "text/plain"), ("x-sandbox", "unreachable")]
            reply = Reply(502, said, str(problem).encode())
    pairs = [(n.encode("latin-1"), v.encode("latin-1", "replace")) for n, v in reply.headers]
    pairs.append((b"content-length", str(len(reply.body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": pairs})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else reply.body})
    world.store.flush()
    return "answered"


async def _control(world: World, method: str, path: str, query: dict[str, str], body: bytes) -> Reply:
    kind = [("content-type", "application/json")]
    try:
        if path == FETCH_PATH:
            document: Any = await fetch(world, query)
        elif path == RESOLVE_PATH:
            document = resolved(world, query)
        else:
            document = checks(world, json.loads(body) if method == "POST" else None)
    except (ValueError, KeyError) as problem:
        said = {"error": f"The request cannot be used: {problem}."}
        return Reply(400, kind, json.dumps(said).encode())
    return Reply(200, kind, json.dumps(document).encode())


def checks(world: World, change: dict[str, Any] | None) -> list[dict[str, Any]]:
    """All health checks of Route 53 and their states; `change` {"id", "status"} drives one.

    status: healthy, unhealthy, or null for what is found by itself. Raises ValueError for another one.
    """
    found = list(world.store.everywhere(HEALTH_CHECK))
    if change is not None:
        driven = change["status"]
        if driven not in ("healthy", "unhealthy", None):
            raise ValueError("status must be healthy, unhealthy or null")
        record = next((r for r in found if r.id == change["id"]), None)
        if record is None:
            raise ValueError(f"there is no health check {change['id']}")
        record.data["driven"] = driven
        world.store.put(record)
    return [
        {
            "id": r.id,
            "account": r.account,
            "type": status.config_of(r)["Type"],
            "healthy": status.healthy(world, r.account, r.id),
            "driven": r.data.get("driven"),
            "said": r.data.get("said", ""),
        }
        for r in found
    ]


async def fetch(world: World, query: dict[str, str]) -> dict[str, Any]:
    """The control call: what a client of a URL sees, as data. Raises ValueError for a URL that is none."""
    url = urlsplit(query.get("url", ""))
    if url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("url must be http:// or https:// and a name")
    port = url.port or (443 if url.scheme == "https" else 80)
    request = Request(query.get("method", "GET"), url.hostname, port, url.path or "/", url.query)
    request.body = query.get("body", "").encode()
    request.headers = [("host", url.hostname), ("content-length", str(len(request.body)))]
    began = time.monotonic()
    try:
        reply = await served(world, request)
    except Unreachable as problem:
        return {"status": None, "error": str(problem), "hang": problem.hang}
    return {
        "status": reply.status,
        "headers": dict(reply.headers),
        "body": reply.body.decode(errors="replace"),
        "took_ms": round((time.monotonic() - began) * 1000),
    }


async def served(world: World, request: Request) -> Reply:
    """`ask` by a client (a health check's probes are none): the log of calls tells it. Raises Unreachable."""
    try:
        reply = await ask(world, request)
    except Unreachable as problem:
        _note(world, request, None, "hang" if problem.hang else "unreachable", problem.fault)
        raise
    _note(world, request, reply.status)
    return reply


def _note(
    world: World, request: Request, status: int | None, error: str | None = None, fault: str | None = None
) -> None:
    world.requests.add(
        "application",
        account=request.balancer.account if request.balancer else "",
        region=request.balancer.region if request.balancer else "",
        service="application",
        operation=request.method,
        resource=f"{request.host}{request.path}",
        status=status,
        error=error,
        fault=fault,
    )


async def ask(world: World, request: Request) -> Reply:
    """What the name's load balancer answers. Raises Unreachable."""
    addresses = [request.host]
    if not request.host.replace(".", "").isdigit():
        found = dns.resolve(world, request.host)
        addresses = found.addresses()
        if not addresses:
            raise Unreachable(f"The name {request.host} has no address ({found.rcode}).")
    balancer = _balancer_at(world, addresses[0])
    if balancer is None:
        raise Unreachable(f"Nothing listens on {addresses[0]}, the address of {request.host}.")
    request.balancer = balancer
    ctx = world.context(balancer.account, balancer.region)
    dark = darkness(world, balancer.account, balancer.region, "elbv2")
    if dark is not None:
        fault = struck(world, balancer.account, balancer.region, "elbv2", request.host)
        raise Unreachable(f"The region {balancer.region} is dark.", dark == "hang", fault)
    return await through(ctx, balancer, request)


def _balancer_at(world: World, address: str) -> Record | None:
    name = hosting.of(world).addresses.name_at(address)
    for record in world.store.everywhere(BALANCER) if name else ():
        if record.id == name:
            return record
    return None


async def through(ctx: Context, balancer: Record, request: Request) -> Reply:
    """Listener, rule, action, target, process. Raises Unreachable where no listener has the port."""
    ports = [request.port] if request.port else [443, 80]
    listener = next((x for port in ports if (x := listeners.listener_of(ctx, balancer, port))), None)
    if listener is None or balancer.state == "provisioning":
        raise Unreachable(f"The load balancer of {request.host} has no listener on port {ports[-1]}.")
    request.port = int(listener.properties["Port"])
    protocol = str(listener.properties.get("Protocol", "HTTP"))
    if listeners.authenticates(ctx, listener, request):
        return Reply(
            501,
            [("content-type", "text/plain")],
            b"Signing in at the load balancer is not part of the sandbox.",
        )
    action = listeners.action_for(ctx, listener, request)
    began = time.monotonic()
    if action["Type"] == "redirect":
        reply = listeners.redirect(action, request, protocol)
    elif action["Type"] == "fixed-response":
        reply = listeners.fixed(action)
    else:
        reply = await _forward(ctx, action, request, protocol)
    _measure(ctx, balancer, reply, time.monotonic() - began)
    return reply


async def _forward(ctx: Context, action: dict[str, Any], request: Request, protocol: str) -> Reply:
    group, target = listeners.target_for(ctx, action)
    env = processes.environment_of(ctx, target) if target else None
    if env is None:
        return Reply.page(503, "503 Service Temporarily Unavailable")
    dark = darkness(ctx.world, ctx.account, ctx.region, "ec2")
    if dark is not None:
        return Reply.page(504, "504 Gateway Time-out")
    try:
        program = await processes.ensure(ctx, env)
    except CannotRun as problem:
        reply = Reply.page(502, "502 Bad Gateway")
        # AWS's page tells nobody why; who looks at the sandbox may know.
        reply.headers.append(("x-sandbox", " ".join(str(problem).split())))
        return reply
    if len(request.body) > program.largest_body:
        reply = Reply.page(413, "413 Request Entity Too Large")
        reply.headers[0] = ("server", "nginx")
        reply.group = group
        return reply
    try:
        reply = await asyncio.to_thread(_pass_on, program.port, request, protocol)
    except TimeoutError:
        reply = Reply.page(504, "504 Gateway Time-out")
    except (OSError, http.client.HTTPException):
        reply = Reply.page(502, "502 Bad Gateway")
    program.requests.append((ctx.now, reply.status))
    del program.requests[:-REQUESTS_KEPT]
    reply.group = group
    return reply


def _pass_on(port: int, request: Request, protocol: str) -> Reply:
    """The request as the load balancer sends it on, to a process of this machine."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", request.host)
        for name, value in request.headers:
            if name not in HOP_BY_HOP and name != "host" and not name.startswith("x-forwarded-"):
                connection.putheader(name, value)
        connection.putheader("X-Forwarded-For", request.source)
        connection.putheader("X-Forwarded-Proto", protocol.lower())
        connection.putheader("X-Forwarded-Port", str(request.port))
        connection.putheader("Content-Length", str(len(request.body)))
        connection.endheaders(request.body or None)
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    kept = [(n.lower(), v) for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP]
    return Reply(answer.status, kept, content)


def _measure(ctx: Context, balancer: Record, reply: Reply, seconds: float) -> None:
    """AWS/ApplicationELB: RequestCount, TargetResponseTime and the counts of status codes."""
    by = [{"Name": "LoadBalancer", "Value": str(balancer.attributes.get("LoadBalancerFullName", ""))}]
    side = "Target" if reply.group else "ELB"
    values = {"RequestCount": 1.0, f"HTTPCode_{side}_{reply.status // 100}XX_Count": 1.0}
    if reply.group:
        values["TargetResponseTime"] = seconds
    data = [{"MetricName": n, "Dimensions": by, "Value": v} for n, v in values.items()]
    cloudwatch.put_metric_data(ctx, {"Namespace": "AWS/ApplicationELB", "MetricData": data})


def resolved(world: World, query: dict[str, str]) -> dict[str, Any]:
    """The control call `GET /_sandbox/resolve?name=&type=&region=`. Raises ValueError without a name."""
    if not query.get("name"):
        raise ValueError("name must be given")
    answer = dns.resolve(world, query["name"], query.get("type", "A").upper(), query.get("region", ""))
    return {
        "rcode": answer.rcode,
        "answers": answer.records,
        "nameserver": hosting.of(world).nameserver,
    }
