"""Webhooks as Standard Webhooks has them: a JSON document, an id that stays, a time, and HMAC-SHA256 signatures."""

import json
import time
from datetime import UTC, datetime

from standardwebhooks import Webhook

from environments.notifications.contents import Message
from environments.notifications.deliveries import Outcome
from environments.notifications.models import Channel
from environments.notifications.signing import signing_secrets
from workers.egress import Answer, Unreached, fetch

GONE = 410


def webhook_send(channel: Channel, message: Message) -> Outcome:
    """Post one message; any 2xx is a success."""
    body = json.dumps(message.payload, separators=(",", ":"), ensure_ascii=False)
    begun = time.monotonic()
    try:
        answer = fetch(
            "POST",
            channel.url,
            data=body.encode(),
            headers=_headers(channel, message.delivery.message_id, body),
        )
    except Unreached as error:
        return Outcome(False, str(error), duration_ms=_ms(begun))
    return outcome_of(answer, _ms(begun))


def outcome_of(answer: Answer, duration_ms: int) -> Outcome:
    """What an answer means for the delivery."""
    is_delivered = 200 <= answer.code < 300
    return Outcome(
        is_delivered,
        f"The receiver answered {answer.code}.",
        duration_ms=duration_ms,
        code=answer.code,
        text=answer.text,
        retry_after_s=None if is_delivered else answer.retry_after_s,
        gone=answer.code == GONE,
    )


def _headers(channel: Channel, message_id: str, body: str) -> dict[str, str]:
    """Signed with the secret, and for a day after a rotation with the one before as well."""
    now = datetime.now(UTC)
    signatures = [Webhook(secret).sign(message_id, now, body) for secret in signing_secrets(channel)]
    return {
        "Content-Type": "application/json",
        "User-Agent": "Switchyard",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _ms(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)
