"""Parsing of a request and serializing of its answer, by the service's protocol."""

from __future__ import annotations

import json
import warnings
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, JSONParser, RequestParserError
from moto.core.serialize import JSONSerializer, SerializationContext, get_serializer_class
from starlette.datastructures import Headers
from werkzeug.datastructures import MultiDict

from sandbox.errors import AwsError
from sandbox.wire import cbor
from sandbox.wire.models import route, service_model, service_name

warnings.filterwarnings("ignore", message=".*does not match an error shape.*")


class Asked:
    """A recognised request: service, operation, protocol and parsed input."""

    def __init__(
        self, service: str, operation: OperationModel, protocol: str, params: dict[str, Any]
    ) -> None:
        self.service = service
        self.operation = operation
        self.protocol = protocol
        self.params = params

    @property
    def name(self) -> str:
        return str(self.operation.name)


class _CborParser(JSONParser):
    def _parse_blob(self, shape: Any, value: Any) -> Any:
        return value

    def _parse_timestamp(self, shape: Any, value: Any) -> Any:
        return value.replace(tzinfo=None) if isinstance(value, datetime) else value

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        return cbor.decode(body_contents) if body_contents else {}


class _CborSerializer(JSONSerializer):
    def _serialize_type_timestamp(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if isinstance(value, (int, float)):
            value = datetime.fromtimestamp(value, UTC)
        self._default_serialize(serialized, value, shape, key)

    def _serialize_type_blob(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        self._default_serialize(serialized, value, shape, key)

    def _serialize_body(self, body: Any) -> Any:
        return cbor.encode(body)

    def _get_protocol_specific_content_type(self) -> str:
        return "application/cbor"


def parse(
    signing_name: str, method: str, path: str, query: list[tuple[str, str]], headers: Headers, body: bytes
) -> Asked:
    """What the request asks for. Raises AwsError for an operation that the model does not have."""
    values: MultiDict[str, str] = MultiDict(query)
    target = headers.get("x-amz-target")
    if headers.get("smithy-protocol") == "rpc-v2-cbor":
        _, _, _, _, operation = path.split("/")
        service = service_name(signing_name)
        model = _operation(service_model(service), operation)
        return _parsed(service, model, "smithy-rpc-v2-cbor", method, path, values, headers, body, {})
    if target:
        service = service_name(signing_name)
        model = _operation(service_model(service), target.rpartition(".")[2])
        return _parsed(service, model, "json", method, path, values, headers, body, {})
    service = service_name(signing_name)
    description = service_model(service)
    protocol = description.protocol
    if protocol in ("rest-xml", "rest-json"):
        found = route(service, method, path, values, headers)
        if found is None:
            raise AwsError(
                "MethodNotAllowed", "The specified method is not allowed against this resource.", 405
            )
        return _parsed(service, found[0], protocol, method, path, values, headers, body, found[1])
    for key, value in parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True):
        values.add(key, value)
    if "Action" not in values:
        raise AwsError("MissingAction", "The request is missing an action or a required parameter.", 400)
    protocol = "ec2" if protocol == "ec2" else "query"
    model = _operation(description, values["Action"])
    return _parsed(service, model, protocol, method, path, values, headers, body, {})


def _operation(model: ServiceModel, name: str) -> OperationModel:
    if name not in model.operation_names:
        raise AwsError("InvalidAction", f"The action {name} is not valid for this web service.", 400)
    return model.operation_model(name)


def _parsed(
    service: str,
    operation: OperationModel,
    protocol: str,
    method: str,
    path: str,
    values: MultiDict[str, str],
    headers: Headers,
    body: bytes,
    url_params: dict[str, str],
) -> Asked:
    parser = _CborParser if protocol == "smithy-rpc-v2-cbor" else PROTOCOL_PARSERS[protocol]
    request: Any = {
        "body": body,
        "headers": headers,
        "method": method,
        "url_params": url_params,
        "url_path": path,
        "values": values,
    }
    try:
        params = parser(operation, timestamp_parser=None).parse(request) or {}
    except (RequestParserError, ValueError, KeyError, AttributeError, TypeError) as problem:
        raise AwsError("SerializationException", f"The request cannot be read: {problem}", 400) from problem
    asked = Asked(service, operation, protocol, params)
    _check_required(asked)
    return asked


def _check_required(asked: Asked) -> None:
    shape = asked.operation.input_shape
    missing = [m for m in (shape.required_members if shape else ()) if asked.params.get(m) is None]
    if missing:
        raise AwsError(
            "ValidationException" if asked.protocol in ("json", "smithy-rpc-v2-cbor") else "ValidationError",
            f"{len(missing)} validation error detected: Value null at '{missing[0][0].lower()}{missing[0][1:]}' "
            "failed to satisfy constraint: Member must not be null",
            400,
        )


def serialize(
    service: str, operation: OperationModel, protocol: str, result: Any, request_id: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer or (result is an AwsError) of an error."""
    cls = _CborSerializer if protocol == "smithy-rpc-v2-cbor" else get_serializer_class(service, protocol)
    serializer = cls(operation, context=SerializationContext(request_id))
    answer = serializer.serialize({} if result is None else result)
    body = answer["body"]
    status = int(answer["status_code"])
    if isinstance(result, dict):
        status = int(result.get("__status__", status))  # S3 answers 206 to a range
    if isinstance(result, AwsError) and result.status is not None:
        status = result.status
    headers = {k.lower(): str(v) for k, v in answer["headers"].items()}
    if service == "s3" and isinstance(result, dict) and "ContentType" in result:
        headers["content-type"] = str(
            result["ContentType"]
        )  # the serializer writes its own over the object's
    if protocol == "smithy-rpc-v2-cbor":
        headers["smithy-protocol"] = "rpc-v2-cbor"
    if body is None:
        body = b""
    return status, headers, body.encode() if isinstance(body, str) else body


def error_without_operation(
    protocol: str, problem: AwsError, request_id: str
) -> tuple[int, dict[str, str], bytes]:
    """The answer to a request of which the operation is not known."""
    status = problem.status or 400
    if protocol in ("json", "rest-json"):
        body = json.dumps({"__type": problem.code, "message": problem.message}).encode()
        return status, {"content-type": "application/x-amz-json-1.1", "x-amzn-errortype": problem.code}, body
    inner = f"<Code>{escape(problem.code)}</Code><Message>{escape(problem.message)}</Message>"
    if protocol == "rest-xml":
        text = (
            f'<?xml version="1.0" encoding="UTF-8"?><Error>{inner}<RequestId>{request_id}</RequestId></Error>'
        )
    elif protocol == "ec2":
        text = (
            f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        )
    else:
        text = (
            f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
    return status, {"content-type": "text/xml"}, text.encode()
