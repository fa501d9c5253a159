"""The front door: one ASGI application for all services, accounts and regions."""

from __future__ import annotations

import asyncio
import inspect
import json
import logging
import time
import uuid
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import UnknownServiceError
from starlette.datastructures import Headers

from sandbox import anonymous, registry
from sandbox.application import hosting, web
from sandbox.context import Context
from sandbox.control import PREFIX, Control
from sandbox.errors import AwsError
from sandbox.faults import Fault
from sandbox.iam.authorize import authorize
from sandbox.iam.principals import principal_of
from sandbox.services.cognito_idp import public
from sandbox.signing import Scope, scope_of, unchunk
from sandbox.wire import protocol
from sandbox.wire.models import service_model, service_name
from sandbox.wire.protocol import Asked
from sandbox.world import World

log = logging.getLogger("sandbox")
HANG_S = 3600
EVERYWHERE = ("iam", "route53", "cloudfront", "organizations")
CONTROL_PLANE = "us-east-1"
Answer = tuple[int, dict[str, str], bytes]


class Application:
    """ASGI entry: control API, lifespan, and everything else as an AWS request."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.control = Control(world, time.time())

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        body = await _body(receive)
        path = scope["raw_path"].decode("ascii") or "/"
        query = parse_qsl(scope["query_string"].decode("ascii"), keep_blank_values=True)
        said = await web.handle(self.world, scope, path, dict(query), body, send)
        if said != "other":
            if said == "hang":
                await self._hang(receive)
            return
        if path.startswith(PREFIX):
            status, document = self.control.handle(scope["method"], path, dict(query), body)
            self.world.store.flush()
            await _send(send, (status, {"content-type": "application/json"}, json.dumps(document).encode()))
            return
        headers = Headers(scope=scope)
        if public.is_document(path) and "authorization" not in headers:
            answer = await self._document(headers, path)
        else:
            answer = await self._aws(scope["method"], path, query, headers, body)
        if answer is None:
            await self._hang(receive)
        else:
            await _send(send, answer)

    async def _document(self, headers: Headers, path: str) -> Answer | None:
        """A user pool's public document; None: hang."""
        said = await public.document(self.world, headers.get("host", ""), path)
        self.world.store.flush()
        if isinstance(said, str):
            return None if said == "hang" else (503, {"content-type": "text/plain"}, b"")
        return said[0], {"content-type": "application/json"}, said[1]

    async def _lifespan(self, receive: Any, send: Any) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.world.start()
                await send({"type": "lifespan.startup.complete"})
            else:
                await hosting.of(self.world).close()
                self.world.store.close()
                await send({"type": "lifespan.shutdown.complete"})
                return

    @staticmethod
    async def _hang(receive: Any) -> None:
        """Say nothing until the caller gives up."""
        with_timeout = asyncio.wait_for(_disconnected(receive), HANG_S)
        try:
            await with_timeout
        except TimeoutError:
            log.warning("A caller waited an hour in a dark region")

    async def _aws(
        self, method: str, path: str, query: list[tuple[str, str]], headers: Headers, body: bytes
    ) -> Answer | None:
        """The answer to an AWS request; None: hang."""
        request = _Request(self.world, method, path, query, headers, body)
        try:
            answer = await request.answer()
        except Exception:
            log.exception("%s %s failed in the sandbox itself", method, path)
            problem = AwsError("InternalFailure", "The sandbox failed: its log has the traceback.", 500)
            answer = request.error(problem)
        request.write_log(answer)
        if self.world.store.changed:
            self.world.store.flush()
        return answer


