"""Taking records, and what a stream is.

Source: Firehose API reference (PutRecordBatch: at most 500 records and 4 MiB, a record 1,000 KiB).
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from sandbox.context import Context
from sandbox.errors import AwsError
from sandbox.registry import operation, resource_type
from sandbox.schema_types import SchemaType
from sandbox.services.firehose import delivery
from sandbox.services.firehose.delivery import STREAM
from sandbox.store import Record

MOST_RECORDS, MOST_BYTES, LONGEST = 500, 4 * 1024 * 1024, 1000 * 1024


@resource_type(STREAM)
class DeliveryStream(SchemaType):
    """A stream; what it has taken and not yet written is gone with it, as in AWS."""

    def created(self, ctx: Context, record: Record) -> None:
        super().created(ctx, record)
        record.attributes["Arn"] = record.arn

    def deleted(self, ctx: Context, record: Record) -> bool | None:
        delivery.forget(ctx.world, record)
        return None


def _stream(ctx: Context, name: str) -> Record:
    record = ctx.store.get(ctx.account, ctx.region, STREAM, name)
    if record is None:
        said = f"Firehose {name} under account {ctx.account} not found."
        raise AwsError("ResourceNotFoundException", said, 400)
    return record


def _data(record: dict[str, Any]) -> bytes:
    value = record["Data"]
    return value.encode() if isinstance(value, str) else bytes(value)


@operation("firehose", "PutRecord")
def put_record(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = _put(ctx, params["DeliveryStreamName"], [params["Record"]])
    return {"RecordId": answer[0], "Encrypted": True}


@operation("firehose", "PutRecordBatch")
def put_record_batch(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    answer = _put(ctx, params["DeliveryStreamName"], params["Records"])
    return {"FailedPutCount": 0, "Encrypted": True, "RequestResponses": [{"RecordId": id} for id in answer]}


def _put(ctx: Context, name: str, records: list[dict[str, Any]]) -> list[str]:
    stream = _stream(ctx, name)
    taken = [_data(record) for record in records]
    if not 1 <= len(taken) <= MOST_RECORDS:
        raise AwsError("InvalidArgumentException", f"A batch has 1 to {MOST_RECORDS} records.", 400)
    if sum(map(len, taken)) > MOST_BYTES or any(len(data) > LONGEST for data in taken):
        raise AwsError("InvalidArgumentException", "The records are larger than a batch may be.", 400)
    for data in taken:
        ctx.store.append(
            delivery.queue(stream), {"at": ctx.now, "data": base64.b64encode(data).decode("ascii")}
        )
    delivery.arm(ctx.world, stream)
    return [uuid.uuid4().hex for _ in taken]


@operation("firehose", "DescribeDeliveryStream")
def describe_delivery_stream(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    stream = _stream(ctx, params["DeliveryStreamName"])
    encryption = stream.properties.get("DeliveryStreamEncryptionConfigurationInput")
    target = dict(stream.properties.get("ExtendedS3DestinationConfiguration") or {})
    return {
        "DeliveryStreamDescription": {
            "DeliveryStreamName": stream.id,
            "DeliveryStreamARN": stream.arn,
            "DeliveryStreamStatus": "DELETING" if stream.pending == "delete" else "ACTIVE",
            "DeliveryStreamType": stream.properties.get("DeliveryStreamType", "DirectPut"),
            "DeliveryStreamEncryptionConfiguration": (
                {**encryption, "Status": "ENABLED"} if encryption else {"Status": "DISABLED"}
            ),
            "VersionId": "1",
            "CreateTimestamp": stream.created_at,
            "Destinations": [
                {"DestinationId": "destinationId-000000000001", "ExtendedS3DestinationDescription": target}
            ],
            "HasMoreDestinations": False,
        }
    }


@operation("firehose", "ListDeliveryStreams")
def list_delivery_streams(ctx: Context, params: dict[str, Any]) -> dict[str, Any]:
    names = sorted(record.id for record in ctx.store.list(ctx.account, ctx.region, STREAM))
    after = params.get("ExclusiveStartDeliveryStreamName") or ""
    names = [name for name in names if name > after]
    most = int(params.get("Limit") or 10)
    return {"DeliveryStreamNames": names[:most], "HasMoreDeliveryStreams": len(names) > most}
