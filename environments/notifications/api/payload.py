"""What a webhook is sent, as the OpenAPI document has it (section "webhooks"); for people there is docs/webhooks.md."""

from typing import Any

from drf_spectacular.utils import OpenApiWebhook, extend_schema
from rest_framework import serializers

from environments.notifications.topics import TOPICS


class PayloadSubjectSerializer(serializers.Serializer):
    """What it is about."""

    type = serializers.CharField()
    id = serializers.IntegerField()
    name = serializers.CharField(help_text="Its name at that moment.")


class PayloadOperationSerializer(serializers.Serializer):
    """The operation that it tells of."""

    id = serializers.IntegerField()
    kind = serializers.CharField()
    requested_by = serializers.CharField(allow_null=True)
    url = serializers.URLField(help_text="Of the API: how it is now.")


class PayloadDataSerializer(serializers.Serializer):
    """What happened."""

    notice = serializers.IntegerField()
    sentence = serializers.CharField(help_text="What happened and what to do, for people.")
    team = serializers.CharField(allow_null=True, help_text="Slug; null for what belongs to no team.")
    subject = PayloadSubjectSerializer()
    operation = PayloadOperationSerializer(allow_null=True)
    url = serializers.URLField(help_text="The page that tells more.")
    details = serializers.DictField(help_text="What a topic adds; may be empty, and may grow.")


class PayloadSerializer(serializers.Serializer):
    """A signed document (Standard Webhooks)."""

    type = serializers.ChoiceField(choices=sorted(TOPICS))
    timestamp = serializers.DateTimeField(help_text="When it happened.")
    # As Standard Webhooks has it; a serializer's own `data` is not asked for here.
    data = PayloadDataSerializer()  # type: ignore[assignment]


def _header(name: str, told: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "required": True, "schema": {"type": "string"}, "description": told}


HEADERS = [
    _header("webhook-id", "Stays the same when a delivery is repeated: drop what you have seen."),
    _header("webhook-timestamp", "When it was sent, in seconds since 1970."),
    _header(
        "webhook-signature", "v1,<base64 of HMAC-SHA256 over id.timestamp.body>; several with spaces between."
    ),
]
"""What every webhook carries; drf-spectacular documents no headers of webhooks, so the generator adds them."""

WEBHOOKS = [
    OpenApiWebhook(
        name=name,
        decorator=extend_schema(
            summary=f"It {topic.title}",
            description=f"For webhooks that ask for the group `{topic.group}`.",
            request=PayloadSerializer,
            responses={"2XX": None},
        ),
    )
    for name, topic in sorted(TOPICS.items())
]