class _Request:
    """One AWS request on its way through scope, faults, identity, permission and handler."""

    def __init__(
        self,
        world: World,
        method: str,
        path: str,
        query: list[tuple[str, str]],
        headers: Headers,
        body: bytes,
    ) -> None:
        self.world, self.method, self.path, self.query = world, method, path, query
        self.headers, self.body = headers, body
        self.id = str(uuid.uuid4())
        self.scope: Scope | None = None
        self.asked: Asked | None = None
        self.account = self.principal = self.code = ""
        self.struck_by: str | None = None

    async def answer(self) -> Answer | None:
        try:
            unsigned = anonymous.scope_without_signature(self.headers)
            self.scope = unsigned or scope_of(self.headers, self.query)
            if self.scope.service == "s3" and "x-amz-account-id" in self.headers:
                # S3 Control signs as S3 does; whom it is about stands in a header.
                self.scope = replace(self.scope, service="s3control")
            elif self.scope.service == "s3":
                self._address_bucket()
            self.asked = protocol.parse(
                self.scope.service, self.method, self.path, self.query, self.headers, self.body
            )
        except UnknownServiceError:
            return self.error(
                AwsError("UnknownService", f"The sandbox has no service {self._service()}.", 404)
            )
        except AwsError as problem:
            return self.error(problem)
        return await self._carry_out(self.scope, self.asked)

    async def _carry_out(self, scope: Scope, asked: Asked) -> Answer | None:
        try:
            if anonymous.is_public(asked):
                who, scope = anonymous.caller(self.world, scope, asked)
                self.scope = scope
            else:
                anonymous.refuse_unsigned(scope)
                who = principal_of(self.world, scope.access_key, scope.token)
        except AwsError as problem:
            return self.error(problem)
        self.account, self.principal = who.account, who.arn
        facts = {
            "account": who.account,
            # A service without regions is where its control plane is, whatever region its client was made for.
            "region": CONTROL_PLANE if asked.service in EVERYWHERE else scope.region,
            "service": asked.service,
            "operation": asked.name,
        }
        fault = self.world.faults.strike(facts)
        self.struck_by = fault.id if fault is not None else None
        if fault is not None and fault.kind != "timeout-after-success":
            return self._faulty(fault)
        ctx = Context(
            self.world, who.account, scope.region, who, asked.service, asked.name, self.id, self._base_url()
        )
        try:
            if who.kind != "anonymous":
                authorize(ctx, asked)
            handler = registry.OPERATIONS.get((asked.service, asked.name))
            if handler is None:
                raise AwsError(
                    "NotImplemented", f"{asked.service}:{asked.name} is not supported by the sandbox", 501
                )
            result = handler(ctx, asked.params)
            if inspect.isawaitable(result):
                result = await result
        except AwsError as problem:
            return self.error(problem)
        if fault is not None:
            return None
        return self._with_id(
            protocol.serialize(asked.service, asked.operation, asked.protocol, result, self.id)
        )

    def _faulty(self, fault: Fault) -> Answer | None:
        if fault.kind == "dark":
            if fault.body.get("mode") == "hang":
                self.code = "hang"
                return None
            return self.error(AwsError("ServiceUnavailable", "The region cannot be reached.", 503))
        if fault.kind == "throttle":
            s3 = self.asked is not None and self.asked.service == "s3"
            code = "SlowDown" if s3 else "Throttling"
            return self.error(AwsError(code, "Rate exceeded", 503 if s3 else 400))
        if fault.kind == "deny":
            action = f"{self._service()}:{self.asked.name if self.asked else '*'}"
            text = f"User: {self.principal} is not authorized to perform: {action} with an explicit deny"
            return self.error(AwsError("AccessDenied", text, 403))
        body = fault.body
        return self.error(
            AwsError(
                str(body.get("code", "InternalFailure")),
                str(body.get("message", "The sandbox was told to fail here.")),
                int(body.get("status", 500)),
            )
        )

    def error(self, problem: AwsError) -> Answer:
        self.code = problem.code
        if self.asked is not None:
            problem = _in_dialect(self.asked, problem)
            answer = protocol.serialize(
                self.asked.service, self.asked.operation, self.asked.protocol, problem, self.id
            )
        else:
            answer = protocol.error_without_operation(self._protocol(), problem, self.id)
        if self.method == "HEAD":
            answer = (answer[0], answer[1], b"")
        return self._with_id(answer)

    def _address_bucket(self) -> None:
        """Undo aws-chunked, and write a virtual-hosted request in path style."""
        if "aws-chunked" in self.headers.get("content-encoding", "") or self.headers.get(
            "x-amz-content-sha256", ""
        ).startswith("STREAMING-"):
            self.body = unchunk(self.body)
        host = self.headers.get("host", "").partition(":")[0]
        for suffix in (".s3.localhost", ".localhost", ".s3.amazonaws.com"):
            if host.endswith(suffix) and host != suffix.removeprefix("."):
                bucket = host.removesuffix(suffix)
                if bucket != "s3":
                    self.path = f"/{bucket}{self.path}"
                return

    def _base_url(self) -> str:
        return f"http://{self.headers.get('host', 'localhost')}"

    def _service(self) -> str:
        return service_name(self.scope.service) if self.scope else ""

    def _protocol(self) -> str:
        if self.headers.get("x-amz-target"):
            return "json"
        try:
            return str(service_model(self._service()).protocol) if self._service() else "query"
        except UnknownServiceError:
            return "query"

    def _with_id(self, answer: Answer) -> Answer:
        answer[1]["x-amzn-requestid"] = self.id
        if self._service() == "s3":
            answer[1]["x-amz-request-id"] = self.id
        return answer

    def write_log(self, answer: Answer | None) -> None:
        self.world.requests.add(
            "api",
            account=self.account,
            region=self.scope.region if self.scope else "",
            service=self._service(),
            operation=self.asked.name if self.asked else "",
            principal=self.principal,
            status=answer[0] if answer else None,
            error=self.code or (None if answer else "no answer"),
            fault=self.struck_by,
        )


def _in_dialect(asked: Asked, problem: AwsError) -> AwsError:
    """Codes that every service knows, in the words of this one's protocol."""
    json_like = asked.protocol in ("json", "rest-json", "smithy-rpc-v2-cbor")
    table: dict[str, str] = {}
    if json_like:
        table = {
            "AccessDenied": "AccessDeniedException",
            "InvalidClientTokenId": "UnrecognizedClientException",
            "ExpiredToken": "ExpiredTokenException",
            "Throttling": "ThrottlingException",
        }
    elif asked.service == "s3":
        table = {"InvalidClientTokenId": "InvalidAccessKeyId"}
    elif asked.service == "ec2":
        table = {
            "AccessDenied": "UnauthorizedOperation",
            "InvalidClientTokenId": "AuthFailure",
            "Throttling": "RequestLimitExceeded",
        }
    if problem.code in table:
        return AwsError(table[problem.code], problem.message, problem.status)
    return problem


async def _body(receive: Any) -> bytes:
    parts = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            break
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    return b"".join(parts)


async def _disconnected(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send(send: Any, answer: Answer) -> None:
    status, headers, body = answer
    headers.setdefault("content-length", str(len(body)))
    pairs = [(k.encode("latin-1"), v.encode("latin-1", "replace")) for k, v in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
